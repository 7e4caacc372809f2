/**
 * Terminates the chosen backends, and reports of each one what became of it.
 *
 * In batches, because a round trip for each would cost more than the signal. Whom the server would refuse is left out of the
 * batch, since one refusal fails the whole statement, with the signals before it sent and their names lost; those are tried
 * one by one, for the server's own words. Any other failure stops the terminating, not the run: what is known to have been
 * signalled is still verified and reported.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { RUN_LIMITS } from '../contract/limits.js';
import { describeError, sqlStateOf } from '../diagnosis/sqlstate.js';
import type { Outcome } from '../policy/outcome.js';
import type { Backend } from '../policy/snapshot.js';
import { type Session, SessionLostError } from './session.js';
import { type Signalling, signal, stillThere } from './sql/terminate.js';

/** How long a signalled backend may take to go. Idle ones are gone within 10 ms, 4,000 of them within 400. */
const VERIFY_MS = 2_000;

/** Between two looks: short at first, and never so long that the end is noticed late. */
const PAUSES_MS = { first: 2, longest: 40 };

/** What was done, and what stopped it if anything did. */
export interface Termination {
  readonly outcomes: readonly Outcome[];
  readonly error: unknown;
}

/**
 * Terminates backends, in the order given.
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
  let left = victims;
  for (let pass = 1; left.length > 0; pass += 1) {
    const late: Backend[] = [];
    for (const batch of batches(left)) {
      if (error !== null || timeLeft() <= VERIFY_MS) {
        settled.push(...spared(batch, error === null ? 'out_of_time' : 'stopped'));
        continue;
      }
      const sent = await signalBatch(session, batch, pass <= RUN_LIMITS.patientPasses);
      error = sent.error;
      signalled.push(...sent.signalled);
      late.push(...sent.late);
      settled.push(...sent.settled);
    }
    left = late;
  }
  const verified = await verify(session, signalled, timeLeft);
  return { outcomes: [...verified.outcomes, ...settled], error: error ?? verified.error };
}

function* batches(backends: readonly Backend[]): Generator<readonly Backend[]> {
  for (let start = 0; start < backends.length; start += RUN_LIMITS.signalsPerStatement) {
    yield backends.slice(start, start + RUN_LIMITS.signalsPerStatement);
  }
}

/** What a batch came to: every one of it is signalled, late or settled. */
interface SentBatch {
  readonly signalled: readonly Backend[];
  /** To be tried again. */
  readonly late: readonly Backend[];
  readonly settled: readonly Outcome[];
  readonly error: unknown;
}

async function signalBatch(session: Session, batch: readonly Backend[], leaveLate: boolean): Promise<SentBatch> {
  let answers: ReadonlyMap<number, Signalling>;
  try {
    answers = await signal(session, batch, { whom: 'permitted', leaveLate });
  } catch (error) {
    return { signalled: [], late: [], settled: unanswered(batch, error), error };
  }
  const answered = (answer: Signalling | undefined) => batch.filter(({ pid }) => answers.get(pid) === answer);
  const [signalled, late, forbidden] = [answered('signalled'), answered('late'), answered('forbidden')];
  const settled = answered(undefined).map(vanished);
  for (const [index, backend] of forbidden.entries()) {
    try {
      const answer = (await signal(session, [backend], { whom: 'any', leaveLate: false })).get(backend.pid);
      if (answer === 'signalled') signalled.push(backend);
      else settled.push(vanished(backend));
    } catch (error) {
      // The server's own no is about this backend; anything else is about the session.
      if (sqlStateOf(error) === null) {
        settled.push(...unanswered([backend], error), ...spared(forbidden.slice(index + 1), 'stopped'));
        return { signalled, late, settled, error };
      }
      settled.push({ backend, outcome: 'refused', reason: describeError(error) });
    }
  }
  return { signalled, late, settled, error: null };
}

function vanished(backend: Backend): Outcome {
  return { backend, outcome: 'vanished', reason: null };
}

/** Those of whom nothing is known: their statement failed, or it never left. */
function unanswered(batch: readonly Backend[], error: unknown): readonly Outcome[] {
  if (error instanceof SessionLostError && !error.sent) return spared(batch, 'stopped');
  const detail = describeError(error);
  return batch.map((backend) => ({ backend, outcome: 'unconfirmed', reason: 'maybe_signalled', detail }));
}

function spared(batch: readonly Backend[], reason: 'out_of_time' | 'stopped'): readonly Outcome[] {
  return batch.map((backend) => ({ backend, outcome: 'spared', reason }));
}

async function verify(session: Session, signalled: readonly Backend[], timeLeft: () => number): Promise<Termination> {
  let left = signalled;
  const began = performance.now();
  const until = began + Math.min(VERIFY_MS, timeLeft());
  try {
    for (let pause = PAUSES_MS.first; left.length > 0; pause = Math.min(pause * 2, PAUSES_MS.longest)) {
      await sleep(pause);
      const there = await stillThere(session, left);
      left = left.filter(({ pid }) => there.has(pid));
      if (performance.now() >= until) break;
    }
  } catch (error) {
    return { outcomes: verdicts(signalled, left, 'not_verified', describeError(error)), error };
  }
  const waited = `${Math.round(performance.now() - began)} ms after the signal`;
  return { outcomes: verdicts(signalled, left, 'still_there', waited), error: null };
}

function verdicts(
  signalled: readonly Backend[],
  left: readonly Backend[],
  reason: 'still_there' | 'not_verified',
  detail: string,
): readonly Outcome[] {
  const unconfirmed = new Set(left);
  return signalled.map((backend) =>
    unconfirmed.has(backend)
      ? { backend, outcome: 'unconfirmed', reason, detail }
      : { backend, outcome: 'terminated', reason: null },
  );
}
