import { Duration } from 'aws-cdk-lib';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { describe, expect, test } from 'vitest';
import type { InstanceMetricOptions, ReaperMetrics } from '../../infra/metrics.js';
import { type METRICS, NAMESPACE } from '../../lambda/contract.js';
import { aReaper } from './a-reaper.js';

const { reaper } = aReaper({
  instances: [
    { name: 'writer', host: 'writer.example' },
    { name: 'reader', host: 'reader.example' },
  ],
});

const INSTANCE_METRICS: Record<
  keyof (typeof METRICS)['instance'],
  readonly [statistic: string, metric: (options?: InstanceMetricOptions) => Metric]
> = {
  SlotsUsedPercent: ['Maximum', (options) => reaper.metricSlotsUsedPercent(options)],
  SlotsFree: ['Minimum', (options) => reaper.metricSlotsFree(options)],
  Backends: ['Maximum', (options) => reaper.metricBackends(options)],
  IdleBackends: ['Maximum', (options) => reaper.metricIdleBackends(options)],
  TerminatedBackends: ['Sum', (options) => reaper.metricTerminatedBackends(options)],
  ReapableBackends: ['Sum', (options) => reaper.metricReapableBackends(options)],
  RefusedTerminations: ['Sum', (options) => reaper.metricRefusedTerminations(options)],
  UnreadableBackends: ['Maximum', (options) => reaper.metricUnreadableBackends(options)],
  ServerFull: ['Maximum', (options) => reaper.metricServerFull(options)],
  SweepsCompleted: ['Sum', (options) => reaper.metricSweepsCompleted(options)],
  OldestIdleSeconds: ['Maximum', (options) => reaper.metricOldestIdleSeconds(options)],
};

describe.each(Object.entries(INSTANCE_METRICS))('the metric %s', (name, [statistic, metric]) => {
  test('is the one that is published, of the first instance unless told', () => {
    expect(metric()).toMatchObject({
      namespace: NAMESPACE,
      metricName: name,
      dimensions: { Database: 'orders', Instance: 'writer' },
      statistic,
      period: Duration.minutes(1),
    });
    expect(metric({ instance: 'reader' }).dimensions).toEqual({ Database: 'orders', Instance: 'reader' });
  });

  test('is read as told, but stays what it is', () => {
    const disguise = { namespace: 'Other', metricName: 'Other', dimensionsMap: { Other: 'x' } };
    expect(metric({ ...disguise, statistic: 'p99', period: Duration.minutes(5), label: 'mine' })).toMatchObject({
      namespace: NAMESPACE,
      metricName: name,
      dimensions: { Database: 'orders', Instance: 'writer' },
      statistic: 'p99',
      period: Duration.minutes(5),
      label: 'mine',
    });
  });
});

test('fails when asked for an instance that is not visited', () => {
  expect(() => reaper.metricBackends({ instance: 'raeder' })).toThrow(
    'expected one of the instances writer, reader, got raeder',
  );
});

test("the function's errors are a sum over the interval", () => {
  expect(reaper.metricErrors({ label: 'failed' })).toMatchObject({
    namespace: 'AWS/Lambda',
    metricName: 'Errors',
    statistic: 'Sum',
    period: Duration.minutes(1),
    label: 'failed',
  });
});

const SEARCHES: readonly [keyof ReaperMetrics & `metric${string}By${string}`, string][] = [
  [
    'metricBackendsByApplication',
    `SEARCH('{ConnectionReaper,Database,Instance,Application} MetricName="Backends" Database="orders"', 'Maximum', 60)`,
  ],
  [
    'metricIdleBackendsByApplication',
    `SEARCH('{ConnectionReaper,Database,Instance,Application} MetricName="IdleBackends" Database="orders"', 'Maximum', 60)`,
  ],
  [
    'metricTerminatedBackendsByApplication',
    `SEARCH('{ConnectionReaper,Database,Instance,Application} MetricName="TerminatedBackends" Database="orders"', 'Sum', 60)`,
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
