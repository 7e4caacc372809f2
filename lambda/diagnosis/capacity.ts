/** Findings about slots: a full server, the way in, no reserved slot. */
import { countBy } from '../policy/group-by.js';
import { withOutcome } from '../policy/outcome.js';
import { slotUse } from '../policy/slots.js';
import type { Snapshot } from '../policy/snapshot.js';
import type { Finding } from './finding.js';
import type { InstanceResult } from './instance-result.js';
import { isServerFull } from './login-refusal.js';
import { quoteIdentifier } from './quote-sql.js';

/** No slot was left when the run began. */
export function serverFull({ outcomes, diagnoses }: InstanceResult, snapshot: Snapshot): Finding | null {
  const { used, usable, free } = slotUse(snapshot);
  if (free > 0) return null;
  const freed = withOutcome(outcomes, 'terminated').length;
  return {
    severity: 'critical',
    code: 'server_full',
    evidence: `${used} of ${usable} usable slots were taken when this run began: the server rejects logins of ordinary roles with SQLSTATE 53300`,
    remedy:
      freed > 0
        ? `this run freed ${freed} slots. Fix the application that took them, or they fill up again`
        : diagnoses.some(({ leaked }) => leaked.length > 0)
          ? 'free slots with the command of the first suspect'
          : 'no service leaks: make the pools of the largest service smaller, or put a pooler in front. This event lists ' +
            'what can be terminated now, and changes nothing: {"action":"reap","idleTimeout":"1m","dryRun":true}',
  };
}

/** The login needed another way than its own. */
export function wayIn({ login }: InstanceResult, snapshot: Snapshot): Finding | null {
  if (login === null || login.way === null) return null;
  if (login.way === 'own') {
    if (!login.refusals.some(isServerFull)) return null;
    return {
      severity: 'warning',
      code: 'login_refused_at_first',
      evidence: `the server rejected the reaper's login at first (${login.refusals.join(', ')}); it succeeded after ${login.attempts} attempts in ${login.milliseconds} ms: the server was full, perhaps only with logins in progress`,
      remedy:
        reserveTaken(snapshot)?.remedy ??
        'raise reserved_connections (PostgreSQL 16 and newer), and let applications wait longer before they reconnect',
    };
  }
  const way =
    login.way === 'rescue' ? 'as a walsender, a replication connection (rescueLogin)' : 'with the break-glass secret';
  return {
    severity: 'warning',
    code: `login_by_${login.way}`,
    evidence: `the server rejected the reaper's own login (${login.refusals.join(', ')}); this run logged in ${way}, after ${login.attempts} attempts`,
    remedy: "give the reaper's role a reserved slot, so that its own login succeeds",
  };
}

/** Said before it is needed: on a full server it is too late. */
export function noReservedSlot({ server }: Snapshot): Finding | null {
  if (server.hasReservedSlot) return null;
  const user = quoteIdentifier(server.user);
  const setting = 'set reserved_connections = 2 (this needs a restart; on RDS, use the parameter group)';
  if (server.hasVainReserveGrant) {
    return {
      severity: 'info',
      code: 'no_reserved_slot',
      evidence: `${server.user} may use reserved slots, but reserved_connections is 0: on a full server the reaper can only retry its login until a slot is free`,
      remedy: setting,
    };
  }
  const newer = `${server.reservedConnections > 0 ? '' : `${setting}; `}GRANT pg_use_reserved_connections TO ${user};`;
  return {
    severity: 'info',
    code: 'no_reserved_slot',
    evidence: `${server.user} cannot use a reserved slot: on a full server the reaper can only retry its login until a slot is free`,
    remedy:
      server.versionNumber >= 160_000
        ? newer
        : 'before PostgreSQL 16 the server reserves slots only for superusers (on RDS also for rds_superuser): set breakGlassSecretArn or rescueLogin',
  };
}

const MOST_ROLES = 3;

/** Applications that could take every slot that `reserved_connections` keeps free. */
export function reserveTaken({ server, backends }: Snapshot): Finding | null {
  const { reservedConnections: reserved, user } = server;
  const takers = backends.filter(({ mayUseReserve, ofReaper, role }) => mayUseReserve && !ofReaper && role !== user);
  if (reserved === 0 || takers.length < reserved) return null;
  const roles = [...countBy(takers, ({ role }) => role ?? '?')].toSorted(([, a], [, b]) => b - a).slice(0, MOST_ROLES);
  return {
    severity: 'warning',
    code: 'reserve_taken',
    evidence:
      `roles of applications may use the ${reserved} slots that reserved_connections keeps, and hold ${takers.length} ` +
      `connections (${roles.map(([role, count]) => `${role} ${count}`).join(', ')}): on a full server they take the slot that ` +
      'the reaper needs',
    remedy:
      'let these applications log in by roles of their own: the master user of RDS may use the reserve through ' +
      `rds_superuser, others lose it with REVOKE pg_use_reserved_connections FROM ${quoteIdentifier(roles[0]?.[0] ?? '')};`,
  };
}
