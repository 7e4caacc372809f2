import { Duration } from 'aws-cdk-lib';
import type { MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { describe, expect, test } from 'vitest';
import type { ReaperMetrics } from '../../infra/metrics/metrics.js';
import type { InstanceMetricOptions, ReaperMetricOptions } from '../../infra/metrics/plain-metrics.js';
import { METRICS, type MetricLevel, type MetricName, NAMESPACE } from '../../lambda/contract/metrics.js';
import { aReaper } from './a-reaper.js';

const { reaper } = aReaper({
  instances: [
    { name: 'writer', host: 'writer.example', dbInstanceIdentifier: 'orders-1' },
    { name: 'reader', host: 'reader.example' },
  ],
});

const STATISTICS: Readonly<Record<MetricName<MetricLevel>, string>> = {
  SlotsUsedPercent: 'Maximum',
  SlotsFree: 'Minimum',
  Connections: 'Maximum',
  IdleConnections: 'Maximum',
  IdleInTransactionConnections: 'Maximum',
  LeakedConnections: 'Maximum',
  TerminatedConnections: 'Sum',
  TerminatedLeaks: 'Sum',
  ReapableConnections: 'Sum',
  RefusedTerminations: 'Sum',
  UnreadableConnections: 'Maximum',
  ServerFull: 'Maximum',
  SweepsCompleted: 'Sum',
  OldestIdleSeconds: 'Maximum',
  RoleLimitUsedPercent: 'Maximum',
};

type MetricMethod = (options?: Record<string, unknown>) => Metric;

/** The method of a metric of the contract, which is called like it. */
function methodOf(metric: string): MetricMethod {
  const method = (reaper as unknown as Readonly<Record<string, MetricMethod | undefined>>)[`metric${metric}`];
  if (method === undefined) throw new Error(`expected a method metric${metric}`);
  return method.bind(reaper);
}

/** Every metric of the contract, and how to ask for one of each level. */
const PUBLISHED = (['instance', 'application', 'role'] as const).flatMap((level) =>
  (Object.keys(METRICS[level]) as (keyof typeof STATISTICS)[]).map((metric) => ({ level, metric })),
);

const ASKED = {
  instance: { options: {}, dimensions: { Database: 'orders', Instance: 'writer' } },
  application: {
    options: { application: 'checkout' },
    dimensions: { Database: 'orders', Instance: 'writer', Application: 'checkout' },
  },
  role: { options: { role: 'checkout' }, dimensions: { Database: 'orders', Role: 'checkout' } },
} as const;

describe.each(PUBLISHED)('the metric $metric at the level $level', ({ level, metric }) => {
  const { options, dimensions } = ASKED[level];

  test('is the one that is published, of the first instance unless told', () => {
    expect(methodOf(metric)(options)).toMatchObject({
      namespace: NAMESPACE,
      metricName: metric,
      dimensions,
      statistic: STATISTICS[metric],
      period: Duration.minutes(1),
    });
    if (level === 'role') return;
    expect(methodOf(metric)({ ...options, instance: 'reader' }).dimensions).toEqual({
      ...dimensions,
      Instance: 'reader',
    });
  });

  test('is read as told, but stays what it is', () => {
    const disguise = { namespace: 'Other', metricName: 'Other', dimensionsMap: { Other: 'x' } };
    const told = { statistic: 'p99', period: Duration.minutes(5), label: 'mine' };
    expect(methodOf(metric)({ ...disguise, ...told, ...options })).toMatchObject({
      namespace: NAMESPACE,
      metricName: metric,
      dimensions,
      ...told,
    });
  });
});

test('fails when asked for an instance that is not visited', () => {
  expect(() => reaper.metricConnections({ instance: 'raeder' })).toThrow(
    'expected one of the instances writer, reader, got raeder',
  );
});

test.each<[string, (options: InstanceMetricOptions) => Metric, string]>([
  ["the function's errors", (options) => reaper.metricErrors(options as ReaperMetricOptions), 'Sum'],
  ["RDS's own count of connections", (options) => reaper.metricDatabaseConnections(options), 'Maximum'],
])('%s are read as told', (_, metric, statistic) => {
  expect(metric({ label: 'mine' })).toMatchObject({ statistic, period: Duration.minutes(1), label: 'mine' });
  expect(metric({ statistic: 'p99', period: Duration.minutes(5) })).toMatchObject({
    statistic: 'p99',
    period: Duration.minutes(5),
  });
});

test("RDS's own count of connections goes by what RDS calls the instance", () => {
  expect(reaper.metricDatabaseConnections({ instance: 'writer' })).toMatchObject({
    namespace: 'AWS/RDS',
    metricName: 'DatabaseConnections',
    dimensions: { DBInstanceIdentifier: 'orders-1' },
  });
  expect(() => reaper.metricDatabaseConnections({ instance: 'reader' })).toThrow(
    "expected an instance with a dbInstanceIdentifier, which RDS's metric goes by, got reader",
  );
});

test("RDS's own count of connections has a datapoint a minute, whatever the interval", () => {
  const { reaper: slow } = aReaper({
    instances: [{ name: 'writer', host: 'writer.example', dbInstanceIdentifier: 'orders-1' }],
    interval: Duration.minutes(5),
  });
  expect(slow.metricDatabaseConnections().period).toEqual(Duration.minutes(1));
  expect(slow.metricErrors().period).toEqual(Duration.minutes(5));
});

test('the usable slots are those that are taken and those that are free', () => {
  const usable = reaper.metricSlotsUsable({ instance: 'reader', period: Duration.minutes(5), label: 'usable' });
  expect(usable).toMatchObject({
    expression: 'connections1 + free1',
    period: Duration.minutes(5),
    label: 'usable',
    usingMetrics: {
      connections1: { metricName: 'Connections', statistic: 'Maximum', dimensions: { Instance: 'reader' } },
      free1: { metricName: 'SlotsFree', statistic: 'Minimum', dimensions: { Instance: 'reader' } },
    },
  });
});

const SEARCHES: readonly [keyof ReaperMetrics & `metric${string}By${string}`, string][] = [
  [
    'metricConnectionsByApplication',
    `SEARCH('{ConnectionReaper,Database,Instance,Application} MetricName="Connections" Database="orders"', 'Maximum', 60)`,
  ],
  [
    'metricIdleConnectionsByApplication',
    `SEARCH('{ConnectionReaper,Database,Instance,Application} MetricName="IdleConnections" Database="orders"', 'Maximum', 60)`,
  ],
  [
    'metricTerminatedConnectionsByApplication',
    `SEARCH('{ConnectionReaper,Database,Instance,Application} MetricName="TerminatedConnections" Database="orders"', 'Sum', 60)`,
  ],
  [
    'metricTerminatedLeaksByApplication',
    `SEARCH('{ConnectionReaper,Database,Instance,Application} MetricName="TerminatedLeaks" Database="orders"', 'Sum', 60)`,
  ],
  [
    'metricSlotsUsedPercentByApplication',
    `SEARCH('{ConnectionReaper,Database,Instance,Application} MetricName="SlotsUsedPercent" Database="orders"', 'Maximum', 60)`,
  ],
  [
    'metricRoleLimitUsedPercentByRole',
    `SEARCH('{ConnectionReaper,Database,Role} MetricName="RoleLimitUsedPercent" Database="orders"', 'Maximum', 60)`,
  ],
];

test.each(SEARCHES)('%s finds every series of the database', (method, expression) => {
  expect(reaper[method]().expression).toBe(expression);
  const slower = reaper[method]({ period: Duration.minutes(5) });
  expect(slower.expression).toBe(expression.replace(', 60)', ', 300)'));
  expect(slower.period).toEqual(Duration.minutes(5));
});

test.each<[string, (options?: { period: Duration; label: string }) => MathExpression]>([
  ['insightsSlotsUsedPercentByApplication', (options) => reaper.insightsSlotsUsedPercentByApplication(options)],
  ['insightsTerminatedLeaksByApplication', (options) => reaper.insightsTerminatedLeaksByApplication(options)],
  ['insightsRoleLimitUsedPercentByRole', (options) => reaper.insightsRoleLimitUsedPercentByRole(options)],
])('%s is read as told', (_, query) => {
  expect(query()).toMatchObject({ period: Duration.minutes(1), expression: expect.stringMatching(/^SELECT /) });
  expect(query({ period: Duration.minutes(5), label: 'mine' })).toMatchObject({
    period: Duration.minutes(5),
    label: 'mine',
    expression: query().expression,
  });
});
