/** Settings of the server, its databases and roles that let lost connections stay, or let one role take every slot. */
import { groupBy } from '../policy/group-by.js';
import type { ServerSettings } from '../policy/server-settings.js';
import { slotUse } from '../policy/slots.js';
import type { Backend, Snapshot } from '../policy/snapshot.js';
import { isInTransaction } from './chain.js';
import { connectionBudget } from './connection-budget.js';
import { type Diagnosis, isSuspicious } from './diagnosis.js';
import type { Finding } from './finding.js';
import type { InstanceResult } from './instance-result.js';
import { quoteIdentifier } from './quote-sql.js';

/** The share of the slots from which settings matter although nothing is suspicious. */
const FULL_PERCENT = 80;

/** What operating systems have; from there on a lost host is noticed after hours. */
const LONG_KEEPALIVE_SECONDS = 7_200;

const FORGOTTEN_TRANSACTION_SECONDS = 60;

const MANY_CONNECTIONS = 500;

/** Memory of one connection that has worked for a while. */
const CONNECTION_BYTES = 10 * 1024 ** 2;

const GREEDY_SHARE = 0.2;

const NEAR_LIMIT = 0.9;

/** The most names in one finding. */
const MOST_NAMES = 3;

/**
 * What the settings have to do with the slots. Warnings always come; advice only while something is suspicious, or the
 * server is nearly full: a healthy server needs none.
 */
export function settingFindings(result: InstanceResult, snapshot: Snapshot): readonly Finding[] {
  const { diagnoses } = result;
  const backends = diagnoses.flatMap((diagnosis) => diagnosis.backends).filter(({ role }) => role !== null);
  const matters = diagnoses.some(isSuspicious) || slotUse(snapshot).usedPercent >= FULL_PERCENT;
  const advice = () => [
    roleWithoutLimit(result, snapshot),
    idleInTransactionTimeout(snapshot.settings, diagnoses),
    idleSessionTimeout(snapshot.settings, diagnoses),
    keepalives(snapshot.settings),
    connectionCheck(snapshot.settings),
    manyConnections(snapshot),
  ];
  return [databaseNearLimit(snapshot), superuserApplication(backends), ...(matters ? advice() : [])].filter(
    (finding) => finding !== null,
  );
}

function databaseNearLimit({ settings, backends, server }: Snapshot): Finding | null {
  const near = settings.limitedDatabases
    .map(({ name, connectionLimit }) => ({
      name,
      connectionLimit,
      used: backends.filter(({ database }) => database === name).length,
    }))
    // A limit of 0 shuts everybody out on purpose.
    .filter(({ connectionLimit, used }) => connectionLimit > 0 && used >= connectionLimit * NEAR_LIMIT)
    .toSorted((a, b) => b.used / b.connectionLimit - a.used / a.connectionLimit)
    .slice(0, MOST_NAMES);
  if (near.length === 0) return null;
  return {
    severity: near.some(({ connectionLimit, used }) => used >= connectionLimit) ? 'critical' : 'warning',
    code: 'database_near_limit',
    evidence: `${near.map(({ name, connectionLimit, used }) => `database ${name} has ${used} connections of ${connectionLimit}`).join(', ')} (its own CONNECTION LIMIT): at the limit the server rejects logins to it, although slots are free`,
    remedy: `find out who holds them. To raise the limit: ${near
      .map(({ name, connectionLimit }) => {
        const raised = Math.min(2 * connectionLimit, server.maxConnections);
        return `ALTER DATABASE ${quoteIdentifier(name)} CONNECTION LIMIT ${raised};`;
      })
      .join(' ')}`,
  };
}

/** One session may be a person; several from elsewhere are an application. */
function superuserApplication(backends: readonly Backend[]): Finding | null {
  const remote = backends.filter(({ superuser, clientAddr }) => superuser && clientAddr !== null);
  const used = byRole(remote).filter((one) => one.backends.length >= 2);
  const [first] = used;
  if (first === undefined) return null;
  const count = used.reduce((sum, one) => sum + one.backends.length, 0);
  return {
    severity: 'warning',
    code: 'superuser_application',
    evidence: `${count} connections over the network log in as the superuser ${names(used)}: no CONNECTION LIMIT applies to a superuser, it takes the reserved slots too, and the reaper spares it`,
    remedy: `give that application a role of its own: CREATE ROLE ${quoteIdentifier(`${first.role}_app`)} LOGIN NOSUPERUSER; and grant it what it needs`,
  };
}

/** Not for the roles of suspects, whose own part of the report says which limit fits, and not for declared limits. */
function roleWithoutLimit({ diagnoses, roleLimits }: InstanceResult, snapshot: Snapshot): Finding | null {
  const { usable } = slotUse(snapshot);
  const suspects = diagnoses.filter(isSuspicious).flatMap(({ roles }) => roles);
  const known = new Set([...roleLimits, ...suspects].map(({ role }) => role));
  const greedy = connectionBudget(snapshot, diagnoses)
    .filter(({ role, used, limit }) => limit === null && !known.has(role) && used >= usable * GREEDY_SHARE)
    .flatMap(({ role, used, advised }) => (advised === null ? [] : [{ role, used, advised }]))
    .slice(0, MOST_NAMES);
  if (greedy.length === 0) return null;
  const held = greedy.map(({ role, used }) => `${role} holds ${used}`).join(', ');
  return {
    severity: 'info',
    code: 'role_without_limit',
    evidence: `${held} of ${usable} usable slots, without a CONNECTION LIMIT: a leak there can take every slot`,
    remedy: `set it in roleLimits, or: ${greedy.map(({ role, advised }) => `ALTER ROLE ${quoteIdentifier(role)} CONNECTION LIMIT ${advised};`).join(' ')}`,
  };
}

/** Not for a leak in transactions, whose own remedy says it. */
function idleInTransactionTimeout(settings: ServerSettings, diagnoses: readonly Diagnosis[]): Finding | null {
  const name = 'idle_in_transaction_session_timeout';
  const endless = diagnoses
    .filter(({ verdict }) => verdict !== 'leak_in_transaction')
    .flatMap(({ backends }) => backends)
    .filter((backend) => backend.role !== null)
    .filter((backend) => !isOn(settings, name, settings.idleInTransactionSessionTimeout, backend));
  if (endless.length === 0) return null;
  const forgotten = endless.filter(
    (backend) => isInTransaction(backend) && (backend.stateSeconds ?? 0) > FORGOTTEN_TRANSACTION_SECONDS,
  );
  const roles = byRole(forgotten).slice(0, MOST_NAMES);
  const code = 'no_idle_in_transaction_timeout';
  if (roles.length === 0) {
    return {
      severity: 'info',
      code,
      evidence: `${name} is 0 for ${names(byRole(endless))}: the server never ends a transaction that its client left open`,
      remedy: forServer(name, "'1min'"),
    };
  }
  return {
    severity: 'info',
    code,
    evidence: `${forgotten.length} connections of ${names(roles)} have been idle in transaction for over a minute, and ${name} is 0 for them`,
    remedy: `for new sessions: ${roles.map(({ role }) => `ALTER ROLE ${quoteIdentifier(role)} SET ${name} = '1min';`).join(' ')}`,
  };
}

/** Only for a role that leaks: it also ends what a healthy pool keeps open. */
function idleSessionTimeout(settings: ServerSettings, diagnoses: readonly Diagnosis[]): Finding | null {
  const name = 'idle_session_timeout';
  const leaked = diagnoses.filter(isSuspicious).flatMap((diagnosis) => diagnosis.leaked);
  const [first] = byRole(
    leaked.filter((backend) => backend.state === 'idle' && !isOn(settings, name, settings.idleSessionTimeout, backend)),
  );
  if (first === undefined) return null;
  return {
    severity: 'info',
    code: 'no_idle_session_timeout',
    evidence: `${name} is 0 for ${first.role}: the server never ends an idle connection by itself`,
    remedy: `until the leak is fixed, set a value longer than its pool keeps idle connections; it applies to new sessions: ALTER ROLE ${quoteIdentifier(first.role)} SET ${name} = '1h';`,
  };
}

function keepalives({ tcpKeepalivesIdle: seconds }: ServerSettings): Finding | null {
  if (seconds === null || (seconds > 0 && seconds < LONG_KEEPALIVE_SECONDS)) return null;
  const value = seconds === 0 ? "0 (the operating system's value, usually 2 hours)" : `${seconds} seconds`;
  return {
    severity: 'info',
    code: 'slow_keepalives',
    evidence: `tcp_keepalives_idle is ${value}: the connections of a lost host keep their slots that long`,
    remedy: forServer('tcp_keepalives_idle', '60'),
  };
}

function connectionCheck({ clientConnectionCheckInterval }: ServerSettings): Finding | null {
  if (clientConnectionCheckInterval !== 0) return null;
  return {
    severity: 'info',
    code: 'no_client_connection_check',
    evidence: 'client_connection_check_interval is 0: a statement runs to its end even if its client is gone',
    remedy: forServer('client_connection_check_interval', "'10s'"),
  };
}

function manyConnections({ server, settings }: Snapshot): Finding | null {
  const needed = server.maxConnections * CONNECTION_BYTES;
  // Memory itself cannot be seen; shared_buffers is a quarter of it by the usual advice, on Aurora three quarters.
  if (server.maxConnections <= MANY_CONNECTIONS || needed <= settings.sharedBuffers) return null;
  const work = settings.workMem === null ? '' : `; each sort takes up to ${size(settings.workMem)} more (work_mem)`;
  return {
    severity: 'info',
    code: 'max_connections_high',
    evidence: `max_connections is ${server.maxConnections}: so many connections take about ${size(needed)} of memory (10 MB each), in addition to shared_buffers of ${size(settings.sharedBuffers)}${work}. A leak goes unnoticed until memory runs out`,
    remedy: `fix the leak first, then lower it to what the pools need (this needs a restart; on RDS, use the parameter group): ALTER SYSTEM SET max_connections = ${MANY_CONNECTIONS};`,
  };
}

/** Whether a setting is on for a connection of this kind. What its own session set cannot be seen. */
function isOn(settings: ServerSettings, name: string, ofServer: number | null, backend: Backend): boolean {
  // PostgreSQL's order: a role in a database, a role, a database, all.
  const rank = ({ role, database }: ServerSettings['overrides'][number]) =>
    (role === null ? 0 : 2) + (database === null ? 0 : 1);
  const [nearest] = settings.overrides
    .filter(
      (one) =>
        one.name === name &&
        (one.role === null || one.role === backend.role) &&
        (one.database === null || one.database === backend.database),
    )
    .toSorted((a, b) => rank(b) - rank(a));
  return nearest === undefined ? ofServer !== 0 : Number.parseFloat(nearest.value) > 0;
}

interface RoleBackends {
  readonly role: string;
  readonly backends: readonly Backend[];
}

/** The role with the most connections first. */
function byRole(backends: readonly Backend[]): readonly RoleBackends[] {
  return [...groupBy(backends, ({ role }) => role ?? '')]
    .map(([role, own]) => ({ role, backends: own }))
    .filter(({ role }) => role !== '')
    .toSorted((a, b) => b.backends.length - a.backends.length);
}

function names(roles: readonly RoleBackends[]): string {
  const named = roles.slice(0, MOST_NAMES).map(({ role }) => role);
  return named.join(', ') + (roles.length > named.length ? ` and ${roles.length - named.length} more` : '');
}

function forServer(name: string, value: string): string {
  return `on RDS set it in the parameter group; elsewhere: ALTER SYSTEM SET ${name} = ${value}; SELECT pg_reload_conf();`;
}

function size(bytes: number): string {
  const gigabytes = bytes / 1024 ** 3;
  return gigabytes >= 1 ? `${Math.round(gigabytes)} GB` : `${Math.round(bytes / 1024 ** 2)} MB`;
}
