import type { LimitChange, LimitObstacle } from './plan-limits.js';
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
  /** Signalled, and not seen to go. */
  | { readonly outcome: 'unconfirmed'; readonly reason: string }
  | { readonly outcome: 'spared'; readonly reason: SpareReason }
);

/** What can become of a backend. */
export type OutcomeName = Outcome['outcome'];

/** What became of a declared role limit that differed. */
export type LimitOutcome = Pick<LimitChange, 'role' | 'from' | 'to'> &
  (
    | { readonly outcome: 'changed' | 'would_change'; readonly reason: null }
    | { readonly outcome: LimitObstacle; readonly reason: null }
    /** The server would not let us; the reason is its SQLSTATE and message. */
    | { readonly outcome: 'refused'; readonly reason: string; readonly sqlState: string }
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
