import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type PostgresOptions, type PostgresServer, startPostgres } from '../../demo/postgres-server.js';
import type { Credentials } from '../../lambda/login/credentials.js';
import type { LoginTarget } from '../../lambda/login/login-target.js';
import type { LoginSources } from '../../lambda/login/logins.js';
import type { Backend } from '../../lambda/policy/snapshot.js';
import { grantRights } from '../../lambda/postgres/grant-privileges.js';
import type { SessionTarget } from '../../lambda/postgres/session.js';
import { initializedCluster } from './initialized-cluster.js';
import { binariesOf, major } from './postgres-majors.js';

/** A real server with roles to play with, and every client that was opened on it. */
export interface TestDatabase extends AsyncDisposable {
  readonly server: PostgresServer;
  /** A superuser's session, for looking at the truth. */
  readonly admin: pg.Client;
  /** Opens a session that is closed with the database at the latest. */
  connect(role: string, options?: pg.ClientConfig): Promise<pg.Client>;
  /** Opens idle sessions of one application. */
  leak<const Count extends number>(
    count: Count,
    role: string,
    applicationName?: string,
  ): Promise<Several<pg.Client, Count>>;
  /** Runs the grants again, so that the reaper may limit these roles and no others. */
  limitRoles(roles: readonly string[]): Promise<void>;
  /** Opens idle sessions until the server has no slot left for the role. */
  fill(role: string, applicationName?: string): Promise<pg.Client[]>;
  /** Waits, by the server's clock, until every session that idles has done so for this long. */
  idleFor(seconds: number): Promise<void>;
  /** The server as an instance that a run results, with the database `postgres` and without TLS. */
  target(overrides?: Partial<LoginTarget>): LoginTarget;
  /** The server for a session, by default as the reaper, with the database `postgres` and without TLS. */
  sessionTarget(overrides?: Partial<SessionTarget>): SessionTarget;
  /** A secret with the login of the reaper and the address of the server. */
  secret(overrides?: object): string;
  /** Which of these sessions the server still has. */
  alive(clients: readonly pg.Client[]): Promise<boolean[]>;
}

/** So many items: a tuple where the number is known to be at most four. */
export type Several<Item, Count extends number> = number extends Count
  ? Item[]
  : Count extends 1
    ? [Item]
    : Count extends 2
      ? [Item, Item]
      : Count extends 3
        ? [Item, Item, Item]
        : Count extends 4
          ? [Item, Item, Item, Item]
          : Item[];

/** Every test role's password. */
export const PASSWORD = 'test';

/** The login of a test role. */
export function loginOf(username = 'connection_reaper'): Credentials {
  return { username, password: PASSWORD };
}

/** The logins of a run: one test role's, and no break-glass login. */
export function sourcesOf(username?: string): LoginSources {
  return { own: { read: async () => loginOf(username) }, breakGlass: null };
}

/**
 * Starts a server of the {@link major} under test, with the roles `checkout` and `billing`, and `connection_reaper` with
 * the rights that the deployment or infra/grants.sql gives it.
 */
export async function startDatabase(settings: PostgresOptions['settings'] = {}): Promise<TestDatabase> {
  const binaries = await binariesOf(major);
  const server = await startPostgres({ settings, binaries, cluster: await initializedCluster(major, binaries) });
  const clients: pg.Client[] = [];
  const open = async (config: pg.ClientConfig): Promise<pg.Client> => {
    const client = new pg.Client({ host: server.host, port: server.port, database: 'postgres', ...config });
    // Being terminated is what most of these are for.
    client.on('error', () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  };
  const connect = (role: string, options: pg.ClientConfig = {}) => open({ user: role, password: PASSWORD, ...options });
  const admin = await open(server.superuser);
  await admin.query(`
    create role checkout login password '${PASSWORD}';
    create role billing login password '${PASSWORD}';
  `);
  const limitRoles = async (roles: readonly string[]) => {
    await grantRights(
      { query: async (text, values = []) => (await admin.query(text, [...values])).rows },
      { name: 'connection_reaper', database: 'orders', limitedRoles: roles, rescueLogin: 'off', byToken: false },
    );
  };
  await limitRoles(['checkout', 'billing']);
  await admin.query(`alter role connection_reaper password '${PASSWORD}'`);
  const { host, port } = server;
  return {
    server,
    admin,
    connect,
    limitRoles,
    leak: async <const Count extends number>(count: Count, role: string, applicationName = role) => {
      const opening = Array.from({ length: count }, () => connect(role, { application_name: applicationName }));
      return (await Promise.all(opening)) as Several<pg.Client, Count>;
    },
    fill: (role, applicationName = role) => fill(() => connect(role, { application_name: applicationName })),
    idleFor: (seconds) =>
      until(async () => {
        const fresh = `select from pg_stat_activity where state like 'idle%' and pid <> pg_backend_pid()
                          and clock_timestamp() - state_change < $1 * interval '1 second'`;
        return (await admin.query(fresh, [seconds])).rowCount === 0;
      }),
    target: (overrides = {}) => ({
      name: 'primary',
      address: { host, port },
      databaseName: 'postgres',
      sslMode: 'disable',
      sslRootCert: undefined,
      rescueLogin: 'off',
      ...overrides,
    }),
    sessionTarget: (overrides = {}) => ({
      host,
      port,
      databaseName: 'postgres',
      credentials: loginOf(),
      sslMode: 'disable',
      ...overrides,
    }),
    secret: (overrides = {}) => JSON.stringify({ ...loginOf(), host, port, dbname: 'postgres', ...overrides }),
    alive: async (sessions) => {
      const { rows } = await admin.query<{ pid: number }>('select pid from pg_stat_activity');
      const pids = new Set(rows.map(({ pid }) => pid));
      return sessions.map((session) => pids.has(pidOf(session)));
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(clients.map((client) => client.end()));
      await server.stop();
    },
  };
}

/** The options of a session that is a walsender. node-postgres passes them on; its types do not know them. */
export function walsender(replication: 'database' | 'true' = 'database'): pg.ClientConfig {
  return Object.assign<pg.ClientConfig, object>({}, { replication });
}

/** Opens sessions until the server has no slot left for them. */
export async function fill(connect: () => Promise<pg.Client>): Promise<pg.Client[]> {
  const filling: pg.Client[] = [];
  for (;;) {
    try {
      filling.push(await connect());
    } catch (error) {
      if ((error as pg.DatabaseError).code === '53300') return filling;
      throw error;
    }
  }
}

/** The server's process id of a session. */
export function pidOf(client: pg.Client): number {
  const { processID } = client as pg.Client & { readonly processID: number | null };
  if (processID === null) throw new Error('the session is not open');
  return processID;
}

/** The snapshot's rows of some sessions, in their order. */
export function rowsOf<const Clients extends readonly pg.Client[]>(seen: readonly Backend[], clients: Clients) {
  return clients.map((client) => {
    const found = seen.find(({ pid }) => pid === pidOf(client));
    if (found === undefined) throw new Error(`no backend with pid ${pidOf(client)} in the snapshot`);
    return found;
  }) as { -readonly [Index in keyof Clients]: Backend };
}

/** Starts a statement, and returns once the server runs it; `running` settles with the statement. */
export async function busyWith(
  admin: pg.Client,
  client: pg.Client,
  statement: string,
): Promise<{ readonly running: Promise<unknown> }> {
  const running = client.query(statement);
  running.catch(() => undefined);
  await until(async () => {
    const active = 'select from pg_stat_activity where pid = $1 and state = $2';
    return (await admin.query(active, [pidOf(client), 'active'])).rowCount === 1;
  });
  return { running };
}

/** Waits for something to become true. */
export async function until(condition: () => Promise<boolean>, withinMs = 5_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not true within ${withinMs} ms`);
    await sleep(10);
  }
}
