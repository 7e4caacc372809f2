import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runInstance } from '../../lambda/instance-run.js';
import type { Credentials, CredentialsSource } from '../../lambda/login/credentials.js';
import { login } from '../../lambda/login/login.js';
import type { LoginTarget } from '../../lambda/login/login-target.js';
import type { LoginSources } from '../../lambda/login/logins.js';
import { inlineParameters } from '../../lambda/postgres/inline-parameters.js';
import { aPolicy } from '../support/builders.js';
import { fill, loginOf, PASSWORD, startDatabase, type TestDatabase } from '../support/database.js';
import { halfOpenLogin } from '../support/half-open-login.js';

const MAX_CONNECTIONS = 20;

let database: TestDatabase;
let clients: pg.Client[] = [];

beforeAll(async () => {
  database = await startDatabase({
    max_connections: MAX_CONNECTIONS,
    superuser_reserved_connections: 2,
    max_wal_senders: 3,
    authentication_timeout: 4,
  });
  await database.admin.query(`
    create role plain login password '${PASSWORD}';
    create role rescuer login replication password '${PASSWORD}';
    grant pg_read_all_stats, pg_signal_backend to plain, rescuer;
  `);
});

afterAll(() => database[Symbol.asyncDispose]());

afterEach(async () => {
  await Promise.all(clients.map((client) => client.end()));
  clients = [];
});

const fixed = (credentials: Credentials): CredentialsSource => ({ read: async () => credentials });
const as = (username: string): CredentialsSource => fixed(loginOf(username));
const superuser = (): CredentialsSource => {
  const { user: username, password } = database.server.superuser;
  return fixed({ username, password });
};

function logIn(
  sources: Partial<LoginSources>,
  overrides: Partial<LoginTarget> = {},
  signal = new AbortController().signal,
  patienceMs?: number,
) {
  return login(database.target(overrides), { own: as('plain'), breakGlass: null, ...sources }, signal, patienceMs);
}

/** Tries each way once. */
function logInOnce(sources: Partial<LoginSources>) {
  return logIn(sources, { rescueLogin: 'replication' }, undefined, 0);
}

const fillOrdinary = async () => {
  clients.push(...(await database.fill('checkout', 'leaky')));
};
const fillAll = async () => {
  await fillOrdinary();
  clients.push(...(await fill(() => database.connect('postgres', database.server.superuser))));
};

/** Cuts the patience of a run short, for those that can't get in. */
function within(ms: number): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), ms).unref();
  return controller.signal;
}

describe('a full server', () => {
  it('lets in the break-glass login, which is used for nothing else', async () => {
    const untouched: CredentialsSource = {
      read: () => Promise.reject(new Error('the break-glass secret was read')),
    };
    const quiet = await logIn({ breakGlass: untouched });
    expect(quiet.facts).toMatchObject({ way: 'own', attempts: 1, refusals: [] });
    await quiet.close();
    await expect(
      logIn({ own: fixed({ username: 'plain', password: 'wrong' }), breakGlass: untouched }),
    ).rejects.toThrow(/28P01/);

    await fillOrdinary();
    const { facts, session, close } = await logIn({ breakGlass: superuser() });
    expect(facts).toMatchObject({ way: 'break_glass', refusals: ['reserved_slots'] });
    expect(await session.query('select current_user as user')).toEqual([{ user: 'postgres' }]);
    await close();
  });

  it('tells every way that failed, and why', async () => {
    await fillAll();
    const unreadable: CredentialsSource = { read: () => Promise.reject(new Error('could not read the secret')) };
    const error = await logInOnce({ breakGlass: unreadable }).catch((cause) => cause);
    expect(error.facts).toMatchObject({ way: null, refusals: ['every_slot'] });
    expect(error.message).toMatch(/as \w+: 53300: .*; every slot is taken/s);
    expect(error.message).toMatch(/no credentials \(break-glass login\): could not read the secret/);
    expect(error.message).toMatch(/as \w+ \(rescue login as a walsender\): (28000|42501): /);
  });

  it('lets in a rescue login when not even a superuser gets in, and it reaps like any other', async () => {
    await fillAll();
    const reap = aPolicy({}, { action: 'reap', idleTimeout: '1s', applications: ['leaky'] });
    await database.idleFor(1);
    const leaked = clients.slice(0, 5);
    const own = as('rescuer');
    const {
      login: facts,
      outcomes,
      errors,
    } = await runInstance(database.target({ rescueLogin: 'replication' }), { own, breakGlass: null }, reap, 20_000);
    expect(errors).toEqual([]);
    expect(facts).toMatchObject({ way: 'rescue', refusals: ['every_slot'] });
    expect(outcomes.filter(({ outcome }) => outcome === 'terminated').length).toBeGreaterThanOrEqual(5);
    expect(await database.alive(leaked)).toEqual(leaked.map(() => false));
  });

  it('tells when the walsenders are used up as well', async () => {
    await fillAll();
    const senders = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const sender = await logInOnce({ own: as('rescuer') });
        expect(sender.facts.way).toBe('rescue');
        return sender;
      }),
    );
    const error = await logInOnce({ own: as('rescuer') }).catch((cause) => cause);
    expect(error.facts.refusals).toEqual(['every_slot', 'walsenders']);
    expect(error.message).toMatch(/max_wal_senders is used up/);
    await Promise.all(senders.map(({ close }) => close()));
  });

  it('is no reason to go around a limit of the database or of the role', async () => {
    await database.admin.query('create database limited connection limit 0');
    await database.admin.query('alter role plain connection limit 0');
    const untouched: LoginSources['breakGlass'] = { read: () => Promise.reject(new Error('it was read')) };
    const around = { rescueLogin: 'replication' } as const;
    const refusedBy = async (own: CredentialsSource, databaseName: string) =>
      (await logIn({ own, breakGlass: untouched }, { ...around, databaseName }).catch((cause) => cause)).facts;
    expect(await refusedBy(as('rescuer'), 'limited')).toMatchObject({ attempts: 1, refusals: ['database_limit'] });
    expect(await refusedBy(as('plain'), 'postgres')).toMatchObject({ attempts: 1, refusals: ['role_limit'] });
    await database.admin.query('alter role plain connection limit -1');
  });

  it('by the break-glass login spares the sessions of the own role', async () => {
    const other = await logIn({ own: as('connection_reaper') });
    await fillOrdinary();
    await database.idleFor(1);
    const { login: facts, outcomes } = await runInstance(
      database.target(),
      { own: as('connection_reaper'), breakGlass: superuser() },
      aPolicy({}, { action: 'reap', idleTimeout: '1s', roles: ['connection_reaper'] }),
      20_000,
    );
    expect(facts?.way).toBe('break_glass');
    expect(outcomes.filter(({ backend }) => backend.role === 'connection_reaper').map(({ reason }) => reason)).toEqual([
      'reaper',
    ]);
    await other.close();
  });

  it('does not keep a run longer than its time, whatever a secret takes', async () => {
    await fillOrdinary();
    const slow: CredentialsSource = { read: () => sleep(10_000, undefined, { ref: false }) as Promise<never> };
    const began = performance.now();
    const { errors, login: facts } = await runInstance(
      database.target(),
      { own: as('plain'), breakGlass: slow },
      aPolicy(),
      2_000,
    );
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(facts?.refusals).toEqual(['reserved_slots']);
    expect(errors.join()).toMatch(/reserved for others.*the time for this run is over/);
  });

  describe('refuses a token as well now and then', () => {
    const ACCEPTING = `login password '${PASSWORD}'`;
    const REFUSING = { '28000': 'nologin', '28P01': "password 'another'" };

    afterEach(() => database.admin.query(`alter role plain ${ACCEPTING}`));

    /** Tokens of `plain`, of which the server refuses some, as when what verifies them fails for a moment. */
    function tokens(sqlState: keyof typeof REFUSING, refuses: (attempt: number) => boolean): CredentialsSource {
      // The first one is for the role's name alone.
      let attempt = -1;
      return {
        givesTokens: true,
        async read(refused) {
          // One that is read again belongs to the same attempt.
          if (refused === undefined) attempt += 1;
          await database.admin.query(`alter role plain ${refuses(attempt) ? REFUSING[sqlState] : ACCEPTING}`);
          return { username: 'plain', password: PASSWORD };
        },
      };
    }

    it.each(['28000', '28P01'] as const)('(%s), and lets in the break-glass login all the same', async (sqlState) => {
      await fillOrdinary();
      const { facts, close } = await logIn({
        own: tokens(sqlState, (attempt) => attempt === 2),
        breakGlass: superuser(),
      });
      expect(facts).toMatchObject({ way: 'break_glass', refusals: ['reserved_slots'] });
      // On a busy machine there is time for few attempts.
      expect(facts.attempts).toBeGreaterThan(2);
      await close();
    });

    it('and still lets the run in once a slot is free', async () => {
      await fillOrdinary();
      const own = tokens('28000', (attempt) => {
        if (attempt === 6) clients[0]?.end();
        return attempt === 5;
      });
      const { facts, close } = await logIn({ own });
      expect(facts).toMatchObject({ way: 'own', refusals: ['reserved_slots'] });
      expect(facts.attempts).toBeGreaterThan(5);
      await close();
    });

    it('and fails for the slots, not for the grants', async () => {
      await fillOrdinary();
      const own = tokens('28000', (attempt) => attempt > 2);
      const error = await logIn({ own }, {}, within(1_000)).catch((cause) => cause);
      expect(error.message).toMatch(/as plain: 53300: .*; the slots left are reserved for others/);
      expect(error.message).not.toContain('rds_iam');
    });

    it('but a token that it never took shuts every way at once', async () => {
      await fillOrdinary();
      const breakGlass: CredentialsSource = { read: () => Promise.reject(new Error('it was read')) };
      const error = await logIn({ own: tokens('28000', () => true), breakGlass }).catch((cause) => cause);
      expect(error.message).toMatch(/as plain: 28000: .*; for a login by token/);
      expect(error.facts).toMatchObject({ way: null, attempts: 1 });
    });
  });

  it('gets one login at a time while slots are reserved, and several at once when none is free', async () => {
    await using proxy = await startCountingProxy();
    const address = { host: '127.0.0.1', port: proxy.port };
    await fillOrdinary();
    await expect(logIn({}, { address }, within(1_500))).rejects.toThrow(/reserved for others/);
    // The next one may come before the proxy has heard of the end of the last.
    expect(proxy.mostAtOnce()).toBeLessThanOrEqual(2);
    await fillAll();
    await expect(logIn({}, { address }, within(1_500))).rejects.toThrow(/every slot is taken/);
    expect(proxy.mostAtOnce()).toBeGreaterThanOrEqual(5);
  });

  it('of half-open logins lets the run in once they are gone', async () => {
    const sockets = await Promise.all(Array.from({ length: MAX_CONNECTIONS }, () => halfOpenLogin(database.server)));
    const began = performance.now();
    const { facts, close } = await logIn({});
    // While they leave one by one, the server may also say that the free slots are reserved.
    expect(facts.refusals).toContain('every_slot');
    expect(performance.now() - began).toBeLessThan(10_000);
    await close();
    for (const socket of sockets) socket.destroy();
  });
});

describe('a rejected password', () => {
  it('whose secret cannot be read again fails with both reasons, and does not mention the network', async () => {
    const own: CredentialsSource = {
      read: async (refused) => {
        if (refused !== undefined) throw new Error('could not read the secret from Secrets Manager');
        return { username: 'plain', password: 'rotated away' };
      },
    };
    const error = await logIn({ own }).catch((cause) => cause);
    expect(error.message).toMatch(
      /as plain: 28P01: password authentication failed for user "plain"; it may just have been rotated, but the secret could not be read again: could not read the secret from Secrets Manager$/,
    );
    expect(error.cause).toMatchObject({ code: '28P01' });
  });
});

describe('parameters as literals', () => {
  it('mean to the server what they mean as parameters', async () => {
    const values = ['a,b', 'c"d', null, 'NULL', "e'f", '{}', 'g\\h', 'ü\n', ''];
    const statement = 'select $1::text[] as list, $2::text as one, $3::bigint as number, $4::timestamptz[] as times';
    const parameters = [values, "it's \\ $1", 5, ['2026-01-01 00:00:00.000001+00']];
    const [bound, inlined] = await Promise.all([
      database.admin.query(statement, parameters),
      database.admin.query(inlineParameters(statement, parameters)),
    ]);
    expect(inlined.rows).toEqual(bound.rows);
    expect(bound.rows[0].list).toEqual(values);
  });
});

/** Passes logins on to the server, and counts how many were there at once. */
async function startCountingProxy(): Promise<AsyncDisposable & { readonly port: number; mostAtOnce(): number }> {
  const { host, port } = database.server;
  let open = 0;
  let most = 0;
  const proxy = createServer((client) => {
    open += 1;
    most = Math.max(most, open);
    const server = connect(port, host);
    client.pipe(server).pipe(client);
    server.on('close', () => {
      open -= 1;
    });
    for (const socket of [client, server]) socket.on('error', () => [client, server].map((one) => one.destroy()));
    client.on('close', () => server.destroy());
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    port: (proxy.address() as AddressInfo).port,
    mostAtOnce: () => most,
    [Symbol.asyncDispose]: async () => void proxy.close(),
  };
}
