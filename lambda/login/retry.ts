/**
 * Repeats a login while the server is full. Each login in progress holds a slot, so in a storm of reconnecting clients not
 * even a superuser's slot is free but for moments. A few logins at once meet such a moment sooner than one after the other;
 * as soon as one of them is in, the others are cut.
 *
 * As long as the server only says that the free slots are reserved, the logins come one at a time: more of them would take
 * those slots from the administrator who comes to help.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isServerFull, type Refusal } from '../diagnosis/login-refusal.js';
import { sqlStateOf } from '../diagnosis/sqlstate.js';
import { PoolerError } from '../postgres/unusable-server.js';
import { type Attempt, attemptLogin, type Way } from './attempt.js';
import { type FailedAttempt, isRefusedToken } from './login-failure.js';
import type { LocatedTarget } from './login-target.js';

/** Next to nothing, since a slot that comes free is gone again within milliseconds. */
const PAUSE_MS = 2;

/**
 * The more of them, the larger our share of the moments, among tens of clients that do the same. Half of the runs get in
 * twice as soon as by one login after the other.
 */
const LOGINS_AT_ONCE = 6;

/** How the attempts by one way went. */
export interface Attempts {
  readonly count: number;
  /** Each kind once, in their order. */
  readonly refusals: readonly Refusal[];
  /** The one that opened, or that says best why none did. */
  readonly result: Attempt;
}

/**
 * Tries one way until a session opens, until the server refuses for a reason that does not pass, or until time is over.
 *
 * @param retryMs how long to repeat attempts on a full server.
 */
export async function retryLogin(
  way: Way,
  target: LocatedTarget,
  retryMs: number,
  signal: AbortSignal,
): Promise<Attempts> {
  const until = performance.now() + retryMs;
  const race = new LoginRace(way, target, () => performance.now() >= until || signal.aborted, signal);
  const result = await race.run();
  return { count: race.count, refusals: [...race.refusals], result };
}

class LoginRace {
  count = 0;
  readonly refusals = new Set<Refusal>();
  /** The last refusal because no slot was free. */
  private full: FailedAttempt | null = null;
  private result: Attempt | null = null;
  private readonly cuts: AbortController[] = [];

  constructor(
    private readonly way: Way,
    private readonly target: LocatedTarget,
    private readonly isOver: () => boolean,
    private readonly signal: AbortSignal,
  ) {}

  /** One attempt after the other, until this or another runner has the result. */
  async run(): Promise<Attempt> {
    const cut = new AbortController();
    this.cuts.push(cut);
    const signal = AbortSignal.any([this.signal, cut.signal]);
    const joined: Promise<Attempt>[] = [];
    while (this.result === null) {
      await this.take(await attemptLogin(this.way, this.target, signal), cut);
      if (this.wantsMore()) joined.push(...Array.from({ length: LOGINS_AT_ONCE - 1 }, () => this.run()));
      if (this.result === null) await sleep(PAUSE_MS);
    }
    await Promise.all(joined);
    return this.result;
  }

  /** @param cut the runner's whose attempt it was. */
  private async take(attempt: Attempt, cut: AbortController): Promise<void> {
    if (this.result !== null) {
      if ('opened' in attempt) await attempt.opened.close();
      return;
    }
    this.count += 1;
    this.result = 'opened' in attempt ? attempt : this.conclusion(attempt);
    if (this.result !== null) for (const other of this.cuts) if (other !== cut) other.abort();
  }

  /** What a failed attempt makes of all; `null` where they go on. */
  private conclusion(failed: FailedAttempt): FailedAttempt | null {
    const { refusal } = failed;
    const goesOn = isServerFull(refusal) || (this.full !== null && (saysLess(failed) || this.mayBeOurs(refusal)));
    if (isServerFull(refusal)) this.full = failed;
    if (refusal !== null && (isServerFull(refusal) || !goesOn)) this.refusals.add(refusal);
    if (!goesOn) return failed;
    if (!this.isOver() || this.full === null) return null;
    return isServerFull(refusal) ? this.full : { ...this.full, laterCause: failed.cause };
  }

  /** The role's limit counts the other attempts too. */
  private mayBeOurs(refusal: Refusal | null): boolean {
    return refusal === 'role_limit' && this.cuts.length > 1;
  }

  /** A walsender's slot is one that a standby may need. */
  private wantsMore(): boolean {
    return (
      this.result === null &&
      this.cuts.length === 1 &&
      this.full?.refusal === 'every_slot' &&
      this.way.name !== 'rescue'
    );
  }
}

/**
 * Whether a failure says less than that the server was full a moment ago: an attempt that broke off, or a refused token.
 * Reserved slots are refused only after the token was accepted, and what verifies tokens fails under load as well.
 */
function saysLess(failed: FailedAttempt): boolean {
  const brokeOff = sqlStateOf(failed.cause) === null && !(failed.cause instanceof PoolerError);
  return brokeOff || isRefusedToken(failed);
}
