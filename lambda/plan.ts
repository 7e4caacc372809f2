import { REAPER_APPLICATION_NAME } from './contract.js';
import type { Seconds } from './duration.js';
import type { Policy } from './policy.js';
import { rotationBase, twinOf } from './rotation-twin.js';
import { percentOf } from './slots.js';
import { type Backend, type Snapshot, usableSlots } from './snapshot.js';

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
  | 'below_idle_after'
  /** A rule with `spare: true`. */
  | 'rule'
  | 'advisory_lock'
  | 'temporary_table'
  | 'listen'
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

/** What keeps a declared limit from being set. */
export type LimitObstacle =
  | 'missing'
  /** A server in recovery takes its roles from the primary. */
  | 'in_recovery'
  /** The limit would lock the reaper itself out. */
  | 'own_role'
  /** Superusers are never held to a limit, and only a superuser may alter one. */
  | 'superuser';

/** A role whose connection limit is not the declared one. */
export interface LimitChange {
  readonly role: string;
  /** `null`: no limit, or no such role. */
  readonly from: number | null;
  readonly to: number;
  readonly obstacle: LimitObstacle | null;
}

/** What is to be done. Nothing has been done yet. */
export interface Plan {
  /** In the order they are to be ended. */
  readonly terminations: readonly Backend[];
  readonly spared: readonly Spared[];
  readonly limitChanges: readonly LimitChange[];
}

/** Amazon's own roles on RDS and Aurora; ending their sessions can take the instance down. */
const PROVIDER_ROLES: ReadonlySet<string> = new Set(['rdsadmin', 'rdstopmgr', 'rdsrepladmin', 'rdsproxyadmin']);

/** A login of the reaper needs a slot of its own, and one more while the last run's is still closing. */
const LEAST_OWN_LIMIT = 2;

/** Decides whom to end, whom to spare and why, and which role limits to set. */
export function planRun(snapshot: Snapshot, policy: Policy): Plan {
  const judge = judgeBy(snapshot, policy);
  const verdicts = snapshot.backends.map((backend) => ({ backend, ...judge(backend) }));
  const overdue = verdicts.filter(({ reason }) => reason === null);
  const excess = excessOf(
    verdicts.filter(({ trimmable }) => trimmable),
    overdue,
    snapshot,
    policy,
  );
  const { chosen, left } = choose([...overdue, ...excess], snapshot, policy);
  const spared = verdicts.flatMap((verdict) =>
    verdict.reason === null || excess.includes(verdict) ? [] : [{ backend: verdict.backend, reason: verdict.reason }],
  );
  return { terminations: chosen, spared: [...spared, ...left], limitChanges: planLimits(snapshot, policy) };
}

interface Verdict {
  /** `null`: may be ended. */
  readonly reason: SpareReason | null;
  /** How many its application keeps at least. */
  readonly keep: number;
  /** Spared for its idle time alone, and idle long enough to go if its role is above its limit. */
  readonly trimmable: boolean;
}

function judgeBy(snapshot: Snapshot, policy: Policy): (backend: Backend) => Verdict {
  const usualIdleAfter = patience(snapshot, policy);
  return (backend) => {
    const rule = policy.rules.find(({ matches }) => matches(backend));
    const holding = rule?.endHolders === true ? null : sparedByHoldings(backend);
    const reason =
      alwaysSpared(backend, snapshot) ??
      sparedByState(backend, policy) ??
      (policy.selects(backend) ? null : 'not_selected') ??
      (rule?.spare === true ? 'rule' : null) ??
      sparedByAge(backend, rule?.idleAfter ?? usualIdleAfter, policy) ??
      holding;
    return {
      reason,
      keep: rule?.keep ?? policy.keepPerApplication,
      trimmable: reason === 'below_idle_after' && holding === null && mayBeTrimmed(backend, policy),
    };
  };
}

/** What no setting undoes. Anything but a client backend is not even in the snapshot. */
function alwaysSpared(backend: Backend, { server }: Snapshot): SpareReason | null {
  if (!backend.readable) return 'unreadable';
  if (backend.state === 'starting') return 'starting';
  if (backend.role === null) return 'unknown_role';
  if (backend.superuser) return 'superuser';
  if (PROVIDER_ROLES.has(backend.role)) return 'provider_role';
  // Both, since any client may call itself what it likes.
  if (rotationBase(backend.role) === rotationBase(server.user) && backend.applicationName === REAPER_APPLICATION_NAME)
    return 'reaper';
  return null;
}

function sparedByState({ state }: Backend, policy: Policy): SpareReason | null {
  switch (state) {
    case 'idle':
      return null;
    case 'idle in transaction':
    case 'idle in transaction (aborted)':
      return policy.idleInTransactionAfter === null ? 'in_transaction' : null;
    case 'active':
    case 'fastpath function call':
      return 'active';
    default:
      return 'state_unknown';
  }
}

function sparedByAge({ state, stateSeconds }: Backend, idleAfter: Seconds, policy: Policy): SpareReason | null {
  if (stateSeconds === null) return 'state_unknown';
  const threshold =
    state === 'idle'
      ? (policy.idleAfterOverride ?? idleAfter)
      : (policy.idleInTransactionAfter ?? Number.POSITIVE_INFINITY);
  return stateSeconds >= threshold ? null : 'below_idle_after';
}

/** The threshold for backends without one of their own: the fuller the server, the shorter. */
function patience(snapshot: Snapshot, { idleAfter, pressure }: Policy): Seconds {
  const usedPercent = percentOf(snapshot.backends.length, usableSlots(snapshot.server));
  const reached = pressure.filter((tier) => usedPercent >= tier.usedPercent);
  return Math.min(idleAfter, ...reached.map((tier) => tier.idleAfter));
}

/** What would be lost with the session. Only a rule with `endHolders` lifts this protection. */
function sparedByHoldings(backend: Backend): SpareReason | null {
  if (backend.holdsAdvisoryLock) return 'advisory_lock';
  if (backend.ownsTemporaryTable) return 'temporary_table';
  if (backend.lastRanListen) return 'listen';
  return null;
}

interface Candidate {
  readonly backend: Backend;
  readonly keep: number;
}

/** How long a backend above its role's limit must have been idle; a pool's connection is used again sooner. */
const TRIM_AFTER_SECONDS = 30;

function mayBeTrimmed({ state, stateSeconds }: Backend, policy: Policy): boolean {
  return policy.trimExcess && state === 'idle' && (stateSeconds ?? 0) >= TRIM_AFTER_SECONDS;
}

/** As many of the trimmable as their role is above its declared limit once the overdue are gone, the oldest. */
function excessOf<Trimmable extends Candidate>(
  trimmable: readonly Trimmable[],
  overdue: readonly Candidate[],
  { backends }: Snapshot,
  { roleLimits }: Policy,
): readonly Trimmable[] {
  const limited = ({ role }: Backend) => {
    const name = role ?? '';
    return Object.hasOwn(roleLimits, name) ? name : rotationBase(name);
  };
  const used = countBy(backends, limited);
  const going = countBy(overdue, ({ backend }) => limited(backend));
  return [...groupBy(oldestFirst(trimmable), ({ backend }) => limited(backend))].flatMap(([role, group]) => {
    const limit = roleLimits[role];
    if (limit === undefined) return [];
    return group.slice(0, Math.max(0, (used.get(role) ?? 0) - (going.get(role) ?? 0) - limit));
  });
}

/**
 * Takes from the application that has the most backends left, its longest idle first. Every application has the same
 * fair share of the slots, so the one with the most is the one furthest over it.
 */
function choose(
  candidates: readonly Candidate[],
  snapshot: Snapshot,
  policy: Policy,
): { readonly chosen: readonly Backend[]; readonly left: readonly Spared[] } {
  const remaining = countBy(snapshot.backends, policy.attribute);
  const queues = [...groupBy(oldestFirst(candidates), ({ backend }) => policy.attribute(backend))];
  const chosen: Backend[] = [];
  const left: Spared[] = [];
  for (;;) {
    const next = furthestOver(queues, remaining);
    if (next === undefined) return { chosen, left };
    const [application, queue] = next;
    const candidate = queue.shift();
    if (candidate === undefined) continue;
    const { backend, keep } = candidate;
    const count = remaining.get(application) ?? 0;
    if (count <= keep) left.push({ backend, reason: 'keep' });
    else if (policy.maxTerminations !== null && chosen.length >= policy.maxTerminations)
      left.push({ backend, reason: 'max_terminations' });
    else {
      chosen.push(backend);
      remaining.set(application, count - 1);
    }
  }
}

type Queue = readonly [application: string, candidates: Candidate[]];

function furthestOver(queues: readonly Queue[], remaining: ReadonlyMap<string, number>): Queue | undefined {
  let furthest: Queue | undefined;
  let most = -1;
  for (const queue of queues) {
    const count = remaining.get(queue[0]) ?? 0;
    if (queue[1].length > 0 && count > most) {
      furthest = queue;
      most = count;
    }
  }
  return furthest;
}

function oldestFirst<Any extends Candidate>(candidates: readonly Any[]): readonly Any[] {
  return [...candidates].sort((a, b) => (b.backend.stateSeconds ?? 0) - (a.backend.stateSeconds ?? 0));
}

function planLimits(snapshot: Snapshot, { roleLimits }: Policy): readonly LimitChange[] {
  return Object.entries(roleLimits).flatMap(([role, to]) => {
    const twin = twinOf(role);
    // A twin comes and goes with rotation: no fault when there is none. One that is declared speaks for itself.
    const hasTwin = !Object.hasOwn(roleLimits, twin) && snapshot.roles.some(({ name }) => name === twin);
    return [...planLimit(role, to, snapshot), ...(hasTwin ? planLimit(twin, to, snapshot) : [])];
  });
}

function planLimit(role: string, to: number, { server, roles }: Snapshot): readonly LimitChange[] {
  const found = roles.find(({ name }) => name === role);
  if (found?.connectionLimit === to) return [];
  return [{ role, from: found?.connectionLimit ?? null, to, obstacle: obstacleOf() }];

  function obstacleOf(): LimitObstacle | null {
    if (found === undefined) return 'missing';
    if (server.inRecovery) return 'in_recovery';
    if (found.superuser && !server.superuser) return 'superuser';
    if (rotationBase(role) === rotationBase(server.user) && to < LEAST_OWN_LIMIT) return 'own_role';
    return null;
  }
}

function groupBy<Item>(items: readonly Item[], key: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}

function countBy<Item>(items: readonly Item[], key: (item: Item) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}
