/** Which of the connections that may be terminated are chosen: what an application keeps, caps, role limits. */
import { countBy, groupBy } from './group-by.js';
import type { Verdict } from './judge.js';
import type { Policy } from './policy.js';
import { rotationBase } from './rotation-twin.js';
import type { Backend, Snapshot } from './snapshot.js';
import type { Spared } from './spared.js';

/** As many of the trimmable as their role is above its declared limit once the overdue are gone, the oldest. */
export function excessOf(
  trimmable: readonly Verdict[],
  overdue: readonly Verdict[],
  { backends }: Snapshot,
  { roleLimits }: Policy,
): readonly Verdict[] {
  const limited = (backend: Backend) => limitedRole(backend, { roleLimits }) ?? '';
  const used = countBy(backends, limited);
  const going = countBy(overdue, ({ backend }) => limited(backend));
  return [...groupBy(oldestFirst(trimmable), ({ backend }) => limited(backend))].flatMap(([role, group]) => {
    const limit = Object.hasOwn(roleLimits, role) ? roleLimits[role] : undefined;
    if (limit === undefined) return [];
    return group.slice(0, Math.max(0, (used.get(role) ?? 0) - (going.get(role) ?? 0) - limit));
  });
}

/** The role with a declared limit that a backend counts for, its own or the one it is the twin of; `null` without a limit. */
export function limitedRole({ role }: Backend, { roleLimits }: Pick<Policy, 'roleLimits'>): string | null {
  const name = role ?? '';
  return [name, rotationBase(name)].find((one) => Object.hasOwn(roleLimits, one)) ?? null;
}

/**
 * Takes from the application that has the most backends left, its longest idle first. Every application has the same
 * fair share of the slots, so the one with the most is the one furthest over it.
 */
export function choose(
  candidates: readonly Verdict[],
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

type Queue = readonly [application: string, candidates: Verdict[]];

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

function oldestFirst(candidates: readonly Verdict[]): readonly Verdict[] {
  return [...candidates].sort((a, b) => (b.backend.stateSeconds ?? 0) - (a.backend.stateSeconds ?? 0));
}
