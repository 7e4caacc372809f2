import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Holding, type Snapshot, usableSlots } from '../../lambda/policy/snapshot.js';
import { openSession } from '../../lambda/postgres/session.js';
import { readSnapshot } from '../../lambda/postgres/sql/snapshot.js';
import {
  busyWith,
  loginOf,
  PASSWORD,
  pidOf,
  rowsOf,
  startDatabase,
  type TestDatabase,
  walsender,
} from '../support/database.js';
import { halfOpenLogin } from '../support/half-open-login.js';
import { major } from '../support/postgres-majors.js';

let database: TestDatabase;

/** The setting exists from 16 on. */
const reserved = major >= 16 ? { reserved_connections: 2 } : {};

beforeAll(async () => {
  database = await startDatabase({
    max_connections: 40,
    superuser_reserved_connections: 3,
    ...reserved,
    max_wal_senders: 4,
    // As RDS has them; elsewhere they are settings of an unknown extension.
    'rds.rds_reserved_connections': 2,
    'rds.rds_superuser_reserved_connections': 4,
  });
});

afterAll(() => database[Symbol.asyncDispose]());

async function look(
  username = 'connection_reaper',
  roles: readonly string[] = [],
  databaseName = 'postgres',
): Promise<Snapshot> {
  const target = database.sessionTarget({ databaseName, credentials: loginOf(username) });
  const { session, close } = await openSession(target, new AbortController().signal);
  try {
    return await readSnapshot(session, roles);
  } finally {
    await close();
  }
}

describe('a snapshot', () => {
  it.runIf(major >= 18)('has a connection that is still logging in', async () => {
    await database.admin.query("create role marked; comment on role marked is 'Connection Reaper: orders'");
    const socket = await halfOpenLogin(database.server);
    try {
      const starting = (await look()).backends.filter(({ state }) => state === 'starting');
      expect(starting).toMatchObject([{ role: null, database: null, ofReaper: false, superuser: false }]);
    } finally {
      socket.destroy();
      await database.admin.query('drop role marked');
    }
  });

  it('has the server, its reserved slots and the privileges of the login', async () => {
    const { server } = await look();
    expect(server).toEqual({
      version: database.server.version,
      versionNumber: expect.any(Number),
      inRecovery: false,
      maxConnections: 40,
      superuserReservedConnections: 3,
      reservedConnections: major >= 16 ? 2 : 0,
      rdsSuperuserReservedConnections: 4,
      rdsReservedConnections: 2,
      user: 'connection_reaper',
      database: 'postgres',
      ownAddress: database.server.host,
      clientAddress: '127.0.0.1',
      superuser: false,
      mayReadAllStats: true,
      maySignalBackends: true,
      hasReservedSlot: major >= 16,
      hasVainReserveGrant: false,
      preparedTransactions: 0,
      oldestPreparedSeconds: null,
    });
    // Each version with the reserve that counts there.
    expect(usableSlots(server)).toBe(major >= 16 ? 40 - 3 - 2 - 2 : 40 - 3 - 4 - 2);
  });

  it('knows the roles that may use reserved slots, from 16 on', async () => {
    if (major >= 16) await database.admin.query('grant pg_use_reserved_connections to billing');
    const [billing] = await database.leak(1, 'billing');
    const [checkout] = await database.leak(1, 'checkout');
    const rows = rowsOf((await look()).backends, [billing, checkout]);
    expect(rows.map(({ mayUseReserve }) => mayUseReserve)).toEqual([major >= 16, false]);
    if (major >= 16) await database.admin.query('revoke pg_use_reserved_connections from billing');
  });

  it('has the state of each connection, who it belongs to, and since when', async () => {
    const [idle, active, inTransaction, aborted] = await database.leak(4, 'checkout', 'states');
    await inTransaction.query('begin');
    await aborted.query('begin');
    await aborted.query('select 1/0').catch(() => undefined);
    const { running } = await busyWith(database.admin, active, 'select pg_sleep(60)');

    const { backends } = await look();
    const rows = rowsOf(backends, [idle, active, inTransaction, aborted]);
    expect(rows.map(({ state }) => state)).toEqual([
      'idle',
      'active',
      'idle in transaction',
      'idle in transaction (aborted)',
    ]);
    expect(rows[0]).toMatchObject({
      applicationName: 'states',
      role: 'checkout',
      superuser: false,
      database: 'postgres',
      clientAddr: '127.0.0.1',
      readable: true,
      holding: null,
      ofReaper: false,
    });
    for (const { stateSeconds, ageSeconds } of rows) {
      expect(stateSeconds).toBeGreaterThanOrEqual(0);
      expect(ageSeconds).toBeGreaterThan(0);
      expect(ageSeconds).toBeLessThan(60);
    }
    await database.admin.query('select pg_cancel_backend($1)', [pidOf(active)]);
    await expect(running).rejects.toThrow(/cancel/);
  });

  it('keeps the microseconds of the times that identify a connection', async () => {
    const [client] = await database.leak(1, 'checkout');
    const { backends } = await look();
    const [row] = rowsOf(backends, [client]);
    const { rows } = await database.admin.query(
      'select backend_start = $2::timestamptz and state_change = $3::timestamptz as same from pg_stat_activity where pid = $1',
      [pidOf(client), row?.backendStart, row?.stateChange],
    );
    expect(rows).toEqual([{ same: true }]);
    expect(row?.backendStart).toMatch(/\.\d{4,6}\+00$/);
  });

  it('shows what a session would lose, as far as the server shows it', async () => {
    const startBackup = major >= 15 ? 'pg_backup_start' : 'pg_start_backup';
    const cases: readonly (readonly [statement: string, holding: Holding | null])[] = [
      ['select pg_advisory_lock(1)', 'advisory_lock'],
      ['select pg_advisory_lock_shared(2)', 'advisory_lock'],
      // Before 16 the server tells only the role, of which a superuser is a member: then it would hide all that follow.
      ...(major >= 16 ? ([['create temporary table t (x int)', 'temporary_table']] as const) : []),
      ['listen news', 'listen'],
      ['/* from the outbox */ -- worker\n LISTEN "News"', 'listen'],
      ['select 1; listen news', 'listen'],
      ['/***/ /** of the outbox **/ listen news', 'listen'],
      ['/* one /* in */ another */ listen news', 'listen'],
      ['-- by a carriage return\rlisten news', 'listen'],
      ["do $$ begin execute 'listen news'; end $$", 'listen'],
      ["select 'listen news'", null],
      ['unlisten news', null],
      ['declare c cursor with hold for select 1', 'hold_cursor'],
      ['begin; declare d cursor with /* still */ hold for values (1), (2); fetch d; commit', 'hold_cursor'],
      [`select ${startBackup}('nightly', true${major >= 15 ? '' : ', false'})`, 'base_backup'],
      ["select pg_create_physical_replication_slot('mine', true, true)", 'replication_slot'],
      ["select 'with' as hold", null],
      ['select 1 /* fetch */', null],
      ['select 1\nfetch first row only', null],
      ['select 1', null],
    ];
    await database.admin.query('alter role billing superuser');
    try {
      const clients = await Promise.all(cases.map(() => database.connect('billing')));
      for (const [index, client] of clients.entries()) await client.query(cases[index]?.[0] ?? '');
      const rows = rowsOf((await look()).backends, clients);
      expect(rows.map(({ holding }, index) => [cases[index]?.[0], holding])).toEqual(cases);
      const fetching = clients.slice(cases.findIndex(([statement]) => statement.startsWith('declare c'))).slice(0, 1);
      await fetching[0]?.query('/* from the outbox */ fetch c');
      expect(rowsOf((await look()).backends, fetching)).toMatchObject([{ holding: 'hold_cursor' }]);
      await Promise.all(clients.map((client) => client.end()));
    } finally {
      await database.admin.query('alter role billing nosuperuser');
    }
  });

  it('reads statements in the encoding of another database', async () => {
    const makes = (name: string, encoding: string, locale: string) =>
      `create database ${name} template template0 encoding '${encoding}' lc_collate '${locale}' lc_ctype '${locale}'`;
    await database.admin.query(makes('letters', 'UTF8', 'C.utf8'));
    await database.admin.query(makes('legacy', 'LATIN1', 'C'));
    const clients = [
      await database.connect('checkout', { database: 'legacy' }),
      await database.connect('checkout', { database: 'legacy' }),
    ];
    await clients[0]?.query("select 'café', 'listen'");
    await clients[1]?.query('/* café */ LISTEN news');
    const { backends } = await look('connection_reaper', [], 'letters');
    expect(rowsOf(backends, clients).map(({ holding }) => holding)).toEqual([null, 'listen']);
    await Promise.all(clients.map((client) => client.end()));
  });

  it('leaves out our own backend, walsenders and background processes', async () => {
    await database.admin.query(`create role replica login replication password '${PASSWORD}'`);
    const sender = await database.connect('replica', walsender());
    try {
      const { rows } = await database.admin.query(
        "select count(*)::int as clients, count(*) filter (where backend_type = 'walsender')::int as walsenders from pg_stat_activity where backend_type in ('client backend', 'walsender')",
      );
      expect(rows[0].walsenders).toBe(1);
      const { backends } = await look();
      expect(backends).toHaveLength(rows[0].clients - 1);
      expect(backends.map(({ applicationName }) => applicationName)).not.toContain('connection-reaper');
    } finally {
      await sender.end();
    }
  });

  it('reads the roles that have a limit, and those it was asked for', async () => {
    await database.admin.query('create role capped connection limit 7; create role shut connection limit 0');
    const { roles } = await look('connection_reaper', ['checkout', 'no_such_role']);
    expect([...roles].sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: 'capped', connectionLimit: 7, superuser: false, mayAlter: false },
      { name: 'checkout', connectionLimit: null, superuser: false, mayAlter: true },
      { name: 'connection_reaper', connectionLimit: 4, superuser: false, mayAlter: false },
      { name: 'shut', connectionLimit: 0, superuser: false, mayAlter: false },
    ]);
  });

  it('counts sessions that the login may not read', async () => {
    await database.admin.query(`create role blind login password '${PASSWORD}'`);
    const clients = await database.leak(2, 'checkout');
    const { server, backends } = await look('blind');
    expect(server).toMatchObject({ mayReadAllStats: false, maySignalBackends: false });
    const { backends: all } = await look();
    expect(backends).toHaveLength(all.length);
    expect(rowsOf(backends, clients)).toEqual(
      clients.map(() => expect.objectContaining({ readable: false, state: null, role: 'checkout' })),
    );
  });

  it('does not count a membership without inheritance as a privilege', async () => {
    await database.admin.query(`
      create role member login noinherit password '${PASSWORD}';
      grant pg_read_all_stats, pg_signal_backend to member;
    `);
    expect((await look('member')).server).toMatchObject({ mayReadAllStats: false, maySignalBackends: false });
  });
});
