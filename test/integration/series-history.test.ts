import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AwsStandIn, startAwsStandIn } from '../../demo/aws-stand-in.js';
import type { CloudWatchHabits } from '../../demo/get-metric-data.js';
import { cloudWatch } from '../../lambda/aws/clients.js';
import { logTo } from '../../lambda/aws/log.js';
import { publishTo } from '../../lambda/aws/publish.js';
import { historiesFrom } from '../../lambda/aws/series-history.js';
import { type SeriesKeeper, seriesKeeper } from '../../lambda/aws/series-memory.js';
import { datapointsOf } from '../../lambda/report/metrics.js';
import { aBackend, anInstanceResult, aPolicy, aRole, aSnapshot } from '../support/builders.js';

const START = Date.UTC(2026, 0, 5, 10);
const MINUTE = 60_000;

let aws: AwsStandIn;
let client: CloudWatchClient;
let lines: string[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: START });
  lines = [];
});

afterEach(async () => {
  client.destroy();
  await aws.stop();
  vi.useRealTimers();
});

async function start(habits: CloudWatchHabits = {}): Promise<void> {
  aws = await startAwsStandIn(habits);
  client = cloudWatch(aws.clientConfig);
}

const log = logTo({ write: (line: string) => lines.push(line) });

/** A function's environment that was just started. */
const coldStart = () => seriesKeeper(historiesFrom(client, 'orders'), log);

const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}.${index}`);

/** A sweep that sees a backend of each application and each of these roles; returns who has series. */
async function sweep(
  minute: number,
  keeper: SeriesKeeper,
  applications: readonly string[],
  roles: readonly string[] = [],
) {
  vi.setSystemTime(START + minute * MINUTE);
  const memory = await keeper.recall(10_000);
  const seen = applications.map((applicationName) => aBackend({ applicationName }));
  const result = anInstanceResult({
    snapshot: aSnapshot({ backends: seen, roles: roles.map((role) => aRole(role, 10)) }),
    outcomes: seen.map((backend) => ({ backend, outcome: 'spared', reason: 'below_idle_timeout' })),
  });
  const shape = {
    database: 'orders',
    maxApplications: 100,
    declaredApplications: [],
    attribute: aPolicy().attribute,
    declaredRoles: [],
    isSweep: true,
  };
  const metrics = datapointsOf([result], shape, memory, Date.now());
  keeper.keep(metrics.memory);
  await publishTo(client, log)(metrics.datapoints);
  const names = (dimension: string) =>
    new Set(
      metrics.datapoints.flatMap(({ dimensions: { [dimension]: name } }) =>
        name === undefined || name === '(other)' ? [] : [name],
      ),
    );
  return { applications: names('Application'), roles: names('Role') };
}

const questions = () => aws.requests().filter(({ operation }) => operation === 'GetMetricData');

describe('after a cold start', () => {
  it('applications and roles keep their series, and are not new', async () => {
    await start();
    const first = await sweep(0, coldStart(), numbered('a', 30), numbered('r', 30));
    expect([first.applications.size, first.roles.size]).toEqual([20, 20]);
    const second = await sweep(10, coldStart(), numbered('a', 30), numbered('r', 30));
    expect(second).toEqual(first);
  });

  it('the answer may come in pages', async () => {
    await start({ pageDatapoints: 7 });
    const first = await sweep(0, coldStart(), numbered('a', 20));
    expect((await sweep(10, coldStart(), numbered('a', 20))).applications).toEqual(first.applications);
    expect(questions().length).toBeGreaterThan(4);
  });

  it('names that CloudWatch does not show yet are not forgotten', async () => {
    await start({ lagMs: 2 * MINUTE });
    const old = coldStart();
    await sweep(0, old, ['stable']);
    const burst = await sweep(9, old, ['stable', ...numbered('x', 30)]);
    expect(burst.applications.size).toBe(20);
    const next = coldStart();
    const all = new Set(burst.applications);
    for (let minute = 10; minute < 50; minute += 1) {
      for (const name of (await sweep(minute, next, ['stable', ...numbered(`m${minute}`, 30)])).applications)
        all.add(name);
    }
    // Twenty, and one in the one run for which they were not there yet.
    expect(all.size).toBe(21);
  });

  it('the function queries CloudWatch until it has every name, and again only after a pause', async () => {
    await start();
    const keeper = coldStart();
    for (const minute of [0, 1, 2, 3, 4, 5]) await sweep(minute, keeper, ['a']);
    expect(questions()).toHaveLength(4 * 2);
    await sweep(30, keeper, ['a']);
    expect(questions()).toHaveLength(5 * 2);
  });
});

describe('a question that fails', () => {
  it('is in the log with what to do, admits a name at the next mark, and is retried', async () => {
    await start();
    aws.fail('GetMetricData', 'denied');
    const keeper = coldStart();
    const sizes = [];
    for (const minute of [1, 2, 3, 4, 5, 6]) {
      sizes.push((await sweep(minute, keeper, numbered('a', 30))).applications.size);
    }
    expect(sizes).toEqual([0, 0, 1, 1, 1, 2]);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'WARN',
      event: 'series_unknown',
      error: expect.stringContaining('cloudwatch:GetMetricData'),
    });
    aws.fail('GetMetricData', undefined);
    // Whatever others published before it started is there by now.
    expect((await sweep(7, keeper, numbered('a', 30))).applications.size).toBe(20);
  });
});
