/** The reasons for which a connection is spared. */
import type { Backend, Holding } from './snapshot.js';

/** Why a backend is left alone. */
export type SpareReason =
  /** Our login may not see its state. */
  | 'unreadable'
  | 'superuser'
  | 'provider_role'
  /** Another run of this tool. */
  | 'reaper'
  /** Its login is still in progress. */
  | 'starting'
  /** Its role was dropped. */
  | 'unknown_role'
  /** It is doing something. */
  | 'active'
  /** Idle inside a transaction, which this policy does not end. */
  | 'in_transaction'
  /** The server does not track what it does: `track_activities` is off. */
  | 'state_unknown'
  /** Not among those the manual reap asked for. */
  | 'not_selected'
  | 'below_idle_timeout'
  /** `reap: leaks`, slots are free, and the diagnosis does not call it leaked. */
  | 'not_leaked'
  /** A rule with `spare: true`. */
  | 'rule'
  | Holding
  /** A server opened it, by postgres_fdw or dblink, for a transaction of its own. */
  | 'opened_by_server'
  /** Its application would fall below the number it may keep. */
  | 'keep'
  /** The run may end no more. */
  | 'max_terminations'
  /** Chosen, but the run's time was over before its turn. */
  | 'out_of_time'
  /** Chosen, but another run is at work on this server. */
  | 'another_run'
  /** Chosen, but an error had stopped the reaping before its turn. */
  | 'stopped';

/** A backend that is left alone. */
export interface Spared {
  readonly backend: Backend;
  readonly reason: SpareReason;
}
