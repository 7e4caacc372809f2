/** Declared role limits that could not be set, or have no effect. */
import { formatDuration } from '../input/duration.js';
import type { LimitOutcome, LockBlocker } from '../policy/outcome.js';
import type { Snapshot } from '../policy/snapshot.js';
import type { Finding } from './finding.js';
import { limitGrant } from './privileges.js';
import { releaseLock } from './release-lock.js';
import { SQLSTATE } from './sqlstate.js';

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
        evidence: `${declared} has no effect: there is no such role`,
        remedy: 'check the spelling (names are case sensitive), or remove it from roleLimits',
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
        remedy: 'remove it from roleLimits, or declare at least 2',
      };
    case 'superuser':
      return {
        severity: 'warning',
        code: 'role_limit_superuser',
        evidence: `${declared} would have no effect: ${role} is a superuser, and superusers are exempt`,
        remedy: 'applications should not log in as a superuser; give this one a role of its own, and declare that',
      };
    case 'unconfirmed':
      return {
        severity: 'warning',
        code: 'role_limit_unconfirmed',
        evidence: `${declared} may or may not have been set: ${reason}`,
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
  if (first !== undefined) return releaseLock(first);
  if (sqlState === SQLSTATE.insufficientPrivilege) return limitGrant(role, reaper);
  return 'the next run tries again; if it stays, the message above says the reason';
}
