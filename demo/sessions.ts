import pg from 'pg';
import type { PostgresServer } from './postgres-server.js';

/** A session that is up to something and must outlive the sweep. */
export interface HealthySession {
  /** What it is, for people. */
  readonly kind: string;
  /** Whether it is still what it was, as its own client and the server see it. */
  isAlive(): Promise<boolean>;
}

/** Roles that log in, with one password for all: the server lives for a minute, on the loopback interface. */
export const PASSWORD = 'demo';

/** The clients of the demo. All are closed together. */
export interface Clients extends AsyncDisposable {
  /** Opens a session. Rejects with the server's own error when it is refused. */
  connect(role: string, applicationName: string): Promise<pg.Client>;
  /** Logs in once more, and says what the server said. */
  tryConnect(role: string, applicationName: string): Promise<Refusal | null>;
}

/** A refused login, in the server's words. */
export interface Refusal {
  readonly sqlState: string;
  readonly message: string;
}

/** Opens clients on a server. */
export function openClients(server: PostgresServer): Clients {
  const clients: pg.Client[] = [];
  const connect = async (role: string, applicationName: string): Promise<pg.Client> => {
    const { host, port } = server;
    const client = new pg.Client({
      host,
      port,
      user: role,
      password: PASSWORD,
      database: 'postgres',
      application_name: applicationName,
    });
    // Those that are reaped learn of it here.
    client.on('error', () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  };
  return {
    connect,
    tryConnect: async (role, applicationName) => {
      try {
        await connect(role, applicationName);
        return null;
      } catch (error) {
        if (!(error instanceof pg.DatabaseError)) throw error;
        return { sqlState: error.code ?? '', message: error.message };
      }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(clients.map((client) => client.end()));
    },
  };
}

/** Brings in the sessions that are up to something: a pool in use, long statements, and holders of what dies with them. */
export async function openHealthySessions(clients: Clients): Promise<readonly HealthySession[]> {
  const repeat = <Session>(count: number, open: () => Promise<Session>) =>
    Promise.all(Array.from({ length: count }, open));
  return [
    ...(await repeat(6, () => pooled(clients))),
    ...(await repeat(3, () => busy(clients))),
    await holding(clients, 'advisory lock', 'scheduler', 'select pg_advisory_lock(42)', {
      check: "select count(*)::int as held from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()",
    }),
    await holding(clients, 'temporary table', 'etl', 'create temporary table staging as select 1 as row', {
      check: 'select count(*)::int as held from staging',
    }),
    await holding(clients, 'listener', 'notifier', 'listen orders', {
      check: 'select count(*)::int as held from pg_listening_channels()',
    }),
  ];
}

/** Used twice a second, as a pool under load uses its connections. */
async function pooled(clients: Clients): Promise<HealthySession> {
  const client = await clients.connect('billing', 'billing');
  let failed = false;
  const timer = setInterval(() => {
    client.query('select 1').catch(() => {
      failed = true;
    });
  }, 500);
  client.once('end', () => clearInterval(timer));
  return { kind: 'pool in use', isAlive: async () => !failed && (await answers(client, 'select 1 as held')) };
}

/** In the midst of a long statement. */
async function busy(clients: Clients): Promise<HealthySession> {
  const client = await clients.connect('reports', 'reports');
  let ended = false;
  client.query('select pg_sleep(600)').catch(() => {
    ended = true;
  });
  // Ended by the server or by us, the statement fails; until then it runs.
  return { kind: 'busy', isAlive: async () => !ended };
}

/** Idle for good, but with something that would be lost with the session. */
async function holding(
  clients: Clients,
  kind: string,
  applicationName: string,
  statement: string,
  { check }: { readonly check: string },
): Promise<HealthySession> {
  const client = await clients.connect('worker', applicationName);
  await client.query(statement);
  return { kind, isAlive: () => answers(client, check) };
}

async function answers(client: pg.Client, check: string): Promise<boolean> {
  try {
    const { rows } = await client.query<{ held: number }>(check);
    return rows[0]?.held === 1;
  } catch {
    // That it no longer answers is the answer.
    return false;
  }
}
