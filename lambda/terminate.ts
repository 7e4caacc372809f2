/**
 * Ends the chosen backends, and says of each one what became of it.
 *
 * Batches, because a signal takes half the time in one. When the server refuses one backend of a batch (a superuser's)
 * the whole statement fails, with the signals before it sent and their names lost; that batch is then gone through one
 * by one, so that a refusal costs nobody else. Whatever else fails ends the acting, not the run: what was signalled is
 * still verified and reported.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from './outcome.js';
import type { Session } from './session.js';
import type { Backend } from './snapshot.js';
import { signal, stillThere } from './sql/terminate.js';
import { describeError, SQLSTATE, sqlStateOf } from './sqlstate.js';

/**
 * How many backends one statement signals. A hundred take 50 to 60 ms: long enough to be worth the round trip, short
 * enough that few of them wake up meanwhile.
 */
const BATCH_SIZE = 100;

/** How long a signalled backend may take to go. Idle ones are gone within 10 ms, 4,000 of them within 400. */
const VERIFY_MS = 2_000;

/** What was done, and what stopped it if anything did. */
export interface Termination {
  readonly outcomes: readonly Outcome[];
  readonly error: unknown;
}

/**
 * Ends backends, in the order given.
 *
 * @param timeLeft milliseconds left for the whole; with none left, the rest is spared.
 */
export async function terminateBackends(
  session: Session,
  victims: readonly Backend[],
  timeLeft: () => number,
): Promise<Termination> {
  const settled: Outcome[] = [];
  const signalled: Backend[] = [];
  let error: unknown = null;

  for (let start = 0; start < victims.length; start += BATCH_SIZE) {
    const batch = victims.slice(start, start + BATCH_SIZE);
    if (error !== null || timeLeft() <= VERIFY_MS) {
      const reason = error === null ? 'out_of_time' : 'session_lost';
      settled.push(...batch.map((backend) => ({ backend, outcome: 'spared', reason }) as const));
      continue;
    }
    try {
      const sent = await signalBatch(session, batch);
      settled.push(...sent.settled);
      signalled.push(...sent.signalled);
    } catch (cause) {
      error = cause;
      const reason = `may have been signalled: ${describeError(cause)}`;
      settled.push(...batch.map((backend) => ({ backend, outcome: 'unconfirmed', reason }) as const));
    }
  }

  const verified = await verify(session, signalled, timeLeft);
  return { outcomes: [...verified.outcomes, ...settled], error: error ?? verified.error };
}

interface Sent {
  readonly settled: readonly Outcome[];
  readonly signalled: readonly Backend[];
}

async function signalBatch(session: Session, batch: readonly Backend[]): Promise<Sent> {
  try {
    const pids = await signal(session, batch);
    return {
      signalled: batch.filter(({ pid }) => pids.has(pid)),
      settled: batch
        .filter(({ pid }) => !pids.has(pid))
        .map((backend) => ({ backend, outcome: 'vanished', reason: null }) as const),
    };
  } catch (error) {
    if (sqlStateOf(error) !== SQLSTATE.insufficientPrivilege) throw error;
    return signalOneByOne(session, batch);
  }
}

async function signalOneByOne(session: Session, batch: readonly Backend[]): Promise<Sent> {
  const settled: Outcome[] = [];
  const signalled: Backend[] = [];
  let refusalSeen = false;
  for (const backend of batch) {
    try {
      const pids = await signal(session, [backend]);
      // The failed batch ran in this order up to its first refusal: who is gone from before it went by our signal.
      if (pids.has(backend.pid) || !refusalSeen) signalled.push(backend);
      else settled.push({ backend, outcome: 'vanished', reason: null });
    } catch (error) {
      if (sqlStateOf(error) !== SQLSTATE.insufficientPrivilege) throw error;
      refusalSeen = true;
      settled.push({ backend, outcome: 'refused', reason: describeError(error) });
    }
  }
  return { settled, signalled };
}

async function verify(session: Session, signalled: readonly Backend[], timeLeft: () => number): Promise<Termination> {
  if (signalled.length === 0) return { outcomes: [], error: null };
  let left: ReadonlySet<number> = new Set(signalled.map(({ pid }) => pid));
  let error: unknown = null;
  let waited = 0;
  try {
    for (let pause = 10; left.size > 0 && waited < Math.min(VERIFY_MS, timeLeft()); pause *= 2) {
      await sleep(pause);
      waited += pause;
      left = await stillThere(session, signalled);
    }
  } catch (cause) {
    error = cause;
  }
  const reason =
    error === null ? `signalled, still there after ${waited} ms` : `signalled, not verified: ${describeError(error)}`;
  const outcomes = signalled.map(
    (backend): Outcome =>
      left.has(backend.pid)
        ? { backend, outcome: 'unconfirmed', reason }
        : { backend, outcome: 'terminated', reason: null },
  );
  return { outcomes, error };
}
