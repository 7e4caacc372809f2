import type { Template } from 'aws-cdk-lib/assertions';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { expect, test } from 'vitest';
import type { AlarmOverrides } from '../../infra/alarms/overrides.js';
import { aReaper, propertiesOf, resolved } from './a-reaper.js';

const INSTANCES = ['writer', 'reader'].map((name) => ({ name, host: `${name}.example`, dbInstanceIdentifier: name }));

test.each<[string, 'interval' | 'onAlarm', AlarmOverrides, readonly string[]]>([
  ['by default', 'interval', {}, ['ServerFull', 'SlotsNearlyFull', 'ReaperNotRunning']],
  [
    'by default without a schedule',
    'onAlarm',
    { DatabaseConnections: { threshold: 180 } },
    ['ServerFull', 'SlotsNearlyFull'],
  ],
  ['by those that are left of the default', 'interval', { SlotsNearlyFull: false }, ['ServerFull', 'ReaperNotRunning']],
  [
    'by what it is told',
    'interval',
    { Page: { of: ['ReaperFailing', 'ServerFull'] } },
    ['ServerFull', 'ReaperFailing'],
  ],
])('Page is set off %s', (_, schedule, alarms, expected) => {
  const { template } = aReaper({ instances: INSTANCES, schedule, alarms });
  const names = expected.flatMap((name) => (name === 'ReaperFailing' ? [name] : [`${name}-writer`, `${name}-reader`]));
  expect(ruleOf(template)).toBe(names.map((name) => `ALARM("ConnectionReaper-orders-${name}")`).join(' OR '));
  expect(resolved(pageOf(template)['AlarmDescription'])).toContain(
    `orders: any of ${expected.join(', ')} is in ALARM.`,
  );
});

test('Page goes to a topic of its own, alarm and recovery, and says what to do', () => {
  const { template, reaper } = aReaper();
  const page = pageOf(template);
  expect(page['AlarmName']).toBe('ConnectionReaper-orders-Page');
  expect(resolved(page['AlarmActions'])).toEqual([expect.stringMatching(/^\$\{ReaperPageTopic\w+\}$/)]);
  expect(resolved(page['OKActions'])).toEqual(resolved(page['AlarmActions']));
  expect(reaper.alarms.page).toBeDefined();
  const [, evaluation, command, link] = String(resolved(page['AlarmDescription'])).split('\n\n');
  expect(evaluation).toContain('is OK once all of them are');
  expect(command).toMatch(/^aws lambda invoke .*'\{"action":"report"\}'/);
  expect(link).toBe('docs/runbook.md#page');
});

test('Page does what it is told instead', () => {
  const arn = 'arn:aws:sns:eu-central-1:123456789012:pager';
  const { template } = aReaper(({ stack }) => {
    const action = new SnsAction(Topic.fromTopicArn(stack, 'Pager', arn));
    return { alarms: { Page: { actions: [action], okActions: [action] } } };
  });
  expect(pageOf(template)).toMatchObject({ AlarmActions: [arn], OKActions: [arn] });
});

test('Page is left out', () => {
  const { template, reaper } = aReaper({ alarms: { Page: false } });
  template.resourceCountIs('AWS::CloudWatch::CompositeAlarm', 0);
  expect(reaper.alarms.page).toBeUndefined();
  expect(reaper.alarms.all).toEqual(Object.values(reaper.alarms.byName).flat());
});

function pageOf(template: Template) {
  const [page, ...others] = propertiesOf(template, 'AWS::CloudWatch::CompositeAlarm');
  if (page === undefined || others.length > 0) throw new Error(`expected one alarm Page, got ${1 + others.length}`);
  return page;
}

/** The rule with the alarms' names in place of the references that make CloudFormation wait for them. */
function ruleOf(template: Template): string {
  const alarms = template.findResources('AWS::CloudWatch::Alarm');
  return String(resolved(pageOf(template)['AlarmRule'])).replaceAll(/\$\{(\w+)\}/g, (_, id) =>
    String(alarms[id]?.['Properties'].AlarmName),
  );
}
