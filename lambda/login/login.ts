/**
 * How we get in, also when the server is full. The ways are tried in this order, each with some patience:
 *
 *   own           the role's own login, which may have reserved slots
 *   break_glass   a second secret, only where the server was full
 *   rescue        the role's own login as a walsender, which max_connections does not count; only there, too
 *
 * Then an honest failure: which limit it was, and what is left to do.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { RUN_LIMITS } from '../contract/limits.js';
import { isServerFull, type Refusal, refusalOf } from '../diagnosis/login-refusal.js';
import { SQLSTATE, sqlStateOf } from '../diagnosis/sqlstate.js';
import type { Settings } from '../input/settings.js';
import { type OpenSession, OutOfTimeError, openSession, PoolerError } from '../postgres/session.js';
import type { Credentials, CredentialsSource } from './credentials.js';
import { describeFailure, type Failed, hiddenOf, isRefusedToken } from './login-failure.js';
import type { SecretValues } from './redact.js';

/** A way into the server. */
export type LoginWay = 'own' | 'break_glass' | 'rescue';

/** A server to log in to, with what the settings say of every server. */
export interface LoginTarget {
  readonly name: string;
  /** From the settings; absent when the secret knows. */
  readonly address: { readonly host: string; readonly port: number } | null;
  readonly databaseName: string | undefined;
  readonly sslMode: Settings['sslMode'];
  readonly sslRootCert: string | undefined;
  readonly rescueLogin: Settings['rescueLogin'];
}

/** The logins that may be used. */
export interface LoginSources {
  readonly own: CredentialsSource;
  readonly breakGlass: CredentialsSource | null;
}

/** How a login went. */
export interface LoginFacts {
  /** The way in; `null` when there was none. */
  readonly way: LoginWay | null;
  readonly attempts: number;
  /** From the first attempt to the last. */
  readonly milliseconds: number;
  /** The refusals on the way, each kind once, in their order. */
  readonly refusals: readonly Refusal[];
}

/** A login that succeeded. */
export interface Login extends OpenSession {
  readonly facts: LoginFacts;
  /** The role of the own login, whichever way it was. */
  readonly ownRole: string;
  /** The role of this login. */
  readonly user: string;
  /** Opens a further session by the same way, in another database. */
  openIn(databaseName: string, signal: AbortSignal): Promise<OpenSession>;
  /** What of the logins no text may show. */
  readonly hidden: readonly SecretValues[];
}

/** No session could be had. The message says at what, why, and what to do next. */
export class LoginError extends Error {
  override readonly name = 'LoginError';

  constructor(
    message: string,
    readonly facts: LoginFacts,
    cause: unknown,
  ) {
    super(message, { cause });
  }
}

/** How long to knock where there is another way to try next. */
const SHORT_KNOCKING_MS = 1_000;

/** Next to nothing, since a slot that comes free is gone again within milliseconds. */
const PAUSE_MS = 2;

/**
 * Logs in to a server. A rejected password is read again from its source once, since it may just have been rotated.
 *
 * @param patienceMs how long to knock in all, where that is less than the ways would take.
 * @throws LoginError when there is no way in.
 * @throws InputError when a secret is not usable; other errors when it can't be read.
 */
export async function login(
  target: LoginTarget,
  sources: LoginSources,
  signal: AbortSignal,
  patienceMs = Number.POSITIVE_INFINITY,
): Promise<Login> {
  const began = performance.now();
  const refusals: Refusal[] = [];
  const failures: string[] = [];
  let attempts = 0;
  const facts = (way: LoginWay | null): LoginFacts => ({
    way,
    attempts,
    milliseconds: Math.round(performance.now() - began),
    refusals: [...new Set(refusals)],
  });

  const own = await untilAborted(sources.own.read(), signal);
  const place = placeOf(target, own, sources.own, () => facts(null));
  const ways = waysInto(target, sources);
  for (const [index, way] of ways.entries()) {
    const usual = index === ways.length - 1 ? RUN_LIMITS.knockingMs : SHORT_KNOCKING_MS;
    const left = began + patienceMs - performance.now();
    const result = await knock(way, place, Math.min(usual, left), signal, (refusal) => {
      attempts += 1;
      if (refusal !== null) refusals.push(refusal);
    });
    if ('opened' in result) {
      const hidden = [place.own.hidden, ...result.opened.hidden];
      return { ...result.opened, facts: facts(way.name), ownRole: own.username, hidden };
    }
    failures.push(result.failure);
    // Only a full server opens the next way. A wrong password, a wrong host, a limit that was set for our role or for the
    // database are to be mended, not to be gone around.
    if (way.name === 'own' && !isServerFull(result.refusal))
      throw new LoginError(result.failure, facts(null), result.cause);
    if (signal.aborted) break;
  }
  throw new LoginError(failures.join('; '), facts(null), undefined);
}

/** Waits for something that knows nothing of our time. */
async function untilAborted<Value>(value: Promise<Value>, signal: AbortSignal): Promise<Value> {
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

/** What opened, and a way to open more like it. */
type Opened = OpenSession & Pick<Login, 'user' | 'hidden' | 'openIn'>;

type Knocked = { readonly opened: Opened } | (Failed & { readonly failure: string });

/** Tries one way until it opens, until it is shut for good, or until patience ends. */
async function knock(
  way: Way,
  place: Place,
  patienceMs: number,
  signal: AbortSignal,
  onAttempt: (refusal: Refusal | null) => void,
): Promise<Knocked> {
  const until = performance.now() + patienceMs;
  let refused: Failed | null = null;
  for (;;) {
    const result = await attempt(way, place, signal);
    onAttempt('opened' in result ? null : result.refusal);
    if ('opened' in result) return result;
    if (result.refusal !== null) refused = result;
    // At a server that was full a moment ago, an attempt that breaks off says nothing new, and the refusal says more. So it
    // is with a token: reserved slots are refused after it was taken, and what verifies tokens fails under load as well.
    const told = breaksOff(result) || isRefusedToken(result) ? (refused ?? result) : result;
    if (!isServerFull(told.refusal) || performance.now() >= until || signal.aborted) {
      return { ...told, failure: describeFailure(way.name, place, told) };
    }
    await sleep(PAUSE_MS);
  }
}

/** Whether no server said no: a timeout, a reset, the end of the run's time. */
function breaksOff({ cause }: Failed): boolean {
  return sqlStateOf(cause) === null && !(cause instanceof PoolerError);
}

/** One login, and a second one where the first one's password was rejected and may just have been rotated. */
async function attempt(way: Way, place: Place, signal: AbortSignal): Promise<{ readonly opened: Opened } | Failed> {
  const replication = way.name === 'rescue';
  const byToken = way.source.givesTokens === true;
  let credentials: Credentials | undefined;
  const open = async (given: Credentials): Promise<Opened> => {
    const target = { ...place, credentials: given, replication };
    return {
      ...(await openSession(target, signal)),
      user: given.username,
      hidden: [hiddenOf(given, way.source.secretArn !== undefined)],
      openIn: (databaseName, until) => openSession({ ...target, databaseName }, until),
    };
  };
  const failed = (cause: unknown, rereadError?: unknown): Failed => ({
    credentials: credentials ?? null,
    secretArn: way.source.secretArn,
    byToken,
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

interface Way {
  readonly name: LoginWay;
  readonly source: CredentialsSource;
}

function waysInto({ rescueLogin }: LoginTarget, { own, breakGlass }: LoginSources): readonly Way[] {
  return [
    { name: 'own', source: own },
    ...(breakGlass === null ? [] : [{ name: 'break_glass', source: breakGlass } as const]),
    ...(rescueLogin === 'replication' ? [{ name: 'rescue', source: own } as const] : []),
  ];
}

/** Where to log in to, whichever the way. */
interface Place {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly databaseName: string;
  /** What of it comes from the settings, as {@link LoginTarget} has it. The rest comes from the own login. */
  readonly address: LoginTarget['address'];
  readonly givenDatabaseName: string | undefined;
  readonly own: { readonly secretArn: string | undefined; readonly hidden: SecretValues };
  readonly sslMode: Settings['sslMode'];
  readonly sslRootCert: string | undefined;
}

function placeOf(
  target: LoginTarget,
  credentials: Credentials,
  { secretArn }: CredentialsSource,
  facts: () => LoginFacts,
): Place {
  const { name, address, databaseName: givenDatabaseName, sslMode, sslRootCert } = target;
  const { host = credentials.host, port = credentials.port ?? 5432 } = address ?? {};
  if (host === undefined) {
    throw new LoginError(
      `no address for instance "${name}": the secret holds no host and the settings name no instances; ` +
        'add instances: [{ name, host, port }] to the settings',
      facts(),
      undefined,
    );
  }
  const databaseName = givenDatabaseName ?? credentials.dbname ?? 'postgres';
  const own = { secretArn, hidden: hiddenOf(credentials, secretArn !== undefined) };
  return { name, host, port, databaseName, address, givenDatabaseName, own, sslMode, sslRootCert };
}
