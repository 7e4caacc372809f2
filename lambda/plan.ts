import { REAPER_APPLICATION_NAME } from './contract.js';
import type { CompiledRule, Policy } from './policy.js';
import type { Backend, Snapshot } from './snapshot.js';

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
  /** Chosen, but the session broke before its turn. */
  | 'session_lost';

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
  | 'own_role';

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
  const spared: Spared[] = [];
  const candidates: Candidate[] = [];
  for (const backend of snapshot.backends) {
    const rule = policy.rules.find(({ matches }) => matches(backend));
    const reason =
      alwaysSpared(backend, snapshot) ??
      sparedByState(backend, policy) ??
      (policy.selects(backend) ? null : 'not_selected') ??
      (rule?.spare === true ? 'rule' : null) ??
      sparedByAge(backend, rule, policy) ??
      (rule?.spare === false ? null : sparedByHoldings(backend));
    if (reason === null) candidates.push({ backend, keep: rule?.keep ?? policy.keepPerApplication });
    else spared.push({ backend, reason });
  }
  const { chosen, left } = choose(candidates, snapshot, policy);
  return { terminations: chosen, spared: [...spared, ...left], limitChanges: planLimits(snapshot, policy) };
}

/** What no setting undoes. Anything but a client backend is not even in the snapshot. */
function alwaysSpared(backend: Backend, { server }: Snapshot): SpareReason | null {
  if (!backend.readable) return 'unreadable';
  if (backend.state === 'starting') return 'starting';
  if (backend.role === null) return 'unknown_role';
  if (backend.superuser) return 'superuser';
  if (PROVIDER_ROLES.has(backend.role)) return 'provider_role';
  // Both, since any client may call itself what it likes.
  if (backend.role === server.user && backend.applicationName === REAPER_APPLICATION_NAME) return 'reaper';
  return null;
}

function sparedByState({ state }: Backend, policy: Policy): SpareReason | null {
  switch (state) {
    case 'idle':
      return null;
    case 'idle in transaction':
    case 'idle in transaction (aborted)':
      return policy.includeIdleInTransaction ? null : 'in_transaction';
    case 'active':
    case 'fastpath function call':
      return 'active';
    default:
      return 'state_unknown';
  }
}

function sparedByAge({ stateSeconds }: Backend, rule: CompiledRule | undefined, policy: Policy): SpareReason | null {
  if (stateSeconds === null) return 'state_unknown';
  const idleAfter = policy.idleAfterOverride ?? rule?.idleAfter ?? policy.idleAfter;
  return stateSeconds >= idleAfter ? null : 'below_idle_after';
}

/** What would be lost with the session. Only a rule with `spare: false` lifts this protection. */
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

function oldestFirst(candidates: readonly Candidate[]): readonly Candidate[] {
  return [...candidates].sort((a, b) => (b.backend.stateSeconds ?? 0) - (a.backend.stateSeconds ?? 0));
}

function planLimits({ server, roles }: Snapshot, policy: Policy): readonly LimitChange[] {
  return Object.entries(policy.roleLimits).flatMap(([role, to]): readonly LimitChange[] => {
    const found = roles.find(({ name }) => name === role);
    if (found?.connectionLimit === to) return [];
    return [{ role, from: found?.connectionLimit ?? null, to, obstacle: obstacleOf() }];

    function obstacleOf(): LimitObstacle | null {
      if (found === undefined) return 'missing';
      if (server.inRecovery) return 'in_recovery';
      if (role === server.user && to < LEAST_OWN_LIMIT) return 'own_role';
      return null;
    }
  });
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
