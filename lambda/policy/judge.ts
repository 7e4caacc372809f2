/**
 * Whether one connection may be terminated, and if not, why it is spared: every rule is here, such as those that spare
 * superusers, active connections, and holders of advisory locks or temporary tables.
 */
import { REAPER_APPLICATION_NAME } from '../contract/names.js';
import type { Seconds } from '../input/duration.js';
import type { Policy } from './policy.js';
import { rotationBase } from './rotation-twin.js';
import { percentOf } from './slots.js';
import { type Backend, type Server, type Snapshot, usableSlots } from './snapshot.js';
import type { SpareReason } from './spared.js';

/** What a policy says of one backend, looked at by itself. */
export interface Verdict {
  readonly backend: Backend;
  /** `null`: may be ended. */
  readonly reason: SpareReason | null;
  /** How many its application keeps at least. */
  readonly keep: number;
  /** Spared for its idle time alone, and idle long enough to go if its role is above its limit. */
  readonly trimmable: boolean;
}

/** Amazon's own roles on RDS and Aurora; ending their sessions can take the instance down. */
const PROVIDER_ROLES: ReadonlySet<string> = new Set(['rdsadmin', 'rdstopmgr', 'rdsrepladmin', 'rdsproxyadmin']);

/** Makes the judge of a run. */
export function judgeBy(snapshot: Snapshot, policy: Policy, ownRole: string): (backend: Backend) => Verdict {
  const usualIdleTimeout = patience(snapshot, policy);
  return (backend) => {
    const rule = policy.rules.find(({ matches }) => matches(backend));
    const holding = rule?.terminateStateful === true ? null : sparedByHoldings(backend, snapshot);
    const reason =
      alwaysSpared(backend, snapshot, ownRole) ??
      sparedByState(backend, policy) ??
      (policy.selects(backend) ? null : 'not_selected') ??
      (rule?.spare === true ? 'rule' : null) ??
      sparedByAge(backend, rule?.idleTimeout ?? usualIdleTimeout, policy) ??
      holding;
    return {
      backend,
      reason,
      keep: rule?.keep ?? policy.keepPerApplication,
      trimmable: reason === 'below_idle_timeout' && holding === null && mayBeTrimmed(backend, policy),
    };
  };
}

/** What no setting undoes. Anything but a client backend is not even in the snapshot. */
function alwaysSpared(backend: Backend, { server }: Snapshot, ownRole: string): SpareReason | null {
  if (!backend.readable) return 'unreadable';
  if (backend.state === 'starting') return 'starting';
  if (backend.role === null) return 'unknown_role';
  if (backend.superuser) return 'superuser';
  if (PROVIDER_ROLES.has(backend.role)) return 'provider_role';
  return isOfReaper(backend, server, ownRole) ? 'reaper' : null;
}

/** Whether a connection belongs to no application: it is the provider's, or a reaper's. */
export function isOfNoApplication(backend: Backend, server: Server, ownRole: string): boolean {
  return isOfReaper(backend, server, ownRole) || (backend.role !== null && PROVIDER_ROLES.has(backend.role));
}

function isOfReaper(backend: Backend, { user }: Server, ownRole: string): boolean {
  return backend.ofReaper || isOwnSession(backend, ownRole) || isOwnSession(backend, user);
}

/**
 * Whether a session is one of ours although the grants did not make its role. The name alone says nothing, since any client
 * may call itself what it likes; but nobody else can log in as our role, and it tells our sessions from an application's
 * that shares it.
 */
function isOwnSession({ role, applicationName }: Backend, ownRole: string): boolean {
  return (role === ownRole || role === rotationBase(ownRole)) && applicationName === REAPER_APPLICATION_NAME;
}

function sparedByState({ state }: Backend, policy: Policy): SpareReason | null {
  switch (state) {
    case 'idle':
      return null;
    case 'idle in transaction':
    case 'idle in transaction (aborted)':
      return policy.idleInTransactionTimeout === null ? 'in_transaction' : null;
    case 'active':
    case 'fastpath function call':
      return 'active';
    default:
      return 'state_unknown';
  }
}

function sparedByAge({ state, stateSeconds }: Backend, idleTimeout: Seconds, policy: Policy): SpareReason | null {
  if (stateSeconds === null) return 'state_unknown';
  const threshold =
    state === 'idle'
      ? (policy.idleTimeoutOverride ?? idleTimeout)
      : (policy.idleInTransactionTimeout ?? Number.POSITIVE_INFINITY);
  return stateSeconds >= threshold ? null : 'below_idle_timeout';
}

/** The threshold for backends without one of their own: the fuller the server, the shorter. */
function patience(snapshot: Snapshot, { idleTimeout, pressure }: Policy): Seconds {
  const usedPercent = percentOf(snapshot.backends.length, usableSlots(snapshot.server));
  const reached = pressure.filter((tier) => usedPercent >= tier.usedPercent);
  return Math.min(idleTimeout, ...reached.map((tier) => tier.idleTimeout));
}

/** What would be lost with the session. Only a rule with `terminateStateful` lifts this protection. */
function sparedByHoldings(backend: Backend, { server }: Snapshot): SpareReason | null {
  return backend.holding ?? (isOpenedByServer(backend, server) ? 'opened_by_server' : null);
}

/** What postgres_fdw calls itself unless its options say otherwise. */
const FOREIGN_DATA_WRAPPER = 'postgres_fdw';

/**
 * Whether a server opened a session, by postgres_fdw or dblink: its end would fail the transaction there that uses it. A
 * client on the server's own host is taken for one, as far as we come from elsewhere: on RDS and Aurora nothing else can be
 * there. dblink on another server is called whatever its connection string says, and can't be told.
 */
function isOpenedByServer({ applicationName, clientAddr }: Backend, { ownAddress, clientAddress }: Server): boolean {
  if (applicationName === FOREIGN_DATA_WRAPPER) return true;
  if (ownAddress === null || ownAddress === clientAddress) return false;
  return clientAddr === null || clientAddr === ownAddress || isLoopback(clientAddr);
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** How long a backend above its role's limit must have been idle; a pool's connection is used again sooner. */
const TRIM_AFTER_SECONDS = 30;

function mayBeTrimmed({ state, stateSeconds }: Backend, policy: Policy): boolean {
  return policy.terminateAboveRoleLimit && state === 'idle' && (stateSeconds ?? 0) >= TRIM_AFTER_SECONDS;
}
