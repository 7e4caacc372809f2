import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runInstance } from '../../lambda/instance-run.js';
import { aPolicy } from '../support/builders.js';
import { PASSWORD, sourcesOf, startDatabase, type TestDatabase } from '../support/database.js';

const SWEEPS = 200;
const POOL = 10;
const LONGEST_GAP_MS = 50;

let database: TestDatabase;

beforeAll(async () => {
  database = await startDatabase({ max_connections: 100 });
});

afterAll(() => database?.[Symbol.asyncDispose]());

/** Keeps every connection of a pool busy with short queries and short gaps, until told to stop. */
function loadSteadily(pool: pg.Pool) {
  const stopped = new AbortController();
  const failures: unknown[] = [];
  let queries = 0;
  const query = async () => {
    try {
      await pool.query('select pg_sleep(0.002)');
      queries += 1;
    } catch (error) {
      failures.push(error);
    }
  };
  const running = (async () => {
    while (!stopped.signal.aborted) {
      // As many at once as there are connections: the pool would let the others idle.
      await Promise.all(Array.from({ length: POOL }, query));
      await sleep(Math.random() * LONGEST_GAP_MS);
    }
  })();
  return {
    stop: async () => {
      stopped.abort();
      await running;
      return { queries, failures };
    },
  };
}

it(`a healthy pool loses no query in ${SWEEPS} sweeps that terminate leaks`, async () => {
  const pool = new pg.Pool({
    connectionString: database.server.url('checkout', PASSWORD),
    application_name: 'steady',
    max: POOL,
  });
  const dropped: unknown[] = [];
  pool.on('error', (error) => dropped.push(error));
  const load = loadSteadily(pool);
  const policy = aPolicy({ idleTimeout: '2s' });
  const errors: string[] = [];
  let [leaked, terminated, seenIdle] = [0, 0, 0];
  try {
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      if (sweep < SWEEPS / 2 && sweep % 10 === 0) leaked += (await database.leak(3, 'checkout', 'leaky')).length;
      const result = await runInstance(database.target(), sourcesOf(), policy, 20_000);
      errors.push(...result.errors);
      terminated += result.outcomes.filter(({ outcome }) => outcome === 'terminated').length;
      seenIdle += result.outcomes.filter(
        ({ backend }) => backend.applicationName === 'steady' && backend.state === 'idle',
      ).length;
      await sleep(30);
    }
  } finally {
    const { queries, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(queries).toBeGreaterThan(1_000);
    await pool.end();
  }
  expect(errors).toEqual([]);
  expect(dropped).toEqual([]);
  expect(seenIdle).toBeGreaterThan(SWEEPS);
  expect({ leaked, terminated }).toEqual({ leaked: 30, terminated: 30 });
}, 120_000);
