import { formatDuration } from '../input/duration.js';
import { groupBy } from '../policy/group-by.js';
import { type LimitOutcome, type LockBlocker, type UnconfirmedReason, withOutcome } from '../policy/outcome.js';
import type { Snapshot } from '../policy/snapshot.js';
import type { Finding } from './finding.js';
import type { InstanceResult } from './instance-result.js';
import { limitGrant } from './privileges.js';
import { quoteIdentifier, quoteLiteral } from './quote-sql.js';
import { SQLSTATE } from './sqlstate.js';

/** What the server refused to end. */
export function refusedTerminations({ outcomes }: InstanceResult, { server }: Snapshot): Finding | null {
  const refused = withOutcome(outcomes, 'refused');
  const [first] = refused;
  if (first === undefined) return null;
  return {
    severity: 'warning',
    code: 'refused_terminations',
    evidence: `the server refused to end ${refused.length} backends: ${first.reason}`,
    remedy: server.maySignalBackends
      ? "no right ends a superuser's backend but a superuser's own; spare them with a rule"
      : `GRANT pg_signal_backend TO ${quoteIdentifier(server.user)};`,
  };
}

const UNCONFIRMED: Readonly<Record<UnconfirmedReason, { readonly evidence: string; readonly remedy: string }>> = {
  still_there: {
    evidence: 'were signalled and are still there',
    remedy:
      'look up their pids in the log ("event":"backend"); a connection that stays is stuck in the operating system: check disks and load',
  },
  not_verified: {
    evidence: 'were signalled; checking that they are gone failed',
    remedy: 'look again with {"action":"report"}',
  },
  maybe_signalled: {
    evidence: "may have been signalled: the server's answer was lost",
    remedy: 'look up their pids in the log ("event":"backend"), and look again with {"action":"report"}',
  },
};

/** Terminations that are not confirmed, by what was seen of them. */
export function unconfirmedTerminations({ outcomes }: InstanceResult): readonly Finding[] {
  const groups = groupBy(withOutcome(outcomes, 'unconfirmed'), ({ reason }) => reason);
  return (Object.keys(UNCONFIRMED) as UnconfirmedReason[]).flatMap((reason) => {
    const group = groups.get(reason) ?? [];
    const [first] = group;
    if (first === undefined) return [];
    const { evidence, remedy } = UNCONFIRMED[reason];
    return [
      {
        severity: 'warning' as const,
        code: `terminations_${reason}`,
        evidence: `${group.length} backends ${evidence} (${first.detail})`,
        remedy,
      },
    ];
  });
}

/** Chosen, and left standing because the run could not go on. */
export function leftStanding({ outcomes }: InstanceResult): Finding | null {
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
export function roleLimitTrouble(limit: LimitOutcome, { server }: Snapshot): Finding | null {
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
    case 'unconfirmed':
      return {
        severity: 'warning',
        code: 'role_limit_unconfirmed',
        evidence: `${declared} may have been set or not: ${reason}`,
        remedy: 'the next sweep reads the limit again, and sets it where it still differs',
      };
    case 'above_max_connections':
      return {
        severity: 'warning',
        code: 'role_limit_above_max_connections',
        evidence: `${declared} has no effect: max_connections is ${server.maxConnections}`,
        remedy: `set it in roleLimits to ${server.maxConnections} at most, or remove it`,
      };
    case 'refused':
      return {
        severity: 'warning',
        code: 'role_limit_refused',
        evidence: `${declared} could not be set: ${reason}${limit.blockers.map(describeBlocker).join('')}`,
        remedy: refusedLimitRemedy(limit, server.user),
      };
  }
}

function describeBlocker({ pid, gid, role, transactionSeconds }: LockBlocker): string {
  const who = pid === null ? `the prepared transaction ${gid}` : `pid ${pid}`;
  return `; ${who} of ${role} changed a role in a transaction that has been open for ${formatDuration(transactionSeconds ?? 0)}`;
}

function refusedLimitRemedy(
  { role, sqlState, blockers }: Extract<LimitOutcome, { outcome: 'refused' }>,
  reaper: string,
): string {
  const [first] = blockers;
  if (first !== undefined) return endHolder(first);
  if (sqlState === SQLSTATE.insufficientPrivilege) return limitGrant(role, reaper);
  return 'the next run tries again; if it stays, the message above says what is in the way';
}

/** What takes a lock from its holder. */
function endHolder({ pid, gid }: Pick<LockBlocker, 'pid' | 'gid'>): string {
  return pid === null ? `ROLLBACK PREPARED ${quoteLiteral(gid ?? '')};` : `SELECT pg_terminate_backend(${pid});`;
}

/** Another run of this reaper was at work. */
export function anotherRun({ runAtWork }: InstanceResult): Finding | null {
  if (runAtWork === null) return null;
  return {
    severity: 'info',
    code: 'another_run',
    evidence: `another run of this reaper was at work on this server (pid ${runAtWork.pid}), so this one only looked`,
    remedy: 'nothing to do; what the other run did is in its own report',
  };
}

/** The most holders of the lock that are named: anybody can open as many as their role may. */
const MOST_INTRUDERS = 3;

/** Others held the lock of the runs, which nobody else has a use for. */
export function lockIntruders({ intruders }: InstanceResult): Finding | null {
  const [first] = intruders;
  if (first === undefined) return null;
  const named = intruders.slice(0, MOST_INTRUDERS).map(({ pid, gid, role, applicationName, ageSeconds }) => {
    const who = pid === null ? `the prepared transaction ${gid}` : `pid ${pid} ("${applicationName}")`;
    return `${who} of ${role}, there for ${formatDuration(ageSeconds ?? 0)}`;
  });
  const more = intruders.length > named.length ? ` and ${intruders.length - named.length} more` : '';
  return {
    severity: 'warning',
    code: 'lock_intruder',
    evidence: `the lock of the reaper's runs, which nothing but the reaper uses, is held by ${named.join('; ')}${more}. This run went on without it`,
    remedy: `it blocks nothing. Ask the owner of ${first.role} why it takes this lock; to end it: ${intruders.slice(0, MOST_INTRUDERS).map(endHolder).join(' ')}`,
  };
}

/** Sessions that an earlier run left behind. */
export function lostRuns({ lostRuns: runs }: InstanceResult): Finding | null {
  if (runs.length === 0) return null;
  return {
    severity: 'info',
    code: 'lost_run',
    evidence: `an earlier run left its session behind (pid ${runs.map(({ pid }) => pid).join(', ')}): its function was stopped, or its goodbye was lost`,
    remedy: 'nothing to do; this run signalled that session to end. If it happens often, raise timeout',
  };
}

/** Where temporary tables would not have been seen. */
export function uncheckedTemporaryTables({ uncheckedDatabases }: InstanceResult): Finding | null {
  if (uncheckedDatabases.length === 0) return null;
  const listed = uncheckedDatabases.slice(0, 5).map(({ name, reason }) => `${name} (${reason})`);
  const more = uncheckedDatabases.length > 5 ? ` and ${uncheckedDatabases.length - 5} more` : '';
  return {
    severity: 'info',
    code: 'temporary_tables_not_checked',
    evidence: `temporary tables not checked in ${listed.join(', ')}${more}: their owners there are not spared`,
    remedy:
      'grant the reaper CONNECT on that database if it is denied, or spare its applications with a rule on database',
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
