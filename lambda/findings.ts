import { formatDuration } from './duration.js';
import { type LimitOutcome, withOutcome } from './outcome.js';
import type { Policy } from './policy.js';
import { type ApplicationUse, applicationUse, percentOf, slotUse } from './slots.js';
import type { Backend, Snapshot } from './snapshot.js';
import { quoteIdentifier } from './sql/identifier.js';
import { SQLSTATE } from './sqlstate.js';
import type { Visit } from './visit.js';

/** Something a person should know, with what to do about it. */
export interface Finding {
  /** `critical`: refused logins or a blind reaper, now. `warning`: on the way there. `info`: explained, no action owed. */
  readonly severity: 'critical' | 'warning' | 'info';
  readonly code: string;
  /** What was seen, with its numbers. */
  readonly evidence: string;
  /** What to do; SQL can be pasted. */
  readonly remedy: string;
}

/** From this share of the usable slots on, one application is the one to look at. */
const HOGGING_PERCENT = 50;

/** From this share of the usable slots on, an application's overdue idle backends are a leak and not a lapse. */
const LEAK_PERCENT = 10;

/** What an instance's visit shows, the worst first. */
export function findingsOf(visit: Visit, policy: Policy): readonly Finding[] {
  const { snapshot } = visit;
  if (snapshot === null) return [];
  const findings = [
    serverFull(visit, snapshot),
    wayIn(visit),
    ...blindness(snapshot),
    leakSuspect(visit, snapshot, policy),
    ...terminationTrouble(visit, snapshot),
    leftStanding(visit),
    ...visit.roleLimits.map((limit) => roleLimitTrouble(limit, snapshot)),
    ...unalterableRoles(visit, snapshot, policy),
    noReservedSlot(snapshot),
    oldPreparedTransactions(snapshot),
    anotherRun(visit),
  ].filter((finding) => finding !== null);
  const order = ['critical', 'warning', 'info'];
  return findings.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

function serverFull({ outcomes }: Visit, snapshot: Snapshot): Finding | null {
  const { used, usable, free } = slotUse(snapshot);
  if (free > 0) return null;
  const freed = withOutcome(outcomes, 'terminated').length;
  return {
    severity: 'critical',
    code: 'server_full',
    evidence: `${used} backends on ${usable} usable slots when this run began: none was left for ordinary roles, whose logins get SQLSTATE 53300`,
    remedy:
      freed > 0
        ? `${freed} slots are free again, for as long as it takes to leak them once more: mend the application that does`
        : 'end idle backends now, by hand: {"action":"reap","idleAfter":"1m","dryRun":false}',
  };
}

function wayIn({ login }: Visit): Finding | null {
  if (login === null || login.way === null || login.way === 'own') return null;
  const way = login.way === 'rescue' ? 'as a walsender (rescueLogin)' : 'by the break-glass secret';
  return {
    severity: 'warning',
    code: `login_by_${login.way}`,
    evidence: `the own login was refused (${login.refusals.join(', ')}); this run came in ${way}, after ${login.attempts} attempts`,
    remedy: 'give the own login a reserved slot, so that it needs no other way',
  };
}

/** Said before it is needed: on a full server it is too late. */
function noReservedSlot({ server }: Snapshot): Finding | null {
  if (server.hasReservedSlot) return null;
  const user = quoteIdentifier(server.user);
  const newer =
    (server.reservedConnections > 0
      ? ''
      : 'set reserved_connections = 2 (takes a restart; on RDS in the parameter group); ') +
    `GRANT pg_use_reserved_connections TO ${user};`;
  return {
    severity: 'info',
    code: 'no_reserved_slot',
    evidence: `no slot is kept free for ${server.user}: on a full server it can only knock until one is`,
    remedy:
      server.versionNumber >= 160_000
        ? newer
        : "before PostgreSQL 16 only superusers' slots are reserved (on RDS also rds_superuser's): set breakGlassSecretArn or rescueLogin",
  };
}

/** Prepared transactions outlive their session, hold locks and keep vacuum from its work. */
const OLD_PREPARED_SECONDS = 3600;

function oldPreparedTransactions({ server }: Snapshot): Finding | null {
  const { preparedTransactions, oldestPreparedSeconds } = server;
  if (oldestPreparedSeconds === null || oldestPreparedSeconds < OLD_PREPARED_SECONDS) return null;
  return {
    severity: 'warning',
    code: 'old_prepared_transactions',
    evidence: `${preparedTransactions} prepared transactions, the oldest for ${formatDuration(oldestPreparedSeconds)}; no backend holds them, so no reaping ends them`,
    remedy: 'SELECT gid, prepared, owner, database FROM pg_prepared_xacts; then COMMIT PREPARED or ROLLBACK PREPARED',
  };
}

function anotherRun({ contended }: Visit): Finding | null {
  if (!contended) return null;
  return {
    severity: 'info',
    code: 'another_run',
    evidence: 'another run was at work on this server, so this one only looked',
    remedy: 'nothing to do; what the other run did is in its own report',
  };
}

/** Said before the limit differs; where it does, the server's refusal says it. */
function unalterableRoles({ roleLimits }: Visit, { server, roles }: Snapshot, policy: Policy): readonly Finding[] {
  if (server.inRecovery) return [];
  return roles
    .filter(({ name, mayAlter }) => !mayAlter && Object.hasOwn(policy.roleLimits, name))
    .filter(({ name }) => !roleLimits.some(({ role, outcome }) => role === name && outcome === 'refused'))
    .map(({ name }) => ({
      severity: 'warning',
      code: 'may_not_alter',
      evidence: `${server.user} may not set the connection limit of ${name}`,
      remedy: alterGrant(name, server.user, server.versionNumber),
    }));
}

function blindness({ server, backends }: Snapshot): readonly (Finding | null)[] {
  const unreadable = backends.filter(({ readable }) => !readable).length;
  const user = quoteIdentifier(server.user);
  return [
    unreadable === 0 && server.mayReadAllStats
      ? null
      : {
          severity: 'critical',
          code: 'unreadable_backends',
          evidence: `the state of ${unreadable} of ${backends.length} backends is hidden from ${server.user}; none of those can be judged or ended`,
          remedy: `GRANT pg_read_all_stats TO ${user};`,
        },
    server.maySignalBackends
      ? null
      : {
          severity: 'critical',
          code: 'may_not_terminate',
          evidence: `${server.user} may end backends of its own role only`,
          remedy: `GRANT pg_signal_backend TO ${user};`,
        },
  ];
}

function leakSuspect(visit: Visit, snapshot: Snapshot, policy: Policy): Finding | null {
  const { outcomes } = visit;
  const { usable } = slotUse(snapshot);
  const overdue = outcomes.filter(({ outcome, backend }) => outcome !== 'spared' && backend.state === 'idle');
  const [suspect] = applicationUse(overdue, policy.attribute);
  const [largest] = applicationUse(outcomes, policy.attribute);
  if (suspect !== undefined && percentOf(suspect.backends, usable) >= LEAK_PERCENT) {
    const backends = overdue
      .map(({ backend }) => backend)
      .filter((backend) => policy.attribute(backend) === suspect.name);
    return {
      severity: 'warning',
      code: 'leak_suspect',
      evidence: `${suspect.name} ${describeLeak(suspect, usable, backends)}`,
      remedy:
        'make it give connections back (release or close in finally), and close idle ones sooner than the reaper does' +
        capAdvice(backends, usable, limitedNames(snapshot, policy)),
    };
  }
  if (largest === undefined || percentOf(largest.backends, usable) < HOGGING_PERCENT) return null;
  return {
    severity: 'warning',
    code: 'application_hogging',
    evidence: `${largest.name} holds ${largest.backends} of ${usable} usable slots, ${largest.idle} of them idle`,
    remedy: 'lower the size of its pool, times the number of its hosts, below its share of the slots',
  };
}

function describeLeak(suspect: ApplicationUse, usable: number, backends: readonly Backend[]): string {
  const hosts = new Set(backends.map(({ clientAddr }) => clientAddr ?? 'a local socket'));
  const roles = new Set(backends.map(({ role }) => role));
  return (
    `left ${suspect.backends} backends idle (of ${usable} usable slots), the oldest for ` +
    `${formatDuration(suspect.oldestIdleSeconds ?? 0)}, as ${listed([...roles])} from ${listed([...hosts])}`
  );
}

function listed(names: readonly (string | null)[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

/** Half of the usable slots: room to work in, and never the whole server. Nothing to say where there is a limit. */
function capAdvice(backends: readonly Backend[], usable: number, limited: ReadonlySet<string>): string {
  const role = backends.find((backend) => backend.role !== null)?.role;
  if (role === undefined || role === null || limited.has(role)) return '';
  return `; until then cap its role: ALTER ROLE ${quoteIdentifier(role)} CONNECTION LIMIT ${Math.max(1, Math.floor(usable / 2))};`;
}

/** The roles that have a limit or are to have one; 0 is one. */
function limitedNames({ roles }: Snapshot, { roleLimits }: Policy): ReadonlySet<string> {
  const limited = roles.filter(({ connectionLimit }) => connectionLimit !== null);
  return new Set([...limited.map(({ name }) => name), ...Object.keys(roleLimits)]);
}

/** Chosen, and left standing because the run could not go on. */
function leftStanding({ outcomes }: Visit): Finding | null {
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

function terminationTrouble({ outcomes }: Visit, { server }: Snapshot): readonly (Finding | null)[] {
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

function roleLimitTrouble(limit: LimitOutcome, { server }: Snapshot): Finding | null {
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
            ? alterGrant(role, server.user, server.versionNumber)
            : 'the next run tries again; if it stays, the message above says what is in the way',
      };
  }
}

function alterGrant(role: string, user: string, versionNumber: number): string {
  const creator = `ALTER ROLE ${quoteIdentifier(user)} CREATEROLE;`;
  return versionNumber >= 160_000
    ? `${creator} GRANT ${quoteIdentifier(role)} TO ${quoteIdentifier(user)} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;`
    : `${creator} (before PostgreSQL 16 this right reaches every role that is not a superuser)`;
}
