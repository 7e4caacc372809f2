import { formatDuration } from '../duration.js';
import { type LimitOutcome, withOutcome } from '../outcome.js';
import type { Snapshot } from '../snapshot.js';
import { quoteIdentifier } from '../sql/identifier.js';
import { SQLSTATE } from '../sqlstate.js';
import type { Visit } from '../visit.js';
import type { Finding } from './finding.js';
import { limitGrant } from './rights.js';

/** What the server refused to end, or what was not seen to go. */
export function terminationTrouble({ outcomes }: Visit, { server }: Snapshot): readonly (Finding | null)[] {
  const refused = withOutcome(outcomes, 'refused');
  const unconfirmed = withOutcome(outcomes, 'unconfirmed');
  const [firstRefused] = refused;
  const [firstUnconfirmed] = unconfirmed;
  return [
    firstRefused === undefined
      ? null
      : {
          severity: 'warning',
          code: 'refused_terminations',
          evidence: `the server refused to end ${refused.length} backends: ${firstRefused.reason}`,
          remedy: server.maySignalBackends
            ? "no right ends a superuser's backend but a superuser's own; spare them with a rule"
            : `GRANT pg_signal_backend TO ${quoteIdentifier(server.user)};`,
        },
    firstUnconfirmed === undefined
      ? null
      : {
          severity: 'warning',
          code: 'unconfirmed_terminations',
          evidence: `${unconfirmed.length} backends were not seen to go: ${firstUnconfirmed.reason}`,
          remedy: 'look again with {"action":"report"}; a backend that stays hangs in the operating system, not in SQL',
        },
  ];
}

/** Chosen, and left standing because the run could not go on. */
export function leftStanding({ outcomes }: Visit): Finding | null {
  const left = withOutcome(outcomes, 'spared').filter(({ reason }) => reason === 'out_of_time' || reason === 'stopped');
  if (left.length === 0) return null;
  return {
    severity: 'warning',
    code: 'left_standing',
    evidence: `${left.length} backends that were to be ended were not, since the run's time was over or an error stopped it`,
    remedy:
      'the next run goes on; if it happens again, give the function more time, or look at what slows the server down',
  };
}

/** What keeps a declared limit from being set. */
export function roleLimitTrouble(limit: LimitOutcome): Finding | null {
  const { role, to, outcome, reason } = limit;
  const declared = `the declared CONNECTION LIMIT ${to} for ${role}`;
  switch (outcome) {
    case 'changed':
    case 'would_change':
      return null;
    case 'missing':
      return {
        severity: 'warning',
        code: 'role_missing',
        evidence: `${declared} has no role to hold`,
        remedy: 'mind the spelling (names are case sensitive), or take it out of roleLimits',
      };
    case 'in_recovery':
      return {
        severity: 'info',
        code: 'role_limit_in_recovery',
        evidence: `${declared} differs here, on a server in recovery`,
        remedy: 'nothing to do on a replica; its roles follow the primary once the limit is set there',
      };
    case 'own_role':
      return {
        severity: 'critical',
        code: 'role_limit_own_role',
        evidence: `${declared} would lock the reaper out of the server`,
        remedy: 'take it out of roleLimits, or declare 2 at least',
      };
    case 'superuser':
      return {
        severity: 'warning',
        code: 'role_limit_superuser',
        evidence: `${declared} would hold nobody: ${role} is a superuser, and those are exempt`,
        remedy: 'applications should not log in as a superuser; give this one a role of its own, and declare that',
      };
    case 'refused':
      return {
        severity: 'warning',
        code: 'role_limit_refused',
        evidence: `${declared} could not be set: ${reason}`,
        remedy:
          limit.sqlState === SQLSTATE.insufficientPrivilege
            ? limitGrant(role)
            : 'the next run tries again; if it stays, the message above says what is in the way',
      };
  }
}

/** A run takes less than a minute, so a lock that is held longer is not a run's, or one that hangs. */
const LONG_HELD_SECONDS = 120;

/** Somebody had the lock of the runs. */
export function anotherRun({ contender }: Visit): Finding | null {
  if (contender === null) return null;
  const { holder, isReaper } = contender;
  if (holder === null || (isReaper && (holder.ageSeconds ?? 0) < LONG_HELD_SECONDS)) {
    return {
      severity: 'info',
      code: 'another_run',
      evidence: 'another run was at work on this server, so this one only looked',
      remedy: 'nothing to do; what the other run did is in its own report',
    };
  }
  const age = holder.ageSeconds === null ? '' : `, there for ${formatDuration(holder.ageSeconds)}`;
  return {
    severity: 'critical',
    code: 'lock_held',
    evidence: `pid ${holder.pid} (${holder.role}, "${holder.applicationName}"${age}) holds the lock that keeps runs apart, and is no run at work: nothing is reaped`,
    remedy: `SELECT pg_terminate_backend(${holder.pid});`,
  };
}

/** Prepared transactions outlive their session, hold locks and keep vacuum from its work. */
const OLD_PREPARED_SECONDS = 3600;

/** Transactions that no backend holds, and no reaping ends. */
export function oldPreparedTransactions({ server }: Snapshot): Finding | null {
  const { preparedTransactions, oldestPreparedSeconds } = server;
  if (oldestPreparedSeconds === null || oldestPreparedSeconds < OLD_PREPARED_SECONDS) return null;
  return {
    severity: 'warning',
    code: 'old_prepared_transactions',
    evidence: `${preparedTransactions} prepared transactions, the oldest for ${formatDuration(oldestPreparedSeconds)}; no backend holds them, so no reaping ends them`,
    remedy: 'SELECT gid, prepared, owner, database FROM pg_prepared_xacts; then COMMIT PREPARED or ROLLBACK PREPARED',
  };
}
