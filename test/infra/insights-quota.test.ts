import { Stack, Stage } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { Alarm, MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { expect, test } from 'vitest';
import { ConnectionReaper } from '../../infra/connection-reaper.js';
import { anImportedVpc, importedSecret } from './a-database.js';
import { anApp, aReaper } from './a-reaper.js';

const ID = 'connection-reaper:insightsAlarms';

test('above 80 % of the quota one warning says how many alarms there are, and what leaves them out', () => {
  const app = anApp();
  const stacks = [aReaperBeside(app, 'Orders', { queries: 155 }), aReaperBeside(app, 'Billing', { queries: 0 })];
  expect(stacks.flatMap(warningsOf)).toEqual([
    expect.stringMatching(
      /^This app makes 161 alarms .* in unknown-account\/unknown-region\. .* quota is 200 .* above 160, .*\(alarms: \{ ApplicationConnectionsHigh: false, LeakContinues: false, RoleNearLimit: false \}\)/,
    ),
  ]);
});

test('up to that there is none', () => {
  expect(warningsOf(aReaperBeside(anApp(), 'Orders', { queries: 157 }))).toEqual([]);
});

test('each region counts for itself, and the stages of an app together', () => {
  const app = anApp();
  const stacks = [
    aReaperBeside(new Stage(app, 'One'), 'Orders', { queries: 155, region: 'eu-central-1' }),
    aReaperBeside(new Stage(app, 'Two'), 'Orders', { queries: 0, region: 'eu-central-1' }),
    aReaperBeside(new Stage(app, 'Three'), 'Orders', { queries: 150, region: 'eu-west-1' }),
  ];
  expect(stacks.flatMap(warningsOf)).toEqual([expect.stringContaining('161 alarms')]);
});

test('one setting leaves out the three of a reaper', () => {
  const alarms = { ApplicationConnectionsHigh: false, LeakContinues: false, RoleNearLimit: false } as const;
  const found = (template: ReturnType<typeof aReaper>['template']) =>
    JSON.stringify(template.findResources('AWS::CloudWatch::Alarm')).match(/SELECT /g) ?? [];
  expect(found(aReaper().template)).toHaveLength(3);
  expect(found(aReaper({ alarms }).template)).toHaveLength(0);
});

/** A stack with a reaper, which has three alarms on queries, and so many others. */
function aReaperBeside(scope: Construct, id: string, { queries, region }: { queries: number; region?: string }): Stack {
  const stack = new Stack(scope, id, region === undefined ? {} : { env: { region } });
  const props = { vpc: anImportedVpc(stack), secret: importedSecret(stack), databaseLabel: 'orders' };
  new ConnectionReaper(stack, 'Reaper', props);
  const metric = new MathExpression({ expression: 'SELECT AVG(Duration) FROM "AWS/Lambda"', usingMetrics: {} });
  for (let index = 0; index < queries; index += 1) {
    new Alarm(stack, `Alarm${index}`, { metric, threshold: 1, evaluationPeriods: 1 });
  }
  return stack;
}

function warningsOf(stack: Stack): readonly string[] {
  return Annotations.fromStack(stack)
    .findWarning('*', Match.stringLikeRegexp(ID))
    .map(({ entry }) => String(entry.data));
}
