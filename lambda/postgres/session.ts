/** A session with the server: pinned settings, timeouts, no pooler between, and an end whatever happens. */
import type { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import pg from 'pg';
import { SESSION_LIMITS } from '../contract/limits.js';
import { REAPER_APPLICATION_NAME } from '../contract/names.js';
import { strangerBehind } from '../diagnosis/login-advice.js';
import { describeError, SESSION_ENDING, SESSION_TIMEOUTS, sqlStateOf } from '../diagnosis/sqlstate.js';
import type { Settings } from '../input/settings.js';
import type { Credentials } from '../login/credentials.js';
import { inlineParameters } from './inline-parameters.js';
import { tlsOptions } from './tls.js';
import {
  OLDEST_MAJOR,
  OldServerError,
  OutOfTimeError,
  PoolerError,
  SilentServerError,
  StrangerError,
  UnansweredLoginError,
  UnreachedServerError,
} from './unusable-server.js';

/** Our one open connection to a server. */
export interface Session {
  /**
   * Runs one statement. Gives its rows, which are to be checked by {@link decodeRows}. Server errors come as
   * {@link ServerError}.
   */
  query(text: string, values?: readonly unknown[]): Promise<readonly unknown[]>;
}

/** A session for statements with thousands of rows. */
export interface BatchSession extends Session {
  /**
   * Runs several statements in one round trip, as one transaction. Gives the rows of each, as lists of values: for thousands
   * of rows that is half the work of objects.
   *
   * @param values of all of them together.
   */
  batch(statements: readonly string[], values?: readonly unknown[]): Promise<readonly Rows[]>;
}

type Rows = readonly (readonly unknown[])[];

/** Where to log in, and how. */
export interface SessionTarget {
  readonly host: string;
  readonly port: number;
  readonly databaseName: string;
  readonly credentials: Pick<Credentials, 'username' | 'password'>;
  readonly sslMode: Settings['sslMode'];
  readonly sslRootCert?: string | undefined;
  /**
   * Come in as a walsender, which `max_connections` does not count. It runs ordinary SQL by the simple protocol.
   *
   * @default false
   */
  readonly replication?: boolean;
}

/**
 * What our statements rely on, whatever `ALTER DATABASE … SET` and `ALTER ROLE … SET` say: the owner of a database could
 * otherwise change what our statements mean, or make them fail. Only settings that PostgreSQL 13 knows: a server refuses a
 * login that names an unknown one. {@link NEWER_SETTINGS} and {@link FIRST_STATEMENT_SETTINGS} have the others.
 */
const PINNED_SETTINGS = {
  // Keeps out functions and operators of others: a better match in `public` would run as us.
  search_path: 'pg_catalog,pg_temp',
  role: 'none',
  // Or each login would load what the owner names, and fail where there is no such library.
  local_preload_libraries: '',
  exit_on_error: 'off',
  default_transaction_read_only: 'off',
  // A hot standby refuses every statement of a serializable transaction.
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  // backend_start, state_change and ages travel as text, and so do the names of roles.
  TimeZone: 'UTC',
  DateStyle: 'ISO',
  extra_float_digits: '1',
  quote_all_identifiers: 'off',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  'plpgsql.extra_errors': 'none',
  // For statements as short as ours, compiling and starting workers cost more than they save.
  jit: 'off',
  max_parallel_workers_per_gather: '0',
  // A host that vanishes, and a frozen client that reads no more of an answer, must not keep the slot and the lock.
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '2',
  tcp_user_timeout: `${SESSION_LIMITS.idleMs}`,
} as const;

/** Settings that newer versions know, by the version that has them first. */
const NEWER_SETTINGS = [
  // A frozen process answers keepalives, so silence is what ends its session.
  { since: 14, name: 'idle_session_timeout', value: `${SESSION_LIMITS.idleMs}` },
  { since: 17, name: 'transaction_timeout', value: '0' },
] as const;

/** Settings of the first statement. Until then {@link PINNED_SETTINGS} has a `tcp_user_timeout`, and no lock is held. */
const FIRST_STATEMENT_SETTINGS = [
  ...NEWER_SETTINGS,
  // As a startup option it would replace `pg_settings.reset_val`, the only place that shows the server's own value.
  { since: 13, name: 'tcp_keepalives_idle', value: '10' },
] as const;

/** @param major the server's version, where it is known: then the newer settings hold from the start. */
function startupOptions(major: number | null): string {
  const newer = NEWER_SETTINGS.filter(({ since }) => major !== null && major >= since);
  return [...Object.entries(PINNED_SETTINGS), ...newer.map(({ name, value }) => [name, value] as const)]
    .map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
    .join(' ');
}

/** An open session and the way to end it. It has to be closed, whatever happens. */
export interface OpenSession {
  readonly session: BatchSession;
  /** Says goodbye, or cuts the connection when that takes too long. Never fails. */
  close(): Promise<void>;
}

/**
 * Opens a session.
 *
 * The settings that only newer versions know are set by the first statement. Where the owner of the database set one of
 * them so short that the server ends the session before, it is opened again with what is then known of the version.
 *
 * @param signal cuts the connection when it aborts; what was running then fails.
 */
export async function openSession(target: SessionTarget, signal: AbortSignal): Promise<OpenSession> {
  let version: number | null = null;
  const onVersion = (major: number) => {
    version = major;
  };
  try {
    return await openOnce(target, signal, null, onVersion);
  } catch (error) {
    if (version === null || !SESSION_TIMEOUTS.has(sqlStateOf(error) ?? '')) throw error;
    return await openOnce(target, signal, version, onVersion);
  }
}

async function openOnce(
  target: SessionTarget,
  signal: AbortSignal,
  version: number | null,
  onVersion: (major: number) => void,
): Promise<OpenSession> {
  if (signal.aborted) throw new OutOfTimeError();
  // Our own socket, since a server that hangs can only be left by cutting it.
  const socket = new Socket();
  const client = new pg.Client({
    host: target.host,
    port: target.port,
    database: target.databaseName,
    user: target.credentials.username,
    password: target.credentials.password,
    application_name: REAPER_APPLICATION_NAME,
    // node-postgres passes it on; its types don't know it.
    ...(target.replication === true ? { replication: 'database' } : {}),
    ssl: tlsOptions(target.sslMode, target.sslRootCert),
    stream: () => socket,
    connectionTimeoutMillis: SESSION_LIMITS.connectMs,
    statement_timeout: SESSION_LIMITS.statementMs,
    lock_timeout: SESSION_LIMITS.lockMs,
    // The server may be too far gone to cancel; then give up on our side.
    query_timeout: SESSION_LIMITS.statementMs + 1_000,
    options: startupOptions(version),
  });
  let major: number | null = null;
  parameters(client).on('parameterStatus', ({ parameterName, parameterValue }) => {
    if (parameterName !== 'server_version') return;
    major = Number.parseInt(parameterValue, 10);
    onVersion(major);
  });
  const losses: unknown[] = [];
  // Without a listener the process dies when the server ends our session between two statements.
  client.on('error', (cause) => losses.push(cause));
  const cut = () => socket.destroy(new OutOfTimeError());
  signal.addEventListener('abort', cut, { once: true });

  async function close(): Promise<void> {
    const timer = setTimeout(() => socket.destroy(), SESSION_LIMITS.closeMs);
    // Whether the server heard it makes no difference to us: the socket goes all the same.
    await client.end().catch(() => undefined);
    clearTimeout(timer);
    signal.removeEventListener('abort', cut);
    socket.destroy();
  }

  let connected = false;
  socket.once('connect', () => {
    connected = true;
  });
  let firstBytes = new Uint8Array();
  socket.once('data', (bytes) => {
    firstBytes = bytes;
  });
  try {
    await client.connect();
    demandVersion(major);
    await demandNoPooler(client);
  } catch (error) {
    await close();
    // A session that ended before the first statement says why in an event of its own.
    const [cause = error] = losses;
    const stranger = strangerBehind(firstBytes);
    if (stranger !== null) throw new StrangerError(stranger, cause);
    if (isTimeout(cause)) throw connected ? new UnansweredLoginError(cause) : new UnreachedServerError(cause);
    throw connected && firstBytes.length === 0 && isBroken(cause) ? new SilentServerError(cause) : cause;
  }
  /** Only what the server says of the statement itself leaves the session in use. */
  async function ask<Result>(statement: pg.QueryConfig | pg.QueryArrayConfig): Promise<Result> {
    if (losses.length > 0) throw new SessionLostError(losses[0], false);
    try {
      return (await client.query(statement)) as Result;
    } catch (cause) {
      if (!endsSession(cause)) throw cause;
      losses.push(cause);
      // A statement without an answer blocks those after it, and the goodbye too.
      socket.destroy();
      throw new SessionLostError(cause, true);
    }
  }
  return {
    session: {
      query: async (text, values = []) => {
        const statement =
          target.replication === true ? { text: inlineParameters(text, values) } : { text, values: [...values] };
        return (await ask<{ readonly rows: readonly unknown[] }>(statement)).rows;
      },
      batch: async (statements, values = []) => {
        const text = statements.map((statement) => inlineParameters(statement, values)).join(';');
        const results = await ask<readonly { readonly rows: Rows }[]>({ text, rowMode: 'array' });
        return results.map(({ rows }) => rows);
      },
    },
    close,
  };
}

/**
 * The session is gone: the server ended it, the connection broke, or an answer did not come in time. Nothing more can be
 * asked on it.
 */
export class SessionLostError extends Error {
  override readonly name = 'SessionLostError';

  /** @param sent whether the statement may have reached the server, and so may have been carried out. */
  constructor(
    cause: unknown,
    readonly sent: boolean,
  ) {
    super(`the session was lost: ${describeError(cause)}`, { cause });
  }
}

/** What the server tells of itself during a login. node-postgres emits it; its types don't know it. */
function parameters(client: pg.Client) {
  const { connection } = client as pg.Client & { readonly connection: EventEmitter<ParameterEvents> };
  return connection;
}

type ParameterEvents = { parameterStatus: [{ readonly parameterName: string; readonly parameterValue: string }] };

/** Whether an error ends the session, rather than the one statement. */
function endsSession(error: unknown): boolean {
  const sqlState = sqlStateOf(error);
  return sqlState === null || SESSION_ENDING.has(sqlState) || sqlState.startsWith('08');
}

/** node-postgres gives it no code. */
function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'timeout expired';
}

/** node-postgres gives it a code where the other side reset the connection, and none where it closed it. */
function isBroken(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === 'ECONNRESET') || error.message === 'Connection terminated unexpectedly';
}

/** A pooler may say nothing of it, and is found by other means. */
function demandVersion(major: number | null): void {
  if (major !== null && major < OLDEST_MAJOR) throw new OldServerError(major);
}

/**
 * A pooler gives each statement to whichever of its connections is free. Locks would stay behind in those, and in front of
 * a full server it takes our login and lets the first statement wait for ever.
 */
async function demandNoPooler(client: pg.Client): Promise<void> {
  const { processID } = client as pg.Client & { readonly processID?: number };
  try {
    const { rows } = await client.query<{ pid: number }>({
      // Not in a pooler's connection, which would keep the settings.
      text: `select pg_backend_pid() as pid, ${FIRST_STATEMENT_SETTINGS.map(
        ({ since, name, value }) =>
          `case when pg_backend_pid() = ${Number(processID)}
                 and current_setting('server_version_num')::int >= ${since}0000
                then set_config('${name}', '${value}', false) end`,
      ).join(', ')}`,
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
