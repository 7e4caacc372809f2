import { Duration } from 'aws-cdk-lib';
import { SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, test } from 'vitest';
import type { Assumptions } from '../../infra/cost/assumptions.js';
import type { Template } from '../../infra/cost/deployed.js';
import { type CostReport, costReport } from '../../infra/cost/report.js';
import { type Log, logTo } from '../../lambda/aws/log.js';
import { auditEvents } from '../../lambda/report/audit.js';
import { emfLines } from '../../lambda/report/emf.js';
import { type Datapoint, datapointsOf } from '../../lambda/report/metrics.js';
import { newMemory } from '../../lambda/report/series.js';
import { anInstanceResult, aPolicy, aRole, aSnapshot, backends } from '../support/builders.js';
import { aReaper, SECRET_ARN } from './a-reaper.js';

type Props = NonNullable<Parameters<typeof aReaper>[0]>;

const ONE = [{ name: 'writer', host: 'writer.example' }];
const TWO = [...ONE, { name: 'reader', host: 'reader.example' }];

/** Two instances, a role made on deployment, and what else there is to give. */
const MUCH: Props = ({ stack }) => ({
  adminSecret: Secret.fromSecretCompleteArn(stack, 'AdminSecret', SECRET_ARN),
  breakGlassSecret: Secret.fromSecretCompleteArn(stack, 'BreakGlassSecret', SECRET_ARN),
  databaseSecurityGroup: SecurityGroup.fromSecurityGroupId(stack, 'Database', 'sg-0123456789abcdef0'),
  alarmTopic: Topic.fromTopicArn(stack, 'Topic', 'arn:aws:sns:eu-central-1:123456789012:on-call'),
  instances: TWO,
  roleLimits: { checkout: 40, reporting: 10, shut_out: 0 },
  maxApplications: 10,
  interval: Duration.minutes(5),
  logRetention: RetentionDays.ONE_YEAR,
});

describe('the bill of a month', () => {
  test('of the least reaper', () => {
    const report = reportOn({});
    expect(bill(report)).toEqual({
      'metrics of instances': [13, 3.9],
      'metrics of applications': [20, 6],
      'alarms, by the metrics they name': [6, 0.6],
      'alarms over applications and roles': [10, 1],
      'composite alarms': [1, 0.5],
      dashboards: [1, 3],
      schedule: [43_800, 0.0438],
      'function: invocations': [43_800, 0.0088],
      'function: computing': [10_950, 0.146],
      PutMetricData: [43_800, 0.438],
      // One metric of each of five applications, once an hour.
      GetMetricData: [3_650, 0.0365],
      'secret: reads': [730, 0.0037],
      'log: written': [0.0653, 0.0326],
      'log: kept': [0.0644, 0.0019],
    });
    expect(report.usd).toBeCloseTo(15.7113, 4);
    // 16 names more, (other) among them, in the two alarms over applications, and 21 roles, in the one over those.
    const read = (names: number) => names * 730 * 0.00001;
    expect(report.atMost.usd).toBeCloseTo(report.usd + 16 * (4 * 0.3 + 2 * 0.1) + 21 * (0.3 + 0.1) + read(16 + 21), 6);
  });

  test('of one with much to it, and more applications than get metrics of their own', () => {
    const report = reportOn(MUCH, { applications: 12, otherRoles: 3, sweepSeconds: 2 });
    expect(bill(report)).toEqual({
      'metrics of instances': [26, 7.8],
      // Ten and (other), on each instance.
      'metrics of applications': [88, 26.4],
      // Without the one that is shut out.
      'metrics of roles': [5, 1.5],
      'alarms, by the metrics they name': [11, 1.1],
      // Two alarms are over the applications on each instance, and one is over roles.
      'alarms over applications and roles': [49, 4.9],
      'composite alarms': [1, 0.5],
      dashboards: [1, 3],
      schedule: [8_760, 0.0088],
      'function: invocations': [8_760, 0.0018],
      'function: computing': [4_380, 0.0584],
      PutMetricData: [8_760, 0.0876],
      GetMetricData: [730 * (2 * 11 + 5), 0.1971],
      secrets: [1, 0.4],
      'secret: reads': [730, 0.0037],
      'log: written': [0.0179, 0.009],
      'log: kept': [0.2154, 0.0065],
    });
    expect(report.usd).toBeCloseTo(45.9727, 4);
  });

  test('of one that sweeps on alarm alone: what is there all the time', () => {
    const report = reportOn(triggeredByAlarm(ONE));
    expect(bill(report)).toEqual({
      'alarms, by the metrics they name': [7, 0.7],
      'composite alarms': [1, 0.5],
      dashboards: [1, 3],
    });
    expect(report.usd).toBeCloseTo(4.2, 9);
  });

  test.each<{ kind: string; props: Props }>([
    { kind: 'the least one', props: {} },
    { kind: 'one with much to it', props: MUCH },
    { kind: 'one that sweeps on alarm', props: triggeredByAlarm(TWO) },
    { kind: 'one in isolated subnets', props: { interfaceEndpoints: true } },
  ])('holds every resource of $kind', ({ props }) => {
    expect(reportOn(props).notPriced).toEqual([]);
  });

  test('assumes no more applications than get metrics of their own', () => {
    expect(reportOn({ maxApplications: 3 }).assumptions.applications).toBe(3);
    expect(reportOn({ maxApplications: 50 }).assumptions.applications).toBe(5);
  });

  test('counts a year of a log that is kept for ever', () => {
    const written = bill(reportOn({}))['log: written']?.[0] ?? 0;
    const [kept] = bill(reportOn({ logRetention: RetentionDays.INFINITE }))['log: kept, after a year'] ?? [];
    expect(kept).toBeCloseTo(12 * written, 2);
  });
});

describe('what changes it', () => {
  const IAM = { iamAuthentication: true, reaperRole: 'reaper', databaseResourceId: 'db-ABC', instances: ONE };

  test.each<{ change: string; from: Props; to: Props }>([
    { change: 'one instance more', from: { instances: ONE }, to: { instances: TWO } },
    { change: 'one instance more', from: triggeredByAlarm(ONE), to: triggeredByAlarm(TWO) },
    { change: 'one role with a limit more', from: { roleLimits: { a: 1 } }, to: { roleLimits: { a: 1, b: 1 } } },
    { change: 'a sweep every 5 minutes', from: {}, to: { interval: Duration.minutes(5) } },
    { change: 'a sweep every minute', from: { interval: Duration.minutes(10) }, to: {} },
    { change: 'metricsVia: emf', from: {}, to: { metricsVia: 'emf' } },
    { change: 'metricsVia: api', from: { metricsVia: 'emf' }, to: {} },
    {
      change: 'metricsVia: emf',
      from: { interfaceEndpoints: true },
      to: { interfaceEndpoints: true, metricsVia: 'emf' },
    },
    { change: 'interfaceEndpoints: true', from: {}, to: { interfaceEndpoints: true } },
    { change: 'interfaceEndpoints: true', from: IAM, to: { ...IAM, interfaceEndpoints: true } },
    {
      change: 'interfaceEndpoints: true',
      from: ({ secret }) => ({ ...IAM, adminSecret: secret }),
      to: ({ secret }) => ({ ...IAM, adminSecret: secret, interfaceEndpoints: true }),
    },
    {
      change: 'interfaceEndpoints: true',
      from: ({ secret }) => ({ ...IAM, breakGlassSecret: secret }),
      to: ({ secret }) => ({ ...IAM, breakGlassSecret: secret, interfaceEndpoints: true }),
    },
    { change: 'interfaceEndpoints: false', from: { interfaceEndpoints: true }, to: {} },
  ])('$change: as much as such a reaper costs more or less', ({ change, from, to }) => {
    const before = reportOn(from);
    const difference = reportOn(to).usd - before.usd;
    expect(difference).not.toBe(0);
    expect(changesOf(before)[change]).toBeCloseTo(difference, 9);
  });

  test('one application more: four metrics, and one in each of the two alarms over applications', () => {
    const each = 4 * 0.3 + 2 * 0.1 + 730 * 0.00001;
    expect(changesOf(reportOn({}))['one application more']).toBeCloseTo(each, 9);
    // The next one has no series of its own any more, but is the first in (other).
    expect(changesOf(reportOn({}, { applications: 20 }))['one application more']).toBeCloseTo(each, 9);
    expect(changesOf(reportOn({}, { applications: 21 }))['one application more']).toBeUndefined();
  });

  test('the most expensive or cheapest change comes first', () => {
    const sizes = reportOn({}).changes.map(({ usd }) => Math.abs(usd));
    expect(sizes.length).toBe(7);
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
  });
});

describe('what is assumed of a sweep', () => {
  test.each([
    { applications: 4, instances: TWO, roleLimits: { checkout: 40 }, otherRoles: 0 },
    { applications: 20, instances: ONE, roleLimits: {}, otherRoles: 5 },
    { applications: 23, instances: TWO, roleLimits: { checkout: 40, shut_out: 0 }, otherRoles: 20 },
  ])('is as many metrics as the function publishes for $applications applications', (sweep) => {
    const { roleLimits, instances, ...known } = sweep;
    const datapoints = published(sweep);
    expect(metricsOf(reportOn({ instances, roleLimits }, known))).toBe(datapoints.length);
  });

  test('is at most as much as the function ever publishes', () => {
    const sweep = { applications: 200, instances: ONE, roleLimits: { checkout: 40 }, otherRoles: 200 };
    const { assumptions } = reportOn({ instances: ONE, roleLimits: sweep.roleLimits }).atMost;
    expect(metricsOf(reportOn({ instances: ONE, roleLimits: sweep.roleLimits }, assumptions))).toBe(
      published(sweep).length,
    );
  });

  test('is room for its lines in the log, and not much more', () => {
    const outcomes = backends(20).map(
      (backend) => ({ backend, outcome: 'spared', reason: 'below_idle_timeout' }) as const,
    );
    const bytes = logged((log) => {
      for (const { level, ...event } of auditEvents('orders', anInstanceResult({ outcomes }), aPolicy().attribute)) {
        log.write(event, level);
      }
    });
    const { logBytesPerInstance } = reportOn({}).assumptions;
    expect(bytes).toBeLessThan(logBytesPerInstance);
    expect(bytes).toBeGreaterThan(logBytesPerInstance / 2);
  });

  test('is room for metrics in the log, and not much more', () => {
    const props = { instances: TWO, roleLimits: { checkout: 40, reporting: 10 } };
    const sweep = { ...props, applications: 12, otherRoles: 0 };
    const bytes = logged((log) => {
      for (const line of emfLines(published(sweep), new Date())) log.raw(line);
    });
    const written = (metricsVia: 'api' | 'emf') =>
      reportOn({ ...props, metricsVia }, { applications: 12, otherRoles: 0 }).items.find(
        ({ item }) => item === 'log: written',
      )?.quantity ?? 0;
    const assumed = ((written('emf') - written('api')) * 2 ** 30) / 43_800;
    expect(bytes).toBeLessThan(assumed);
    expect(bytes).toBeGreaterThan(assumed / 1.5);
  });
});

/** Sweeps when RDS counts many connections, and not otherwise. */
function triggeredByAlarm(instances: typeof ONE): Props {
  return {
    trigger: 'alarm',
    instances: instances.map((instance) => ({ ...instance, dbInstanceIdentifier: instance.name })),
    alarms: { DatabaseConnections: { threshold: 80 } },
  };
}

function reportOn(props: Props, known: Partial<Assumptions> = {}): CostReport {
  return costReport(aReaper(props).template.toJSON() as Template, known);
}

/** The lines of a bill: quantity and US dollars. */
function bill({ items }: CostReport): Record<string, readonly [number, number]> {
  const rounded = (value: number) => Math.round(value * 10_000) / 10_000;
  return Object.fromEntries(items.map(({ item, quantity, usd }) => [item, [rounded(quantity), rounded(usd)]]));
}

function changesOf({ changes }: CostReport): Readonly<Record<string, number>> {
  return Object.fromEntries(changes.map(({ change, usd }) => [change, usd]));
}

function metricsOf({ items }: CostReport): number {
  return items.filter(({ price }) => price === 'metric').reduce((sum, { quantity }) => sum + quantity, 0);
}

/** What the function publishes when it finds this. */
function published(sweep: {
  readonly applications: number;
  readonly instances: readonly { readonly name: string }[];
  readonly roleLimits: Readonly<Record<string, number>>;
  readonly otherRoles: number;
}): readonly Datapoint[] {
  const { applications, instances, roleLimits, otherRoles } = sweep;
  const found = numbered(applications).flatMap((number) =>
    backends(1, { applicationName: `application ${'x'.repeat(number)}y` }),
  );
  const roles = [
    ...Object.entries(roleLimits).map(([role, limit]) => aRole(role, limit)),
    ...numbered(otherRoles).map((number) => aRole(`tenant ${number}`, 10)),
  ];
  const results = instances.map(({ name }) =>
    anInstanceResult({
      instance: name,
      snapshot: aSnapshot({ backends: found, roles }),
      outcomes: found.map((backend) => ({ backend, outcome: 'terminated', reason: null })),
    }),
  );
  const shape = {
    database: 'orders',
    maxApplications: 20,
    declaredApplications: [],
    attribute: aPolicy().attribute,
    declaredRoles: Object.keys(roleLimits),
    isSweep: true,
  };
  return datapointsOf(results, shape, newMemory(0), 0).datapoints;
}

function numbered(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** How many bytes somebody logs. */
function logged(write: (log: Log) => void): number {
  const texts: string[] = [];
  write(logTo({ write: (text) => texts.push(text) }));
  return Buffer.byteLength(texts.join(''));
}
