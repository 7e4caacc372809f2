/** What can become of a connection, and of a role limit. */
import type { Seconds } from '../input/duration.js';
import type { LimitChange, LimitObstacle } from './role-limits.js';
import type { Backend } from './snapshot.js';
import type { SpareReason } from './spared.js';

/** What became of a backend: what was seen, not what was hoped. */
export type Outcome = { readonly backend: Backend } & (
  | {
      readonly outcome: /** Signalled, and verified gone. */
        | 'terminated'
        /** Moved on by itself between the snapshot and the signal. */
        | 'vanished'
        /** Chosen by a run that only looks. */
        | 'reapable';
      readonly reason: null;
    }
  /** The server would not let us; the reason is its SQLSTATE and message. */
  | { readonly outcome: 'refused'; readonly reason: string }
  /** It may be gone or not; the detail is what was seen. */
  | { readonly outcome: 'unconfirmed'; readonly reason: UnconfirmedReason; readonly detail: string }
  | { readonly outcome: 'spared'; readonly reason: SpareReason }
);

/** Why a termination is not confirmed. */
export type UnconfirmedReason =
  /** Signalled, and still there when the time for looking was over. */
  | 'still_there'
  /** Signalled; the look whether it is gone failed. */
  | 'not_verified'
  /** The answer to the statement that signals was lost: the signal may have been sent or not. */
  | 'maybe_signalled';

/** What can become of a backend. */
export type OutcomeName = Outcome['outcome'];

/** A transaction that changed a role and has not ended, so that nobody else can change that role. */
export interface LockBlocker {
  /** `null` for a prepared transaction, which no session holds. */
  readonly pid: number | null;
  /** The name of the prepared transaction; `null` for a session. */
  readonly gid: string | null;
  readonly role: string | null;
  readonly transactionSeconds: Seconds | null;
}

/** What became of a declared role limit that differed. */
export type LimitOutcome = Pick<LimitChange, 'role' | 'from' | 'to'> &
  (
    | { readonly outcome: 'changed' | 'would_change'; readonly reason: null }
    | { readonly outcome: LimitObstacle; readonly reason: null }
    /** The server would not let us; the reason is its SQLSTATE and message. */
    | {
        readonly outcome: 'refused';
        readonly reason: string;
        readonly sqlState: string;
        /** Who held the role's row locked; empty where that was not the reason. */
        readonly blockers: readonly LockBlocker[];
      }
    /** The session was lost before the answer came: the limit may have been set. */
    | { readonly outcome: 'unconfirmed'; readonly reason: string }
  );

/** Whether the policy chose this backend, whatever came of it. */
export function wasChosen({ outcome, reason }: Outcome): boolean {
  return outcome !== 'spared' || reason === 'out_of_time' || reason === 'stopped' || reason === 'another_run';
}

/** The outcomes of one kind. */
export function withOutcome<Name extends OutcomeName>(
  outcomes: readonly Outcome[],
  name: Name,
): readonly Extract<Outcome, { outcome: Name }>[] {
  return outcomes.filter((outcome): outcome is Extract<Outcome, { outcome: Name }> => outcome.outcome === name);
}
