/** What outcomes and reasons are called in a report. */
import type { UnconfirmedReason } from '../../policy/outcome.js';
import type { SpareReason } from '../../policy/spared.js';

export const OUTCOME_WORDS = {
  terminated: 'terminated, verified gone',
  reapable: 'would be terminated',
  vanished: 'in use again, or closed by their client',
  refused: 'refused by the server',
} as const;

export const UNCONFIRMED_WORDS: Readonly<Record<UnconfirmedReason, string>> = {
  still_there: 'signalled and still there',
  not_verified: 'signalled, not verified',
  maybe_signalled: 'may have been signalled',
};

export const SPARED_WORDS: Readonly<Record<SpareReason, string>> = {
  active: 'active',
  out_of_time: 'not reached in time',
  stopped: 'not reached because of an error',
  below_idle_timeout: 'not idle long enough',
  not_leaked: 'not leaked',
  starting: 'logging in',
  unknown_role: 'of roles that were dropped',
  state_unknown: 'whose state the server does not track',
  unreadable: 'hidden from this login',
  in_transaction: 'idle in a transaction',
  advisory_lock: 'holding an advisory lock',
  temporary_table: 'with temporary tables',
  replication_slot: 'with a temporary replication slot',
  listen: 'listening',
  hold_cursor: 'with a cursor WITH HOLD',
  base_backup: 'running a base backup',
  opened_by_server: 'opened by a server (postgres_fdw, dblink)',
  rule: 'by a rule',
  keep: 'kept for their application',
  max_terminations: 'above the maximum of this run',
  another_run: 'left to another run',
  superuser: 'of superusers',
  provider_role: "of the provider's roles",
  reaper: 'of a reaper',
  not_selected: 'not selected by the event',
};
