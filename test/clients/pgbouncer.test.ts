import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { InstanceResult } from '../../lambda/diagnosis/instance-result.js';
import { runInstance } from '../../lambda/instance-run.js';
import { aPolicy } from '../support/builders.js';
import { sourcesOf, startDatabase, type TestDatabase, until } from '../support/database.js';
import { type PgBouncer, startPgBouncer } from './pgbouncer.js';

/** What the reaper sends that PgBouncer doesn't know; as often configured for other drivers' sake. */
const LENIENT = { ignore_startup_parameters: 'statement_timeout,lock_timeout,options' };

const POINT_AT_POSTGRES = /; (this looks like a pooler: )?point the reaper at PostgreSQL itself/;

let database: TestDatabase;
let leaked: pg.Client[] = [];

beforeAll(async () => {
  database = await startDatabase({ max_connections: 12, superuser_reserved_connections: 3 });
});

afterAll(() => database?.[Symbol.asyncDispose]());

afterEach(async () => {
  await Promise.all(leaked.map((client) => client.end()));
  leaked = [];
  await endPooled();
});

/** Ends what the pooler holds on the server, as its own timeout would. */
async function endPooled(): Promise<void> {
  const pooled = "from pg_stat_activity where usename = 'connection_reaper'";
  await database.admin.query(`select pg_terminate_backend(pid) ${pooled}`);
  await until(async () => (await database.admin.query(`select ${pooled}`)).rowCount === 0);
}

/** Takes every slot that is left for ordinary roles. */
async function fill(): Promise<void> {
  const filling = async () => {
    for (;;) leaked.push(...(await database.leak(1, 'checkout')));
  };
  await expect(filling()).rejects.toMatchObject({ code: '53300' });
}

/** A sweep that would end every leaked backend and set a limit, if it got through. */
async function sweepThrough(
  { port }: PgBouncer,
  rescueLogin: 'off' | 'replication' = 'off',
): Promise<{ readonly result: InstanceResult; readonly milliseconds: number }> {
  const began = performance.now();
  const result = await runInstance(
    database.target({ address: { host: '127.0.0.1', port }, rescueLogin }),
    sourcesOf(),
    aPolicy({ idleTimeout: '1s', roleLimits: { checkout: 3 } }),
    30_000,
  );
  return { result, milliseconds: performance.now() - began };
}

async function expectUntouched(): Promise<void> {
  expect(await database.alive(leaked)).toEqual(leaked.map(() => true));
  const { rows } = await database.admin.query(`
    select (select count(*)::int from pg_locks where locktype = 'advisory') as locks,
           (select rolconnlimit from pg_roles where rolname = 'checkout') as limit`);
  expect(rows).toEqual([{ locks: 0, limit: -1 }]);
}

describe.each(['transaction', 'session'])('a reaper pointed at PgBouncer with pool_mode = %s', (pool_mode) => {
  it('is refused at once for what it asks of a session', async () => {
    await using pooler = await startPgBouncer(database.server, { pool_mode });
    for (const rescueLogin of ['off', 'replication'] as const) {
      const { result, milliseconds } = await sweepThrough(pooler, rescueLogin);
      expect(result.errors).toEqual([expect.stringMatching(/: 08P01: unsupported startup parameter: /)]);
      expect(result.errors).toEqual([expect.stringMatching(POINT_AT_POSTGRES)]);
      expect(result.snapshot).toBeNull();
      expect(milliseconds).toBeLessThan(2_000);
    }
  });

  it('notices where it was let in, and leaves nothing locked, ended or limited', async () => {
    leaked = await database.leak(3, 'checkout');
    await until(async () => {
      const young = "select from pg_stat_activity where usename = 'checkout' and now() - state_change < '1.1 s'";
      return (await database.admin.query(young)).rowCount === 0;
    });
    await using pooler = await startPgBouncer(database.server, { pool_mode, ...LENIENT });
    for (const rescueLogin of ['off', 'replication'] as const) {
      const { result, milliseconds } = await sweepThrough(pooler, rescueLogin);
      expect(result.errors).toEqual([
        expect.stringMatching(/: another server process answers than the one logged in to/),
      ]);
      expect(result.errors).toEqual([expect.stringMatching(POINT_AT_POSTGRES)]);
      expect(milliseconds).toBeLessThan(2_000);
      await expectUntouched();
    }
  });

  it('gives up within seconds when the server behind is full, however PgBouncer puts it', async () => {
    await using warm = await startPgBouncer(database.server, { pool_mode, ...LENIENT });
    const before = await sweepThrough(warm);
    expect(before.result.errors).toHaveLength(1);
    await endPooled();
    await fill();

    const hanging = await sweepThrough(warm);
    expect(hanging.result.errors).toEqual([
      expect.stringMatching(
        /: logged in, but got no answer within 3000 ms: a pooler in front of a full server, .*; point/,
      ),
    ]);
    expect(hanging.milliseconds).toBeLessThan(5_000);

    const failing = await sweepThrough(warm);
    expect(failing.result.errors).toEqual([
      expect.stringMatching(/: 08P01: server login has been failing, .*; this looks/),
    ]);
    expect(failing.milliseconds).toBeLessThan(2_000);

    await using cold = await startPgBouncer(database.server, { pool_mode, ...LENIENT });
    const first = await sweepThrough(cold);
    expect(first.result.errors).toEqual([
      expect.stringMatching(/: 08P01: remaining connection slots are .*; this looks/),
    ]);
    const second = await sweepThrough(cold);
    expect(second.result.errors).toEqual([
      expect.stringMatching(
        /: connected, but the login was not answered within 5000 ms; point the reaper at PostgreSQL itself if/,
      ),
    ]);
    expect(second.milliseconds).toBeLessThan(7_000);
    await expectUntouched();
  });
});
