/** One login by one way, with a second try where a password may just have been rotated. */
import { once } from 'node:events';
import type { LoginWay } from '../diagnosis/login-facts.js';
import { refusalOf } from '../diagnosis/login-refusal.js';
import { SQLSTATE, sqlStateOf } from '../diagnosis/sqlstate.js';
import { type OpenSession, openSession } from '../postgres/session.js';
import { OutOfTimeError } from '../postgres/unusable-server.js';
import { type Credentials, type CredentialsSource, hiddenOf } from './credentials.js';
import type { FailedAttempt } from './login-failure.js';
import type { LocatedTarget } from './login-target.js';
import type { SecretValues } from './redact.js';

/** A way into the server, and the login that it takes. */
export interface Way {
  readonly name: LoginWay;
  readonly source: CredentialsSource;
}

/** A session that opened. */
export interface OpenedLogin extends OpenSession {
  /** The role of this login. */
  readonly user: string;
  /** What of this login no text may show. */
  readonly hidden: SecretValues;
  /** Opens a further session by the same way, in another database. */
  openIn(databaseName: string, signal: AbortSignal): Promise<OpenSession>;
}

/** How one attempt ended. */
export type Attempt = { readonly opened: OpenedLogin } | FailedAttempt;

/**
 * Logs in once, and a second time where the first password was rejected: it may just have been rotated.
 *
 * @param signal cuts the attempt, and the session too if it opened.
 */
export async function attemptLogin(way: Way, target: LocatedTarget, signal: AbortSignal): Promise<Attempt> {
  const replication = way.name === 'rescue';
  let credentials: Credentials | null = null;
  const open = async (tried: Credentials): Promise<OpenedLogin> => {
    const sessionTarget = { ...target, credentials: tried, replication };
    return {
      ...(await openSession(sessionTarget, signal)),
      user: tried.username,
      hidden: hiddenOf(tried, way.source.secretArn !== undefined),
      openIn: (databaseName, until) => openSession({ ...sessionTarget, databaseName }, until),
    };
  };
  const failed = (cause: unknown, rereadError?: unknown): FailedAttempt => ({
    credentials,
    secretArn: way.source.secretArn,
    byToken: way.source.givesTokens === true,
    cause,
    rereadError,
    refusal: refusalOf(cause, replication),
  });
  try {
    credentials = await untilAborted(way.source.read(), signal);
    try {
      return { opened: await open(credentials) };
    } catch (error) {
      if (sqlStateOf(error) !== SQLSTATE.invalidPassword) throw error;
      try {
        credentials = await untilAborted(way.source.read(credentials), signal);
      } catch (rereadError) {
        return failed(error, rereadError);
      }
      return { opened: await open(credentials) };
    }
  } catch (cause) {
    return failed(cause);
  }
}

/** Waits for something that can't be aborted itself. */
export async function untilAborted<Value>(value: Promise<Value>, signal: AbortSignal): Promise<Value> {
  if (signal.aborted) throw new OutOfTimeError();
  const over = new AbortController();
  try {
    return await Promise.race([
      value,
      once(signal, 'abort', { signal: over.signal }).then((): never => {
        throw new OutOfTimeError();
      }),
    ]);
  } finally {
    over.abort();
  }
}
