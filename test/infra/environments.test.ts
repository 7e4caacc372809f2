/** Two environments of one app in one account and region: the same construct ids, in stacks with other names. */
import { NestedStack, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Construct } from 'constructs';
import { describe, expect, test } from 'vitest';
import { ConnectionReaper } from '../../infra/connection-reaper.js';
import type { ConnectionReaperProps } from '../../infra/connection-reaper-props.js';
import { aCluster, anImportedCluster, anImportedVpc } from './a-database.js';
import { anApp, resolved, settingsOf } from './a-reaper.js';

type Make = (stack: Stack) => ConnectionReaperProps;

const MADE: Make = (stack) => ({ database: aCluster(stack), interfaceEndpoints: true });
// Both watch one server, as two roles.
const IMPORTED: Make = (stack) => ({
  database: anImportedCluster(stack),
  vpc: anImportedVpc(stack),
  reaperRole: stack.stackName.replace('-', '_'),
});
const WATCHED_BY_ALARM: Make = (stack) => ({
  ...MADE(stack),
  trigger: 'alarm',
  alarms: { DatabaseConnections: { threshold: 80 } },
});

const OF_ONE_APP = (stackNames: readonly string[]) => {
  const app = anApp();
  return stackNames.map((stackName) => new Stack(new Construct(app, stackName), 'Orders', { stackName }));
};
const OF_TWO_APPS = (stackNames: readonly string[]) =>
  stackNames.map((stackName) => new Stack(anApp(), 'Orders', { stackName }));

describe.each([
  ['of one app', OF_ONE_APP],
  ['of two apps', OF_TWO_APPS],
])('two environments %s', (_, stacksNamed) => {
  test.each([
    ['a database made in the app', MADE],
    ['an imported database', IMPORTED],
    ['a database without a schedule', WATCHED_BY_ALARM],
  ])('with %s share no name and no series', (_, propsOf) => {
    const [staging = [], production = []] = stacksNamed(['shop-staging', 'shop-production'])
      .map((stack) => new ConnectionReaper(stack, 'Reaper', propsOf(stack)))
      .map((reaper) => claimsOf(Template.fromStack(Stack.of(reaper))));
    expect(staging.filter((claim) => claim.startsWith('AlarmName ')).length).toBeGreaterThan(5);
    expect(staging.filter((claim) => claim.startsWith('series ')).length).toBeGreaterThan(3);
    expect(staging.filter((claim) => production.includes(claim))).toEqual([]);
  });
});

describe('the default label', () => {
  test('differs where stack and database would read the same', () => {
    const staging = new Stack(anApp(), 'Orders', { stackName: 'shop' });
    const cluster = aCluster(new Construct(staging, 'staging') as Stack);
    expect(new ConnectionReaper(staging, 'Reaper', { database: cluster }).databaseLabel).toBe('shop_staging-Cluster');
    expect(labelOf(new Stack(anApp(), 'Orders', { stackName: 'shop-staging' }))).toBe('shop-staging_Cluster');
  });

  test('of a long stack name is cut, and ends in a hash of all of it', () => {
    const labels = ['staging', 'production'].map((environment) =>
      labelOf(new Stack(anApp(), 'Orders', { stackName: `${'long-'.repeat(20)}${environment}` })),
    );
    expect(labels).toEqual([
      expect.stringMatching(/^(long-){11}-[0-9a-f]{8}$/),
      expect.stringMatching(/^(long-){11}-[0-9a-f]{8}$/),
    ]);
    expect(new Set(labels).size).toBe(2);
  });

  test('in a nested stack has the name of the stack around it, since its own is a reference', () => {
    const stack = new Stack(anApp(), 'Orders', { stackName: 'shop-staging' });
    expect(labelOf(new NestedStack(stack, 'Nested'))).toBe('shop-staging_Nested-Cluster');
  });

  test('tells databases of other stacks apart', () => {
    const app = anApp();
    const watching = new Stack(app, 'Watching');
    const labels = ['Orders', 'Billing'].map((id) => {
      const database = aCluster(new Stack(app, id));
      return new ConnectionReaper(watching, id, { database }).databaseLabel;
    });
    expect(labels).toEqual(['Watching_Orders-Cluster', 'Watching_Billing-Cluster']);
  });
});

function labelOf(stack: Stack): string {
  return new ConnectionReaper(stack, 'Reaper', { database: aCluster(stack) }).databaseLabel;
}

/** The properties that name a resource in its account and region. */
const NAME = /^(Name|(Alarm|Dashboard|LogGroup|Role|Function|Queue|Topic|Group|ManagedPolicy)Name)$/;

interface Series {
  readonly Namespace?: string;
  readonly Dimensions?: unknown;
}

/** The properties of a resource, as far as tests look at them. */
interface Properties extends Series {
  readonly Metrics?: readonly { readonly MetricStat?: { readonly Metric: Series }; readonly Expression?: string }[];
}

/** All that a template claims for itself in its account and region. What has a reference in it, CloudFormation makes unique. */
function claimsOf(template: Template): readonly string[] {
  const resources: readonly { readonly Properties?: Properties }[] = Object.values(template.toJSON()['Resources']);
  const ofResources = resources.flatMap(({ Properties = {} }) => [
    ...Object.entries(Properties).flatMap(([key, value]) => (NAME.test(key) ? [`${key} ${textOf(value)}`] : [])),
    ...seriesOf(Properties),
  ]);
  return [...ofResources, `databaseLabel ${settingsOf(template).databaseLabel}`].filter(
    (claim) => !claim.includes('${'),
  );
}

/** The series that an alarm watches: one metric, or several by expressions. */
function seriesOf({ Namespace, Dimensions, Metrics = [] }: Properties): readonly string[] {
  const ofExpressions = Metrics.map(
    ({ MetricStat, Expression }): Series => MetricStat?.Metric ?? { Namespace: String(Expression) },
  );
  const series: readonly Series[] = [{ Namespace, Dimensions } as Series, ...ofExpressions];
  return series
    .filter((one) => /ConnectionReaper|AWS\//.test(one.Namespace ?? ''))
    .map((one) => `series ${textOf([one.Namespace, one.Dimensions])}`);
}

function textOf(value: unknown): string {
  return JSON.stringify(resolved(value));
}
