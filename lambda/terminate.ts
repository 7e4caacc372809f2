/**
 * Ends the chosen backends, and says of each one what became of it.
 *
 * Batches, because a signal takes half the time in one. Whom the server would refuse is left out of the batch, since one
 * refusal fails the whole statement, with the signals before it sent and their names lost; those are tried one by one, for
 * the server's own words. Whatever else fails ends the acting, not the run: what is known to have been signalled is still
 * verified and reported.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { RUN_LIMITS } from './limits.js';
import type { Outcome } from './outcome.js';
import type { Session } from './session.js';
import type { Backend } from './snapshot.js';
import { signal, stillThere } from './sql/terminate.js';
import { describeError, sqlStateOf } from './sqlstate.js';

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

  for (let start = 0; start < victims.length; start += RUN_LIMITS.signalsPerStatement) {
    const batch = victims.slice(start, start + RUN_LIMITS.signalsPerStatement);
    if (error !== null || timeLeft() <= VERIFY_MS) {
      const reason = error === null ? 'out_of_time' : 'stopped';
      settled.push(...batch.map((backend) => ({ backend, outcome: 'spared', reason }) as const));
      continue;
    }
    const sent: Sent[] = [];
    try {
      await signalBatch(session, batch, sent);
    } catch (cause) {
      error = cause;
      settled.push(...uncertain(batch, sent, cause));
    }
    signalled.push(...sent.filter(({ outcome }) => outcome === 'signalled').map(({ backend }) => backend));
    settled.push(...sent.filter((one): one is Outcome => one.outcome !== 'signalled'));
  }

  const verified = await verify(session, signalled, timeLeft);
  return { outcomes: [...verified.outcomes, ...settled], error: error ?? verified.error };
}

type Sent = Outcome | { readonly backend: Backend; readonly outcome: 'signalled' };

/** Adds to `sent` what became of each, so that what is known stays known when a later statement fails. */
async function signalBatch(session: Session, batch: readonly Backend[], sent: Sent[]): Promise<void> {
  const answers = await signal(session, batch, 'permitted');
  for (const backend of batch) {
    const answer = answers.get(backend.pid);
    if (answer === 'signalled') sent.push({ backend, outcome: 'signalled' });
    else if (answer === undefined) sent.push({ backend, outcome: 'vanished', reason: null });
  }
  for (const backend of batch) {
    if (answers.get(backend.pid) === 'forbidden') sent.push(await signalOne(session, backend));
  }
}

/** Those of a batch of whom nothing is known when it fails. */
function uncertain(batch: readonly Backend[], sent: readonly Sent[], cause: unknown): readonly Outcome[] {
  const known = new Set(sent.map(({ backend }) => backend));
  const reason = `may have been signalled: ${describeError(cause)}`;
  return batch
    .filter((backend) => !known.has(backend))
    .map((backend) => ({ backend, outcome: 'unconfirmed', reason }) as const);
}

async function signalOne(session: Session, backend: Backend): Promise<Sent> {
  try {
    const answers = await signal(session, [backend], 'any');
    if (answers.get(backend.pid) === 'signalled') return { backend, outcome: 'signalled' };
    return { backend, outcome: 'vanished', reason: null };
  } catch (error) {
    // The server's own no is about this backend; anything else is about the session.
    if (sqlStateOf(error) === null) throw error;
    return { backend, outcome: 'refused', reason: describeError(error) };
  }
}

async function verify(session: Session, signalled: readonly Backend[], timeLeft: () => number): Promise<Termination> {
  if (signalled.length === 0) return { outcomes: [], error: null };
  let left: ReadonlySet<number> = new Set(signalled.map(({ pid }) => pid));
  let reason = 'signalled, with no time left to verify';
  let error: unknown = null;
  try {
    const until = performance.now() + Math.min(VERIFY_MS, timeLeft());
    for (let pause = 10; left.size > 0 && performance.now() < until; pause *= 2) {
      await sleep(Math.min(pause, until - performance.now()));
      left = await stillThere(session, signalled);
      reason = `signalled, still there after ${VERIFY_MS} ms`;
    }
  } catch (cause) {
    error = cause;
    reason = `signalled, not verified: ${describeError(cause)}`;
  }
  const outcomes = signalled.map(
    (backend): Outcome =>
      left.has(backend.pid)
        ? { backend, outcome: 'unconfirmed', reason }
        : { backend, outcome: 'terminated', reason: null },
  );
  return { outcomes, error };
}
