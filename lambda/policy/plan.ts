/** The plan of a run at one instance: whom to terminate, whom to spare, which role limits to set. */
import { choose, excessOf, limitedRole } from './choose.js';
import { countBy } from './group-by.js';
import { judgeBy, type Verdict } from './judge.js';
import type { Policy } from './policy.js';
import { type LimitChange, planLimits } from './role-limits.js';
import { slotUse } from './slots.js';
import type { Backend, Snapshot } from './snapshot.js';
import type { Spared } from './spared.js';

/** What is to be done. Nothing has been done yet. */
export interface Plan {
  /** In the order they are to be ended. */
  readonly terminations: readonly Backend[];
  readonly spared: readonly Spared[];
  readonly limitChanges: readonly LimitChange[];
  /**
   * The other databases of backends that may be ended, those with the most first. Whether a backend owns temporary tables
   * can be seen from within its database alone.
   */
  readonly unseenDatabases: readonly string[];
}

/**
 * Decides whom to end, whom to spare and why, and which role limits to set.
 *
 * @param ownRole the reaper's own role; by a break-glass login we are somebody else.
 * @param leaked the connections that the diagnosis calls leaked.
 */
export function planRun(
  snapshot: Snapshot,
  policy: Policy,
  ownRole = snapshot.server.user,
  leaked: readonly Backend[] = [],
): Plan {
  const spareHealthy = sparesHealthy(snapshot, policy, new Set(leaked));
  const verdicts = snapshot.backends.map(judgeBy(snapshot, policy, ownRole)).map(spareHealthy);
  const overdue = verdicts.filter(({ reason }) => reason === null);
  const trimmable = verdicts.filter((verdict) => verdict.trimmable);
  const excess = excessOf(trimmable, overdue, snapshot, policy);
  const { chosen, left } = choose([...overdue, ...excess], snapshot, policy);
  const isExcess = new Set(excess);
  const spared = verdicts.flatMap((verdict) =>
    verdict.reason === null || isExcess.has(verdict) ? [] : [{ backend: verdict.backend, reason: verdict.reason }],
  );
  return {
    terminations: chosen,
    spared: [...spared, ...left],
    limitChanges: planLimits(snapshot, policy),
    // Also of those that take the place of one who turns out to own temporary tables.
    unseenDatabases: databasesBut(
      snapshot.server.database,
      [...overdue, ...trimmable.filter(({ backend }) => limitedRole(backend, policy) !== null)].map(
        ({ backend }) => backend,
      ),
    ),
  };
}

/** With `reap: leaks` healthy connections go only when no slot is left: then getting in again is worth more. */
function sparesHealthy(
  snapshot: Snapshot,
  { leaksOnly }: Policy,
  leaked: ReadonlySet<Backend>,
): (verdict: Verdict) => Verdict {
  if (!leaksOnly || slotUse(snapshot).free === 0) return (verdict) => verdict;
  return (verdict) =>
    verdict.reason === null && !leaked.has(verdict.backend) ? { ...verdict, reason: 'not_leaked' } : verdict;
}

function databasesBut(own: string, backends: readonly Backend[]): readonly string[] {
  const counts = countBy(backends, ({ database }) => database ?? own);
  counts.delete(own);
  return [...counts].sort(([, a], [, b]) => b - a).map(([database]) => database);
}
