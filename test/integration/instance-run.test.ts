import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { InstanceResult } from '../../lambda/diagnosis/instance-result.js';
import type { Refusal } from '../../lambda/diagnosis/login-refusal.js';
import { runInstance } from '../../lambda/instance-run.js';
import type { Credentials, CredentialsSource } from '../../lambda/login/credentials.js';
import { aPolicy } from '../support/builders.js';
import { startCuttingProxy } from '../support/cutting-proxy.js';
import { loginOf, PASSWORD, pidOf, startDatabase, type TestDatabase, until } from '../support/database.js';
import { major } from '../support/postgres-majors.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await startDatabase({ max_connections: 30, superuser_reserved_connections: 3 });
});

afterAll(() => database[Symbol.asyncDispose]());

const login = loginOf();

/** Gives the first of these versions, and the next one each time the server refused the last. */
function source(...versions: readonly Credentials[]): CredentialsSource & { readonly reads: () => number } {
  let reads = 1;
  return {
    reads: () => reads,
    read: async (refused) => {
      const current = versions[Math.min(reads, versions.length) - 1];
      if (current === undefined) throw new Error('no credentials');
      if (refused !== current) return current;
      reads += 1;
      return versions[Math.min(reads, versions.length) - 1] ?? current;
    },
  };
}

const target: TestDatabase['target'] = (overrides) => database.target({ databaseName: undefined, ...overrides });

function result(policy = aPolicy(), credentials: CredentialsSource = source(login), to = target(), timeMs = 20_000) {
  return runInstance(to, { own: credentials, breakGlass: null }, policy, timeMs);
}

async function limits(): Promise<Record<string, number>> {
  const { rows } = await database.admin.query<{ rolname: string; rolconnlimit: number }>(
    'select rolname, rolconnlimit from pg_roles where rolconnlimit <> -1 and rolname <> $$connection_reaper$$',
  );
  return Object.fromEntries(rows.map(({ rolname, rolconnlimit }) => [rolname, rolconnlimit]));
}

/** Our sessions on the server, once the server has had time to see them go. */
async function ownSessions(): Promise<number> {
  const { rows } = await database.admin.query(
    "select count(*)::int as sessions from pg_stat_activity where usename = 'connection_reaper'",
  );
  return rows[0].sessions;
}

afterEach(() => until(async () => (await ownSessions()) === 0));

it('names the setting for a reserved slot where its role has the grant already', async () => {
  const { snapshot } = await result();
  // Before 16 there is neither.
  expect(snapshot?.server).toMatchObject({ reservedConnections: 0, hasReservedSlot: false });
  expect(snapshot?.server.hasVainReserveGrant).toBe(major >= 16);
});

describe('role limits', () => {
  afterEach(() =>
    database.admin.query('alter role checkout connection limit -1; alter role billing connection limit -1'),
  );

  it('are set where they differ, with the old value in the report, and take effect', async () => {
    await database.admin.query('alter role billing connection limit 9');
    const policy = aPolicy({ roleLimits: { checkout: 2, billing: 9 } });
    expect((await result(policy)).roleLimits).toEqual([
      { role: 'checkout', from: null, to: 2, outcome: 'changed', reason: null },
    ]);
    expect(await limits()).toEqual({ checkout: 2, billing: 9 });
    await database.leak(2, 'checkout');
    await expect(database.leak(1, 'checkout')).rejects.toMatchObject({
      code: '53300',
      message: 'too many connections for role "checkout"',
    });
    expect((await result(policy)).roleLimits).toEqual([]);
  });

  it('stay as they are in preview', async () => {
    const { roleLimits } = await result(aPolicy({ mode: 'preview', roleLimits: { checkout: 2 } }));
    expect(roleLimits).toEqual([{ role: 'checkout', from: null, to: 2, outcome: 'would_change', reason: null }]);
    expect(await limits()).toEqual({});
  });

  it('that cannot be set do not stop the others', async () => {
    await database.admin.query('create role foreigner login; create role "o""dd; name" login');
    await database.limitRoles(['checkout', 'billing', 'o"dd; name']);
    const roleLimits = {
      foreigner: 1,
      no_such_role: 1,
      postgres: 5,
      connection_reaper: 0,
      'o"dd; name': 3,
      checkout: 4,
    };
    const { roleLimits: outcomes, errors } = await result(aPolicy({ roleLimits }));
    expect(errors).toEqual([]);
    const refused = {
      outcome: 'refused',
      reason: expect.stringMatching(/^42501: permission denied to set the connection limit of role "foreigner"/),
      sqlState: '42501',
      blockers: [],
    };
    expect(outcomes).toEqual([
      { role: 'foreigner', from: null, to: 1, ...refused },
      { role: 'no_such_role', from: null, to: 1, outcome: 'missing', reason: null },
      { role: 'postgres', from: null, to: 5, outcome: 'superuser', reason: null },
      { role: 'connection_reaper', from: 4, to: 0, outcome: 'own_role', reason: null },
      { role: 'o"dd; name', from: null, to: 3, outcome: 'changed', reason: null },
      { role: 'checkout', from: null, to: 4, outcome: 'changed', reason: null },
    ]);
    expect(await limits()).toEqual({ 'o"dd; name': 3, checkout: 4 });
  });

  /** A session of a role that keeps the role locked. */
  async function lockingItsRow(): Promise<pg.Client> {
    const session = await database.connect('checkout');
    await session.query("begin; alter role checkout password 'test'");
    return session;
  }

  it('report who keeps the role locked: any role can lock its own row', async () => {
    const hiding = await lockingItsRow();
    const { roleLimits, errors } = await result(aPolicy({ roleLimits: { checkout: 2 } }));
    await hiding.end();
    expect(errors).toEqual([]);
    expect(roleLimits).toMatchObject([
      { outcome: 'refused', sqlState: '55P03', blockers: [{ pid: pidOf(hiding), role: 'checkout' }] },
    ]);
  });

  it('may have been set when the answer was lost, and the run says that it failed', async () => {
    await using proxy = await startCuttingProxy(database.server);
    const hiding = await lockingItsRow();
    const visiting = result(
      aPolicy({ roleLimits: { checkout: 2 } }),
      source(login),
      target({ address: proxy.address }),
    );
    await until(async () => {
      const waiting = "select from pg_stat_activity where usename = 'connection_reaper' and wait_event_type = 'Lock'";
      return (await database.admin.query(waiting)).rowCount === 1;
    });
    proxy.loseAnswers();
    await hiding.end();
    const { roleLimits, errors } = await visiting;
    expect(roleLimits).toMatchObject([{ role: 'checkout', outcome: 'unconfirmed' }]);
    expect(errors).toEqual([
      expect.stringMatching(
        /^"primary": setting the limit of checkout failed: the session was lost: .*; the connection to the server broke/,
      ),
    ]);
  });

  it('are unconfirmed when the server ends the session that sets them', async () => {
    const hiding = await lockingItsRow();
    const visiting = result(aPolicy({ roleLimits: { checkout: 2 } }));
    await until(async () => {
      const end =
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'connection_reaper' and wait_event_type = 'Lock'";
      return (await database.admin.query(end)).rowCount === 1;
    });
    const { roleLimits, errors } = await visiting;
    await hiding.end();
    expect(roleLimits).toContainEqual(expect.objectContaining({ role: 'checkout', outcome: 'unconfirmed' }));
    expect(errors).toEqual([
      expect.stringMatching(
        /^"primary": setting the limit of checkout failed: the session was lost: 57P01: .*; an administrator, or a server that shuts/,
      ),
    ]);
  });
});

describe('temporary tables of other databases', () => {
  const reap = aPolicy({}, { action: 'reap', idleTimeout: '1s' });
  const names = ['shop', 'crm', 'a', 'b', 'c', 'd'];
  let clients: pg.Client[] = [];

  beforeAll(async () => {
    for (const name of names) await database.admin.query(`create database ${name}`);
    await database.admin.query(`create role owner login password '${PASSWORD}'`);
  });

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.end()));
    clients = [];
  });

  /** Opens sessions that a reap would end, one a database; the first one owns a temporary table. */
  async function leakIn(databases: readonly string[]): Promise<void> {
    clients = [
      await database.connect('owner', { database: databases[0], application_name: 'owner' }),
      ...(await Promise.all(databases.map((name) => database.connect('checkout', { database: name })))),
    ];
    await clients[0]?.query('create temporary table mine (x int)');
    await database.idleFor(1);
  }

  it('spare their owner, and leave no session behind', async () => {
    await leakIn(['shop']);
    const { outcomes, uncheckedDatabases, errors } = await result(reap);
    expect(errors).toEqual([]);
    expect(uncheckedDatabases).toEqual([]);
    expect(await database.alive(clients)).toEqual([true, false]);
    expect(outcomes).toContainEqual(expect.objectContaining({ outcome: 'spared', reason: 'temporary_table' }));
    expect(await ownSessions()).toBe(0);
  });

  it('are looked for in five databases at the most, and the report names the others', async () => {
    await leakIn(names);
    const { uncheckedDatabases } = await result(reap);
    expect(uncheckedDatabases).toEqual([{ name: expect.any(String), reason: 'a run looks in 5 databases' }]);
    expect(await database.alive(clients)).toEqual([true, false, false, false, false, false, false]);
  });

  it('are not looked for where the reaper may not connect, and the report says so', async () => {
    await database.admin.query(
      'revoke connect on database crm from public; grant connect on database crm to checkout, owner',
    );
    await leakIn(['crm']);
    const { uncheckedDatabases, errors } = await result(reap);
    expect(errors).toEqual([]);
    expect(uncheckedDatabases).toEqual([{ name: 'crm', reason: expect.stringMatching(/^42501: permission denied/) }]);
    expect(await database.alive(clients)).toEqual([false, false]);
  });

  it('cost no slot when nearly all are taken', async () => {
    await leakIn(['shop']);
    const { rows } = await database.admin.query("select current_setting('max_connections')::int - 3 as usable");
    const more = await database.leak(Math.ceil(rows[0].usable * 0.9) - 3, 'billing', 'busy');
    clients.push(...more);
    const { uncheckedDatabases } = await result(
      aPolicy({}, { action: 'reap', idleTimeout: '1s', roles: ['checkout', 'owner'] }),
    );
    expect(uncheckedDatabases).toEqual([{ name: 'shop', reason: expect.stringMatching(/% of the slots are used$/) }]);
  });
});

describe('a result', () => {
  it('gives every backend one outcome, and leaves its own session closed', async () => {
    const leaked = await database.leak(4, 'checkout', 'leaky');
    const kept = await database.leak(2, 'billing', 'kept');
    const policy = aPolicy(
      { rules: [{ application: 'kept', spare: true }] },
      { action: 'reap', idleTimeout: '1s', applications: ['leaky', 'kept'] },
    );
    await database.idleFor(1);
    const { outcomes, snapshot } = await result(policy);
    expect(outcomes).toHaveLength(snapshot?.backends.length ?? -1);
    expect(await database.alive(leaked)).toEqual([false, false, false, false]);
    expect(await database.alive(kept)).toEqual([true, true]);
    expect(outcomes.filter(({ outcome }) => outcome === 'terminated')).toHaveLength(4);
    expect(outcomes.filter(({ reason }) => reason === 'rule')).toHaveLength(2);
  });
});

describe('logging in', () => {
  const noSnapshot = (errors: readonly unknown[], refusals: readonly Refusal[]): InstanceResult => ({
    instance: 'primary',
    login: { way: null, attempts: expect.any(Number), milliseconds: expect.any(Number), refusals },
    snapshot: null,
    diagnoses: [],
    looks: [],
    outcomes: [],
    roleLimits: [],
    runAtWork: null,
    intruders: [],
    lostRuns: [],
    uncheckedDatabases: [],
    errors: errors as readonly string[],
  });

  it('takes host, port and database from the secret where the settings name none', async () => {
    const secret: Credentials = JSON.parse(database.secret());
    expect((await result(aPolicy(), source(secret), target({ address: null }))).errors).toEqual([]);
    expect((await result(aPolicy(), source(login), target({ address: null }))).errors).toEqual([
      expect.stringMatching(/the secret holds no host and the settings name no instances; add instances/),
    ]);
  });

  it('reads a rejected password again, once', async () => {
    const rotated = source({ ...login, password: 'old' }, login);
    expect((await result(aPolicy(), rotated)).errors).toEqual([]);
    expect(rotated.reads()).toBe(2);

    const wrong = source({ ...login, password: 'very-secret-old' }, { ...login, password: 'very-secret-new' });
    const { errors } = await result(aPolicy(), wrong);
    expect(errors).toEqual([expect.stringMatching(/28P01: .*; the password is wrong, or there is no such role/)]);
    expect(errors.join()).not.toContain('very-secret');
    expect(wrong.reads()).toBe(2);
  });

  it('knows a full server from a role that is at its own limit', async () => {
    await database.admin.query('alter role connection_reaper connection limit 0');
    expect(await result()).toEqual(
      noSnapshot([expect.stringMatching(/53300: too many connections for role .*raise it/)], ['role_limit']),
    );
    await database.admin.query('alter role connection_reaper connection limit 4');
  });

  it('retries the login at a full server until a slot is free', async () => {
    const clients = await database.fill('billing');

    // All but one second of this is for acting, which a login must leave.
    const full = await result(aPolicy(), source(login), target(), 8_000);
    expect(full).toEqual(
      noSnapshot([expect.stringMatching(/53300: .*the slots left are reserved for others/)], ['reserved_slots']),
    );

    const refusals = async () => (await database.server.logText()).split('slots are reserved').length;
    const before = await refusals();
    const knocking = result();
    await until(async () => (await refusals()) > before);
    await clients[0]?.end();
    expect((await knocking).errors).toEqual([]);
    await Promise.all(clients.map((client) => client.end()));
  });

  it('says what to check when nobody listens there', async () => {
    const address = { host: '127.0.0.1', port: 1 };
    const { errors } = await result(aPolicy(), source(login), target({ address }));
    expect(errors).toEqual([
      'could not log in to "primary" at 127.0.0.1:1 as connection_reaper: connect ECONNREFUSED 127.0.0.1:1; nothing listens there: check host and port, and whether the server runs',
    ]);
  });

  it('does not log in unencrypted to a server without TLS unless told to', async () => {
    const { errors } = await result(aPolicy(), source(login), target({ sslMode: 'verify-full' }));
    expect(errors).toEqual([expect.stringMatching(/does not support SSL connections; turn TLS on at the server/)]);
  });

  describe('at a server that never answers', () => {
    let silent: Server;
    beforeAll(async () => {
      silent = createServer().listen(0, '127.0.0.1');
      await once(silent, 'listening');
    });
    afterAll(() => silent.close());

    it('gives up when the time of the run is over', async () => {
      const address = { host: '127.0.0.1', port: (silent.address() as AddressInfo).port };
      const before = performance.now();
      const { errors } = await result(aPolicy(), source(login), target({ address }), 700);
      expect(performance.now() - before).toBeLessThan(2_500);
      expect(errors).toEqual([expect.stringMatching(/the time for this run is over/)]);
    });
  });

  it('is cut when a lock on the server outlasts the time of the run', async () => {
    await database.admin.query('begin; lock table pg_authid in access exclusive mode');
    const before = performance.now();
    const { errors } = await result(aPolicy({ roleLimits: { checkout: 3 } }), source(login), target(), 1_500);
    await database.admin.query('rollback');
    expect(performance.now() - before).toBeLessThan(4_000);
    expect(errors).toHaveLength(1);
  });
});
