import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, test } from 'vitest';
import { METRIC_ALARMS } from '../../infra/alarms/names.js';
import type { AlarmOverrides } from '../../infra/alarms/overrides.js';
import { ConnectionReaperStack } from '../../infra/cdk-json/connection-reaper-stack.js';
import { parseDatabases } from '../../infra/cdk-json/database-entry.js';
import { anApp, aReaper, LEAST_ENTRY, propertiesOf, resolved } from './a-reaper.js';

const TOPIC_ARN = 'arn:aws:sns:eu-central-1:123456789012:pager';

const INSTANCES = ['writer', 'reader'].map((name) => ({ name, host: `${name}.example`, dbInstanceIdentifier: name }));

test.each<[string, 'schedule' | 'alarm', AlarmOverrides, readonly string[]]>([
  ['by default', 'schedule', {}, ['ServerFull', 'SlotsNearlyFull', 'ReaperNotRunning']],
  [
    'by default without a schedule',
    'alarm',
    { DatabaseConnections: { threshold: 180 } },
    ['ServerFull', 'SlotsNearlyFull'],
  ],
  ['by those that are left of the default', 'schedule', { SlotsNearlyFull: false }, ['ServerFull', 'ReaperNotRunning']],
  [
    'by what it is told',
    'schedule',
    { ConnectionsCritical: { of: ['ReaperFailing', 'ServerFull'] } },
    ['ServerFull', 'ReaperFailing'],
  ],
])('ConnectionsCritical watches its alarms %s', (_, trigger, alarms, expected) => {
  const { template } = aReaper({ instances: INSTANCES, trigger, alarms });
  const names = expected.flatMap((name) => (name === 'ReaperFailing' ? [name] : [`${name}-writer`, `${name}-reader`]));
  expect(ruleOf(template)).toBe(names.map((name) => `ALARM("ConnectionReaper-orders-${name}")`).join(' OR '));
  expect(resolved(pageOf(template)['AlarmDescription'])).toContain(
    `orders: any of ${expected.join(', ')} is in ALARM.`,
  );
});

test('ConnectionsCritical goes to a topic of its own, alarm and recovery, and says what to do', () => {
  const { template, reaper } = aReaper();
  const page = pageOf(template);
  expect(page['AlarmName']).toBe('ConnectionReaper-orders-ConnectionsCritical');
  expect(resolved(page['AlarmActions'])).toEqual([expect.stringMatching(/^\$\{ReaperPageTopic\w+\}$/)]);
  expect(resolved(page['OKActions'])).toEqual(resolved(page['AlarmActions']));
  expect(reaper.alarms.page).toBeDefined();
  const [, evaluation, command, link] = String(resolved(page['AlarmDescription'])).split('\n\n');
  expect(evaluation).toContain('OK when all of them are OK');
  expect(command).toMatch(/^aws lambda invoke .*'\{"action":"report"\}'/);
  expect(link).toBe('Runbook: docs/runbook.md in the package connection-reaper, heading ConnectionsCritical.');
});

describe('ConnectionsCritical with actions of its own', () => {
  const toPager = (stack: Stack) => [new SnsAction(Topic.fromTopicArn(stack, 'Pager', TOPIC_ARN))];

  test('does what it is told, and there is no topic that it would leave silent', () => {
    const { template, reaper } = aReaper(({ stack }) => {
      const actions = toPager(stack);
      return { alarms: { ConnectionsCritical: { actions, okActions: actions } } };
    });
    expect(pageOf(template)).toMatchObject({ AlarmActions: [TOPIC_ARN], OKActions: [TOPIC_ARN] });
    expect(reaper.pageTopic).toBeUndefined();
    template.resourceCountIs('AWS::SNS::Topic', 1);
  });

  test('on recovery alone still pages its topic', () => {
    const { template, reaper } = aReaper(({ stack }) => ({
      alarms: { ConnectionsCritical: { okActions: toPager(stack) } },
    }));
    expect(resolved(pageOf(template)['AlarmActions'])).toEqual([expect.stringMatching(/^\$\{ReaperPageTopic\w+\}$/)]);
    expect(pageOf(template)['OKActions']).toEqual([TOPIC_ARN]);
    expect(reaper.pageTopic).toBeDefined();
  });

  test('fails when a key is given where no other topic is made', () => {
    expect(() =>
      aReaper(({ stack }) => ({
        alarmTopic: new Topic(stack, 'Tickets'),
        topicEncryptionKey: new Key(stack, 'Key'),
        alarms: { ConnectionsCritical: { actions: toPager(stack) } },
      })),
    ).toThrow(/\n- topicEncryptionKey: has no effect with alarmTopic and alarms\.ConnectionsCritical\.actions/);
  });
});

describe('in cdk.json', () => {
  const stackOf = (entry: object) => {
    const [config] = parseDatabases({ orders: { ...LEAST_ENTRY, ...entry } });
    if (config === undefined) throw new Error('no config');
    return Template.fromStack(new ConnectionReaperStack(anApp(), 'Stack', { config }));
  };
  const topicsOf = (template: Template) =>
    Object.keys(template.findOutputs('*'))
      .filter((id) => id.endsWith('TopicArn'))
      .toSorted();

  test('a topic of ConnectionsCritical takes the place of the default one, which the outputs then do not name', () => {
    const template = stackOf({ alarms: { ConnectionsCritical: { topicArn: TOPIC_ARN } } });
    expect(pageOf(template)).toMatchObject({ AlarmActions: [TOPIC_ARN], OKActions: [TOPIC_ARN] });
    template.resourceCountIs('AWS::SNS::Topic', 1);
    expect(topicsOf(template)).toEqual(['AlarmTopicArn']);
  });

  test('the outputs name no topic that no alarm notifies', () => {
    const { DatabaseConnections: _, ...elsewhere } = Object.fromEntries(
      METRIC_ALARMS.map((name) => [name, { topicArn: TOPIC_ARN }]),
    );
    expect(topicsOf(stackOf({ alarms: elsewhere }))).toEqual(['PageTopicArn']);
    expect(topicsOf(stackOf({ alarms: { ...elsewhere, ReaperBlind: {} } }))).toEqual(['AlarmTopicArn', 'PageTopicArn']);
  });

  test('the address of the runbook is what the description ends with, and fails when it is none', () => {
    const description = resolved(pageOf(stackOf({ runbookUrl: 'https://wiki.example/reaper' }))['AlarmDescription']);
    expect(description).toMatch(/\n\nhttps:\/\/wiki\.example\/reaper#connectionscritical$/);
    expect(() => stackOf({ runbookUrl: 'wiki' })).toThrow(
      /orders\.runbookUrl: expected an address that begins with https/,
    );
  });
});

test('ConnectionsCritical is left out', () => {
  const { template, reaper } = aReaper({ alarms: { ConnectionsCritical: false } });
  template.resourceCountIs('AWS::CloudWatch::CompositeAlarm', 0);
  expect(reaper.alarms.page).toBeUndefined();
  expect(reaper.alarms.all).toEqual(Object.values(reaper.alarms.byName).flat());
});

function pageOf(template: Template) {
  const [page, ...others] = propertiesOf(template, 'AWS::CloudWatch::CompositeAlarm');
  if (page === undefined || others.length > 0)
    throw new Error(`expected one alarm ConnectionsCritical, got ${1 + others.length}`);
  return page;
}

/** The rule with the alarms' names in place of the references that make CloudFormation wait for them. */
function ruleOf(template: Template): string {
  const alarms = template.findResources('AWS::CloudWatch::Alarm');
  return String(resolved(pageOf(template)['AlarmRule'])).replaceAll(/\$\{(\w+)\}/g, (_, id) =>
    String(alarms[id]?.['Properties'].AlarmName),
  );
}
