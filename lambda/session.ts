import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import { REAPER_APPLICATION_NAME } from './contract.js';
import type { Credentials } from './credentials.js';
import type { Settings } from './settings.js';

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
}

/** Bounds on everything a session does, in milliseconds. */
const SESSION_LIMITS = {
  /** TCP, TLS and login together. */
  connectMs: 5_000,
  /** A snapshot of 4,000 backends takes 60 ms and a batch of signals 60 ms; this is for a server in distress. */
  statementMs: 10_000,
  /** ALTER ROLE waits for another ALTER of the same role. */
  lockMs: 2_000,
  /** The goodbye, before the socket is cut. */
  closeMs: 1_000,
} as const;

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
  signal.throwIfAborted();
  // Our own socket, since a server that hangs can only be left by cutting it.
  const socket = new Socket();
  const client = new pg.Client({
    host: target.host,
    port: target.port,
    database: target.dbname,
    user: target.credentials.username,
    password: target.credentials.password,
    application_name: REAPER_APPLICATION_NAME,
    ssl: tlsOptions(target),
    stream: () => socket,
    connectionTimeoutMillis: SESSION_LIMITS.connectMs,
    statement_timeout: SESSION_LIMITS.statementMs,
    lock_timeout: SESSION_LIMITS.lockMs,
    // The server may be too far gone to cancel; then give up on our side.
    query_timeout: SESSION_LIMITS.statementMs + 1_000,
    // backend_start and state_change travel as text, so that text must not depend on the role's own settings.
    options: '-c TimeZone=UTC -c DateStyle=ISO',
  });
  // Without a listener the process dies when the server ends our session between two statements. The statement that
  // comes next fails with the same news.
  client.on('error', () => undefined);
  const cut = () => socket.destroy(new Error('cut off: the time for this run is over'));
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

  try {
    await client.connect();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    session: {
      query: async <Row>(text: string, values: readonly unknown[] = []) => {
        const { rows } = await client.query(text, [...values]);
        return rows as Row[];
      },
    },
    close,
  };
}

/**
 * Verifies the chain and the host name, always. The trusted authorities are Node's, which in Lambda include Amazon's by
 * NODE_EXTRA_CA_CERTS, unless a file names others.
 */
function tlsOptions({ tls, caFile }: SessionTarget): ConnectionOptions | false {
  if (tls === 'disable') return false;
  return { rejectUnauthorized: true, ...(caFile === undefined ? {} : { ca: readFileSync(caFile, 'utf8') }) };
}
