/** What a failed login says: which instance, where, why, and what to do next. By real servers, and what answers like others. */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runInstance } from '../../lambda/instance-run.js';
import type { Credentials } from '../../lambda/login/credentials.js';
import type { LoginTarget } from '../../lambda/login/login-target.js';
import { refusal, startAnsweringServer, welcome } from '../support/answering-server.js';
import { aPolicy } from '../support/builders.js';
import { loginOf, startDatabase, type TestDatabase } from '../support/database.js';
import { major } from '../support/postgres-majors.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await startDatabase();
});

afterAll(() => database[Symbol.asyncDispose]());

/**
 * What a run at one instance says when it gets no further than the login.
 *
 * @param timeMs all but seven seconds of it are for the login.
 */
async function failure(
  overrides: Partial<LoginTarget>,
  login: Credentials = loginOf(),
  timeMs = 20_000,
): Promise<string> {
  const own = { read: async () => login };
  const target = database.target(overrides);
  const { errors, snapshot } = await runInstance(target, { own, breakGlass: null }, aPolicy(), timeMs);
  expect(snapshot).toBeNull();
  expect(errors).toHaveLength(1);
  return errors[0] ?? '';
}

async function listening(server: Server): Promise<{ readonly host: string; readonly port: number }> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

describe('a server of ours refuses the login', () => {
  it.each([
    ['has no such database', '', { databaseName: 'gone' }, /3D000: .*; there is no such database: check databaseName/],
    [
      'has a database that takes no logins',
      'create database closed allow_connections false',
      { databaseName: 'closed' },
      /55000: .*; this database takes no logins: .*ALTER DATABASE … ALLOW_CONNECTIONS true/,
    ],
    [
      'keeps the role out of the database',
      'create database locked; revoke connect on database locked from public',
      { databaseName: 'locked' },
      /42501: .*; let its role into this database: GRANT CONNECT ON DATABASE/,
    ],
  ])('that %s', async (_, statements, overrides, expected) => {
    for (const statement of statements.split('; ')) if (statement !== '') await database.admin.query(statement);
    expect(await failure(overrides)).toMatch(expected);
  });

  it('whose role has NOLOGIN', async () => {
    await database.admin.query('alter role connection_reaper nologin');
    expect(await failure({})).toMatch(/28000: .*; there is no such role, or it has NOLOGIN: ALTER ROLE … LOGIN;$/);
    await database.admin.query('alter role connection_reaper login');
  });

  it('by a login trigger', async ({ skip }) => {
    if (major < 17) skip('a trigger of 17');
    await database.admin.query('create database guarded');
    const { host, port, superuser } = database.server;
    const guard = new pg.Client({ host, port, ...superuser, database: 'guarded' });
    await guard.connect();
    await guard.query(`create function refuse() returns event_trigger language plpgsql
      as $$ begin if session_user = 'connection_reaper' then raise 'not you'; end if; end $$`);
    await guard.query('create event trigger refuse on login execute function refuse()');
    await guard.query('alter event trigger refuse enable always');
    await guard.end();
    expect(await failure({ databaseName: 'guarded' })).toMatch(
      /P0001: not you; a login trigger of the database raised this/,
    );
  });
});

describe('another answer, sent as PostgreSQL, poolers and strangers send it,', () => {
  const at = /^could not log in to "primary" at 127\.0\.0\.1:\d+ as connection_reaper: /;

  it.each([
    [
      '57P03',
      'the database system is starting up',
      '',
      /the server starts, stops or recovers: the next run tries again/,
    ],
    ['57P03', 'the database system is shutting down', '', /the server starts, stops or recovers/],
    ['57P03', 'the database system is not accepting connections', '', /a standby takes logins with hot_standby = on/],
    ['57P01', 'terminating connection due to administrator command', '', /terminated the login: the next run tries/],
    [
      '57P02',
      'terminating connection because of crash of another server process',
      '',
      /crashed, and the server restarts/,
    ],
    ['57P04', 'database "orders" was dropped', '', /set databaseName to another one/],
    [
      '57P05',
      'terminating connection due to idle-session timeout',
      '',
      /idle_session_timeout of this role or database/,
    ],
    [
      '0A000',
      "Feature not supported: RDS Proxy currently doesn't support command-line options.",
      '',
      /looks like RDS Proxy or another pooler.*: set the host to the endpoint of the cluster or instance$/,
    ],
    [
      '08P01',
      'unsupported startup parameter: options',
      '',
      /looks like a pooler: point the reaper at PostgreSQL itself$/,
    ],
    ['XX000', 'Tenant or user not found', '', /a pooler such as Supavisor that does not know the user/],
    ['58000', 'No pool configured for database: "orders"', '', /a pooler such as PgCat/],
    [
      '28000',
      'PAM authentication failed for user "connection_reaper"',
      'auth_failed',
      /member of rds_iam, .*: log in by token \(iamAuthentication\), or REVOKE rds_iam$/,
    ],
    ['28000', 'Peer authentication failed for user "x"', 'auth_failed', /has a method .* that takes no password$/],
    [
      '28000',
      'no pg_hba.conf entry for host "10.0.0.1", user "x", database "y", no encryption',
      'ClientAuthentication',
      /no line of pg_hba\.conf lets this role .*, or leave out sslMode: "disable" where the server demands TLS$/,
    ],
    ['42704', 'unrecognized configuration parameter "jit"', '', /the reaper needs PostgreSQL 13 or newer$/],
    ['53100', 'could not write init file: No space left on device', '', /the disk of the server is full/],
    ['53200', 'out of memory', '', /the server is out of memory/],
    ['22023', 'who knows', '', /no login is known to end with this: look into the log of the server at this time/],
  ])('%s: %s', async (sqlState, message, routine, advice) => {
    await using server = await startAnsweringServer(refusal(sqlState, message, routine));
    const text = await failure({ address: server.address });
    expect(text).toMatch(at);
    expect(text).toContain(`${sqlState}: ${message}; `);
    expect(text).toMatch(advice);
  });

  it('53300 and then nothing any more, of which both are told', async () => {
    const server = await startAnsweringServer(
      refusal('53300', 'remaining connection slots are reserved', 'InitPostgres'),
    );
    const failing = failure({ address: server.address }, loginOf(), 8_500);
    await sleep(300);
    await server[Symbol.asyncDispose]();
    expect(await failing).toMatch(
      /53300: .*; the slots left are reserved for others: .*; the last attempt failed otherwise: connect ECONNREFUSED /,
    );
  });

  it('a PostgreSQL that is too old', async () => {
    await using server = await startAnsweringServer(welcome('12.20'));
    expect(await failure({ address: server.address })).toMatch(
      /this is PostgreSQL 12, and the reaper needs 13 or newer; upgrade it, or remove this instance from the reaper$/,
    );
  });

  it('MySQL', async () => {
    const greeting = Buffer.concat([Buffer.from([0x4a, 0, 0, 0, 10]), Buffer.from('8.0.36\0'.padEnd(0x4a, '\x01'))]);
    await using server = await startAnsweringServer(greeting, true);
    for (const sslMode of ['disable', 'verify-full'] as const) {
      expect(await failure({ address: server.address, sslMode })).toMatch(
        /MySQL answers there, not PostgreSQL; check host and port$/,
      );
    }
  });

  it('an HTTP server', async () => {
    const server = createHttpServer();
    const address = await listening(server);
    for (const sslMode of ['disable', 'verify-full'] as const) {
      expect(await failure({ address, sslMode })).toMatch(/an HTTP server answers there, not PostgreSQL; check host/);
    }
    server.close();
  });

  it('a server that speaks only TLS, by an alert or by leaving', async () => {
    await using alerting = await startAnsweringServer(Buffer.from([0x15, 3, 1, 0, 2, 2, 70]));
    expect(await failure({ address: alerting.address })).toMatch(/a server that speaks only TLS answers there/);
    const leaving = createTlsServer();
    expect(await failure({ address: await listening(leaving) })).toMatch(
      /: the connection was closed without a word; that is a port that speaks only TLS, a load balancer without a target/,
    );
    leaving.close();
  });

  it('nobody', async () => {
    expect(await failure({ address: { host: '127.0.0.1', port: 1 } })).toMatch(
      /connect ECONNREFUSED 127\.0\.0\.1:1; nothing listens there: check host and port, and whether the server runs$/,
    );
  });

  it('no name', async () => {
    expect(await failure({ address: { host: 'db.invalid', port: 5432 } })).toMatch(
      /(ENOTFOUND|EAI_AGAIN).*; (no address has this name: check the host|the name could not be looked up)/,
    );
  });
});
