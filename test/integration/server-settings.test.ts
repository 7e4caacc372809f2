import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ServerSettings } from '../../lambda/policy/server-settings.js';
import { openSession } from '../../lambda/postgres/session.js';
import { readSnapshot } from '../../lambda/postgres/sql/snapshot.js';
import { startDatabase, type TestDatabase } from '../support/database.js';
import { major } from '../support/postgres-majors.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await startDatabase({
    tcp_keepalives_idle: 345,
    idle_in_transaction_session_timeout: '2min',
    shared_buffers: '64MB',
    ...(major >= 14 ? { idle_session_timeout: '1h', client_connection_check_interval: '3s' } : {}),
  });
});

afterAll(() => database[Symbol.asyncDispose]());

async function settings(): Promise<ServerSettings> {
  const { session, close } = await openSession(database.sessionTarget(), new AbortController().signal);
  try {
    return (await readSnapshot(session, [])).settings;
  } finally {
    await close();
  }
}

it('reads the values of the server, not those of the session of the reaper', async () => {
  expect(await settings()).toEqual({
    tcpKeepalivesIdle: 345,
    clientConnectionCheckInterval: major >= 14 ? 3_000 : null,
    idleSessionTimeout: major >= 14 ? 3_600_000 : null,
    idleInTransactionSessionTimeout: 120_000,
    sharedBuffers: 64 * 1024 ** 2,
    workMem: 4 * 1024 ** 2,
    overrides: [],
    limitedDatabases: [],
  });
});

it('reads what roles and databases with connections have of their own, and nothing that could be a secret', async () => {
  await database.connect('checkout');
  await database.admin.query('create database shop connection limit 7');
  await database.admin.query(`
    alter role checkout set idle_in_transaction_session_timeout = '1min';
    alter role checkout set app.token = 'hunter2';
    alter role checkout in database postgres set tcp_keepalives_idle = 0;
    alter role billing set tcp_keepalives_idle = 0;
    alter role connection_reaper set tcp_keepalives_idle = 1;
  `);
  const idle = { role: 'checkout', database: null, name: 'idle_in_transaction_session_timeout', value: '1min' };
  const seen = await settings();
  expect(seen).toMatchObject({
    // Hidden by that of the reaper's own role.
    tcpKeepalivesIdle: null,
    idleInTransactionSessionTimeout: 120_000,
    limitedDatabases: [{ name: 'shop', connectionLimit: 7 }],
  });
  expect(seen.overrides.filter(({ role }) => role !== 'connection_reaper')).toEqual([
    { role: 'checkout', database: 'postgres', name: 'tcp_keepalives_idle', value: '0' },
    idle,
  ]);
});
