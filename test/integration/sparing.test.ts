import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InstanceResult } from '../../lambda/diagnosis/instance-result.js';
import { runInstance } from '../../lambda/instance-run.js';
import type { SpareReason } from '../../lambda/policy/spared.js';
import { aPolicy } from '../support/builders.js';
import {
  busyWith,
  PASSWORD,
  pidOf,
  sourcesOf,
  startDatabase,
  type TestDatabase,
  walsender,
} from '../support/database.js';
import { major } from '../support/postgres-majors.js';

let database: TestDatabase;
let result: InstanceResult;
/** Those that a sweep must not touch, by what they are. */
const spared = new Map<string, pg.Client>();
let leaked: pg.Client[];
/** Has no temporary table, but its role has. */
let mate: pg.Client;
let workersBefore: number;

beforeAll(async () => {
  database = await startDatabase({ max_connections: 60, max_wal_senders: 4, max_prepared_transactions: 2 });
  const { admin, server } = database;
  await admin.query(`
    create role rdsadmin login password '${PASSWORD}';
    create role replica login replication password '${PASSWORD}';
    create role holder login password '${PASSWORD}';
    create role untracked login password '${PASSWORD}';
    alter role untracked set track_activities = off;
  `);
  const connect = async (kind: string, role: string, statement?: string, options: pg.ClientConfig = {}) => {
    const client = await database.connect(role, { application_name: kind, ...options });
    if (statement !== undefined) await client.query(statement);
    spared.set(kind, client);
    return client;
  };
  await connect('superuser', 'postgres', undefined, server.superuser);
  await connect('provider', 'rdsadmin');
  await connect('reaper', 'connection_reaper', undefined, { application_name: 'connection-reaper' });
  await connect('logical walsender', 'replica', undefined, walsender('database'));
  await connect('physical walsender', 'replica', undefined, walsender('true'));
  await connect('advisory lock', 'billing', 'select pg_advisory_lock(7)');
  await connect('shared advisory lock', 'billing', 'select pg_advisory_lock_shared(8)');
  await connect('temporary table', 'holder', 'create temporary table mine (x int)');
  await connect('listener', 'billing', 'listen news');
  await connect('transaction', 'billing', 'begin');
  await connect('session without track_activities', 'untracked');
  mate = await database.connect('holder', { application_name: 'leaky' });
  await admin.query(`create role member login password '${PASSWORD}'; grant holder to member`);
  await connect('temporary table of another role', 'member', 'set role holder; create temporary table ours (x int)');
  await busyWith(admin, await connect('busy', 'billing'), 'select pg_sleep(60)');

  const preparing = await database.connect('checkout', { application_name: 'leaky' });
  await preparing
    .query(`begin; create table made_in_two_phases (x int); prepare transaction 'two-phase'`)
    .catch(async () => {
      await preparing.query('rollback');
      // The role may not create tables in public from 15 on; any transaction will do.
      await preparing.query(`begin; select pg_current_xact_id(); prepare transaction 'two-phase'`);
    });
  leaked = [preparing, ...(await database.leak(5, 'checkout', 'leaky'))];
  workersBefore = await workers();
  await database.idleFor(1);
  result = await runInstance(
    database.target(),
    sourcesOf(),
    aPolicy({}, { action: 'reap', idleTimeout: '1s' }),
    20_000,
  );
});

afterAll(() => database[Symbol.asyncDispose]());

async function workers(): Promise<number> {
  const { rows } = await database.admin.query(
    `select count(*)::int as workers from pg_stat_activity
      where backend_type in ('autovacuum launcher', 'logical replication launcher', 'checkpointer', 'background writer', 'walwriter')`,
  );
  return rows[0].workers;
}

function outcomeOf(client: pg.Client) {
  const found = result.outcomes.find(({ backend }) => backend.pid === pidOf(client));
  return found === undefined ? 'not seen' : (found.reason ?? found.outcome);
}

describe('a reap of everything that is idle', () => {
  it('terminates the leaked connections', async () => {
    expect(result.errors).toEqual([]);
    expect(leaked.map(outcomeOf)).toEqual(leaked.map(() => 'terminated'));
    expect(await database.alive(leaked)).toEqual(leaked.map(() => false));
  });

  const reasons: readonly (readonly [string, SpareReason | 'not seen'])[] = [
    ['superuser', 'superuser'],
    ['provider', 'provider_role'],
    ['reaper', 'reaper'],
    ['logical walsender', 'not seen'],
    ['physical walsender', 'not seen'],
    ['advisory lock', 'advisory_lock'],
    ['shared advisory lock', 'advisory_lock'],
    ['temporary table', 'temporary_table'],
    ['temporary table of another role', 'temporary_table'],
    ['listener', 'listen'],
    ['transaction', 'in_transaction'],
    ['session without track_activities', 'state_unknown'],
    ['busy', 'active'],
  ];
  it.each(reasons)('spares the %s: %s', async (kind, reason) => {
    const client = spared.get(kind);
    if (client === undefined) throw new Error('unreachable');
    expect(outcomeOf(client)).toBe(reason);
    expect(await database.alive([client])).toEqual([true]);
  });

  it('does not see the background processes, and they keep running', async () => {
    expect(await workers()).toBe(workersBefore);
    expect(workersBefore).toBeGreaterThan(3);
  });

  it('spares prepared transactions, which outlive their session', async () => {
    const { rows } = await database.admin.query('select gid from pg_prepared_xacts');
    expect(rows).toEqual([{ gid: 'two-phase' }]);
    expect(result.snapshot?.server.preparedTransactions).toBe(1);
    await database.admin.query("rollback prepared 'two-phase'");
  });

  it('finds the owner of a temporary table from 16 on, and spares the whole role before', async () => {
    expect(outcomeOf(mate)).toBe(major >= 16 ? 'terminated' : 'temporary_table');
  });
});
