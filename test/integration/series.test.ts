/**
 * How many metric series there are when sessions rename themselves in every minute, over 100 sweeps, with a new environment
 * of the function in every ten.
 */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type AwsStandIn, startAwsStandIn } from '../../demo/aws-stand-in.js';
import { insightsSeries } from '../../demo/cloudwatch/insights-series.js';
import { parseInsightsQuery } from '../../demo/cloudwatch/metrics-insights.js';
import type { Observation } from '../../demo/cloudwatch/observation.js';
import { cloudWatch, secretsManager } from '../../lambda/aws/clients.js';
import { logTo } from '../../lambda/aws/log.js';
import { publishByLog, publishTo } from '../../lambda/aws/publish.js';
import { historiesFrom } from '../../lambda/aws/series-history.js';
import { seriesKeeper } from '../../lambda/aws/series-memory.js';
import { insightsQuery } from '../../lambda/contract/insights-query.js';
import { parseEvent } from '../../lambda/input/event.js';
import { loginsOf } from '../../lambda/login/logins.js';
import { lookKeeper, run, type Surroundings } from '../../lambda/run.js';
import { someSettings } from '../support/builders.js';
import { embeddedObservations } from '../support/cloudwatch/embedded-metrics.js';
import { PASSWORD, startDatabase, type TestDatabase } from '../support/database.js';
import { SECRET_ARN } from '../support/deployed.js';

const START = Date.UTC(2026, 0, 5, 10);
const MINUTE = 60_000;
const SWEEPS = 100;
const SWEEPS_A_START = 10;
const HOG_COMES = 50;

let database: TestDatabase;
let aws: AwsStandIn;
let renaming: readonly pg.Client[];

beforeAll(async () => {
  database = await startDatabase({ max_connections: 80 });
  await database.leak(25, 'checkout', 'stable');
  renaming = await database.leak(20, 'billing');
});

afterAll(() => database[Symbol.asyncDispose]());

/** What came to CloudWatch of 100 sweeps, a minute apart. */
async function sweepUnderAttack(metricsVia: 'api' | 'emf'): Promise<readonly Observation[]> {
  vi.useFakeTimers({ toFake: ['Date'], now: START });
  aws = await startAwsStandIn();
  const hogs: pg.Client[] = [];
  try {
    const { host, port } = database.server;
    aws.setSecret(SECRET_ARN, JSON.stringify({ username: 'connection_reaper', password: PASSWORD, host, port }));
    const settings = someSettings({ secretArn: SECRET_ARN, sslMode: 'disable', idleTimeout: '1d', metricsVia });
    const logged: Observation[] = [];
    const log = logTo({ write: (line: string) => logged.push(...observationsIn(line)) });
    const coldStart = (): Surroundings => {
      const client = metricsVia === 'api' ? cloudWatch(aws.clientConfig) : null;
      return {
        logins: loginsOf(settings, () => secretsManager(aws.clientConfig)),
        publish: client === null ? publishByLog(log) : publishTo(client, log),
        series: seriesKeeper(client && historiesFrom(client, settings.databaseLabel), log),
        looks: lookKeeper(),
        log,
      };
    };
    let surroundings = coldStart();
    for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
      vi.setSystemTime(START + sweep * MINUTE);
      if (sweep % SWEEPS_A_START === 0) surroundings = coldStart();
      if (sweep === HOG_COMES) hogs.push(...(await database.leak(28, 'billing', '(other)')));
      await Promise.all(
        renaming.map((client, index) => client.query(`set application_name to 'worker-${sweep}-${index}'`)),
      );
      const { errors } = await run(settings, parseEvent({}), surroundings, 50_000);
      expect(errors).toEqual([]);
    }
    return metricsVia === 'api' ? aws.metrics() : logged;
  } finally {
    await Promise.all(hogs.map((client) => client.end()));
    await aws.stop();
    vi.useRealTimers();
  }
}

function observationsIn(line: string): readonly Observation[] {
  return line.startsWith('{"_aws"') ? embeddedObservations(JSON.parse(line)) : [];
}

/** When each application got its series, in minutes. */
function firstSeen(observations: readonly Observation[]): ReadonlyMap<string, number> {
  const first = new Map<string, number>();
  for (const { dimensions, timestamp } of observations) {
    const { Application } = dimensions;
    if (Application === undefined || Application === '(other)' || first.has(Application)) continue;
    first.set(Application, (timestamp - START) / MINUTE);
  }
  return first;
}

function mostInAnHour(minutes: readonly number[]): number {
  return Math.max(...minutes.map((start) => minutes.filter((at) => at >= start && at < start + 60).length));
}

/** The greatest share of the slots by application in a minute, as ApplicationConnectionsHigh asks for it. */
function hogging(observations: readonly Observation[], minute: number): number {
  const query = insightsQuery(
    { level: 'application', metricName: 'SlotsUsedPercent', database: 'orders' },
    { aggregate: 'MAX', groupBy: 'Application' },
  );
  const range = { end: START + (minute + 1) * MINUTE, periodSeconds: 60, periods: 1 };
  const values = [...insightsSeries(parseInsightsQuery(query), observations, range).values()].flat();
  return Math.max(...values.map((value) => value ?? 0));
}

describe.each(['api', 'emf'] as const)('metrics via %s', (metricsVia) => {
  let observations: readonly Observation[];

  beforeAll(async () => {
    observations = await sweepUnderAttack(metricsVia);
  }, 180_000);

  it('have at most twenty new names of applications in any hour, cold starts included', () => {
    const minutes = [...firstSeen(observations).values()];
    expect(minutes.length).toBeGreaterThan(metricsVia === 'api' ? 20 : 10);
    expect(mostInAnHour(minutes)).toBeLessThanOrEqual(20);
    const ofApplications = observations.filter(({ dimensions }) => dimensions['Application'] !== undefined);
    const series = ofApplications.map(({ metricName, dimensions }) => JSON.stringify([metricName, dimensions]));
    // Four for each name, and for (other).
    expect(new Set(series).size).toBe(4 * (minutes.length + 1));
  });

  it('show a hog that comes meanwhile, even by the name (other)', () => {
    expect(hogging(observations, HOG_COMES - 1)).toBeLessThan(36);
    for (let minute = HOG_COMES; minute < SWEEPS; minute += 1)
      expect(hogging(observations, minute)).toBeGreaterThan(36);
  });

  it.runIf(metricsVia === 'api')('have an application that stays in every sweep', () => {
    const stable = observations.filter(
      ({ dimensions, metricName }) => dimensions['Application'] === 'stable' && metricName === 'Connections',
    );
    expect(stable.map(({ timestamp }) => (timestamp - START) / MINUTE)).toEqual(
      Array.from({ length: SWEEPS }, (_, minute) => minute),
    );
  });
});
