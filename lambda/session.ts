import { Socket } from 'node:net';
import pg from 'pg';
import { REAPER_APPLICATION_NAME } from './contract.js';
import type { Credentials } from './credentials.js';
import { SESSION_LIMITS } from './limits.js';
import { inlineParameters } from './literal.js';
import type { Settings } from './settings.js';
import { tlsOptions } from './tls.js';

/** Our one open connection to a server. */
export interface Session {
  /** Runs one statement. Server errors come as {@link pg.DatabaseError}, with `code` the SQLSTATE. */
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** Where to log in, and how. */
export interface SessionTarget {
  readonly host: string;
  readonly port: number;
  readonly dbname: string;
  readonly credentials: Pick<Credentials, 'username' | 'password'>;
  readonly tls: Settings['tls'];
  readonly caFile?: string | undefined;
  /**
   * Come in as a walsender, which `max_connections` does not count. It runs ordinary SQL by the simple protocol.
   *
   * @default false
   */
  readonly replication?: boolean;
}

/**
 * What our statements rely on, whatever the role, the database or the server says.
 *
 * The search path keeps out functions and operators that others may have made: a better match in `public` would run as us.
 * backend_start and state_change travel as text, and patterns have backslashes.
 */
const SESSION_SETTINGS = [
  'search_path=pg_catalog,pg_temp',
  'TimeZone=UTC',
  'DateStyle=ISO',
  'standard_conforming_strings=on',
  // A host that vanishes without a word must not keep the slot and the lock of its session for two hours.
  'tcp_keepalives_idle=30',
  'tcp_keepalives_interval=10',
  'tcp_keepalives_count=3',
]
  .map((setting) => `-c ${setting}`)
  .join(' ');

/** An open session and the way to end it. Whoever opened it closes it, whatever happens. */
export interface OpenSession {
  readonly session: Session;
  close(): Promise<void>;
}

/**
 * Opens a session.
 *
 * @param signal cuts the connection when it aborts; what was running then fails.
 */
export async function openSession(target: SessionTarget, signal: AbortSignal): Promise<OpenSession> {
  if (signal.aborted) throw new OutOfTimeError();
  // Our own socket, since a server that hangs can only be left by cutting it.
  const socket = new Socket();
  const client = new pg.Client({
    host: target.host,
    port: target.port,
    database: target.dbname,
    user: target.credentials.username,
    password: target.credentials.password,
    application_name: REAPER_APPLICATION_NAME,
    // node-postgres passes it on; its types don't know it.
    ...(target.replication === true ? { replication: 'database' } : {}),
    ssl: tlsOptions(target.tls, target.caFile),
    stream: () => socket,
    connectionTimeoutMillis: SESSION_LIMITS.connectMs,
    statement_timeout: SESSION_LIMITS.statementMs,
    lock_timeout: SESSION_LIMITS.lockMs,
    // The server may be too far gone to cancel; then give up on our side.
    query_timeout: SESSION_LIMITS.statementMs + 1_000,
    options: SESSION_SETTINGS,
  });
  // Without a listener the process dies when the server ends our session between two statements. The statement that
  // comes next fails with the same news.
  client.on('error', () => undefined);
  const cut = () => socket.destroy(new OutOfTimeError());
  signal.addEventListener('abort', cut, { once: true });

  async function close(): Promise<void> {
    const timer = setTimeout(() => socket.destroy(), SESSION_LIMITS.closeMs);
    try {
      await client.end();
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', cut);
      socket.destroy();
    }
  }

  let connected = false;
  socket.once('connect', () => {
    connected = true;
  });
  try {
    await client.connect();
    await demandNoPooler(client);
  } catch (error) {
    await close();
    throw connected && isTimeout(error) ? new UnansweredLoginError(error) : error;
  }
  return {
    session: {
      query: async <Row>(text: string, values: readonly unknown[] = []) => {
        const { rows } =
          target.replication === true
            ? await client.query(inlineParameters(text, values))
            : await client.query(text, [...values]);
        return rows as Row[];
      },
    },
    close,
  };
}

/** The run's time was over before this was done. */
export class OutOfTimeError extends Error {
  override readonly name = 'OutOfTimeError';

  constructor() {
    super('the time for this run is over');
  }
}

/** What listens there takes the connection, and then lets the login wait. */
export class UnansweredLoginError extends Error {
  override readonly name = 'UnansweredLoginError';

  constructor(cause: unknown) {
    super(`connected, but the login was not answered within ${SESSION_LIMITS.connectMs} ms`, { cause });
  }
}

/** node-postgres gives it no code. */
function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'timeout expired';
}

/** Something between us and PostgreSQL answers in its name. */
export class PoolerError extends Error {
  override readonly name = 'PoolerError';
}

/**
 * A pooler gives each statement to whichever of its connections is free. Locks would stay behind in those, and in front of
 * a full server it takes our login and lets the first statement wait for ever.
 */
async function demandNoPooler(client: pg.Client): Promise<void> {
  const { processID } = client as pg.Client & { readonly processID?: number };
  try {
    const { rows } = await client.query<{ pid: number }>({
      // A frozen process answers keepalives; from 14 on the server ends a session of ours that says nothing for so long.
      // Not one of a pooler's, which would keep the setting.
      text: `select pg_backend_pid() as pid,
                    case when pg_backend_pid() = ${Number(processID)}
                          and current_setting('server_version_num')::int >= 140000
                         then set_config('idle_session_timeout', '${SESSION_LIMITS.idleMs}', false) end`,
      // node-postgres takes it for a single statement; its types don't know it.
      ...{ query_timeout: SESSION_LIMITS.firstAnswerMs },
    });
    if (rows[0]?.pid === processID) return;
  } catch (cause) {
    if (!(cause instanceof Error && cause.message === 'Query read timeout')) throw cause;
    throw new PoolerError(
      `logged in, but got no answer within ${SESSION_LIMITS.firstAnswerMs} ms: a pooler in front of a full server, or a server that is stuck`,
      { cause },
    );
  }
  throw new PoolerError('another server process answers than the one logged in to: a pooler or proxy stands between');
}
