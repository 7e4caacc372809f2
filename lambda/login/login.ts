/**
 * How we get in, also when the server is full. The ways are tried in this order, each with some patience:
 *
 *   own           the role's own login, which may have reserved slots
 *   break_glass   a second secret, only where the server was full
 *   rescue        the role's own login as a walsender, which max_connections does not count; only there, too
 *
 * Then an honest failure: which limit it was, and what is left to do.
 */
import { RUN_LIMITS } from '../contract/limits.js';
import type { LoginFacts, LoginWay } from '../diagnosis/login-facts.js';
import { isServerFull, type Refusal } from '../diagnosis/login-refusal.js';
import { type OpenedLogin, untilAborted, type Way } from './attempt.js';
import { describeFailure } from './login-failure.js';
import { type LoginTarget, locate } from './login-target.js';
import type { LoginSources } from './logins.js';
import type { SecretValues } from './redact.js';
import { retryLogin } from './retry.js';

/** A login that succeeded. */
export interface Login extends Omit<OpenedLogin, 'hidden'> {
  readonly facts: LoginFacts;
  /** The role of the own login, whichever way it was. */
  readonly ownRole: string;
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

/** How long to retry where there is another way to try next. */
const SHORT_RETRY_MS = 1_000;

/**
 * Logs in to a server.
 *
 * @param patienceMs how long to retry in all, where that is less than the ways would take.
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
  const refusals = new Set<Refusal>();
  let attempts = 0;
  const facts = (way: LoginWay | null): LoginFacts => ({
    way,
    attempts,
    milliseconds: Math.round(performance.now() - began),
    refusals: [...refusals],
  });
  const own = await untilAborted(sources.own.read(), signal);
  const located = locate(target, own, sources.own);
  const ways = waysInto(target, sources);
  const failures: string[] = [];
  for (const [index, way] of ways.entries()) {
    const usual = index === ways.length - 1 ? RUN_LIMITS.loginRetryMs : SHORT_RETRY_MS;
    const left = began + patienceMs - performance.now();
    const tried = await retryLogin(way, located, Math.min(usual, left), signal);
    attempts += tried.count;
    for (const refusal of tried.refusals) refusals.add(refusal);
    const { result } = tried;
    if ('opened' in result) {
      const hidden = [located.own.hidden, result.opened.hidden];
      return { ...result.opened, facts: facts(way.name), ownRole: own.username, hidden };
    }
    const failure = describeFailure(way.name, located, result);
    // Only a full server opens the next way. A wrong password, a wrong host, a limit that was set for our role or for the
    // database are to be fixed, not to be gone around.
    if (way.name === 'own' && !isServerFull(result.refusal)) throw new LoginError(failure, facts(null), result.cause);
    failures.push(failure);
    if (signal.aborted) break;
  }
  throw new LoginError(failures.join('; '), facts(null), undefined);
}

function waysInto({ rescueLogin }: LoginTarget, { own, breakGlass }: LoginSources): readonly Way[] {
  return [
    { name: 'own', source: own },
    ...(breakGlass === null ? [] : [{ name: 'break_glass', source: breakGlass } as const]),
    ...(rescueLogin === 'replication' ? [{ name: 'rescue', source: own } as const] : []),
  ];
}
