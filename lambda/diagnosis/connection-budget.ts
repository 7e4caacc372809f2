/** How many connections each role needs, and the limit that follows: from what its healthy part used, never a fixed share. */
import { groupBy } from '../policy/group-by.js';
import { slotUse } from '../policy/slots.js';
import type { Backend, Snapshot } from '../policy/snapshot.js';
import { type Diagnosis, leakedConnections } from './diagnosis.js';
import { MONITORING_POOL } from './verdicts/monitoring.js';

/** What one role has, and may have. */
export interface RoleBudget {
  readonly role: string;
  readonly used: number;
  /** Of those in use, the ones that the diagnosis calls leaked. */
  readonly leaked: number;
  /** `null`: none is set. */
  readonly limit: number | null;
  /** `null` for superusers, whom no limit holds. */
  readonly advised: number | null;
}

/** A rolling deployment runs the old and the new copies at once. */
const ROLLING = 2;

/** A service needs some connections, even where every one that is seen has leaked. */
const LEAST = 5;

/** The budget of every role that has connections, the one with the most first. */
export function connectionBudget(snapshot: Snapshot, diagnoses: readonly Diagnosis[]): readonly RoleBudget[] {
  const leaked = new Set(leakedConnections(diagnoses));
  const monitors = new Set(
    diagnoses.filter(({ verdict }) => verdict === 'monitoring').flatMap(({ backends }) => backends),
  );
  const judged = diagnoses.flatMap(({ backends }) => backends);
  const roles = [...groupBy(judged, ({ role }) => role ?? '')].filter(([role]) => role !== '');
  const wishes = roles.map(([role, backends]) => ({
    role,
    backends,
    leaks: backends.filter((backend) => leaked.has(backend)).length,
    isMonitor: backends.every((backend) => monitors.has(backend)),
  }));
  const { usable } = slotUse(snapshot);
  const wished = wishes.map((wish) => wishOf(wish));
  const share = Math.min(
    1,
    usable /
      Math.max(
        1,
        wished.reduce((sum, wish) => sum + wish, 0),
      ),
  );
  return wishes
    .map(({ role, backends, leaks }, index) => ({
      role,
      used: backends.length,
      leaked: leaks,
      limit: snapshot.roles.find(({ name }) => name === role)?.connectionLimit ?? null,
      advised: backends.some(({ superuser }) => superuser)
        ? null
        : Math.max(1, Math.floor((wished[index] ?? 0) * share)),
    }))
    .toSorted((a, b) => b.used - a.used);
}

function wishOf({
  backends,
  leaks,
  isMonitor,
}: {
  readonly backends: readonly Backend[];
  readonly leaks: number;
  readonly isMonitor: boolean;
}): number {
  if (isMonitor) return ROLLING * MONITORING_POOL;
  const healthy = backends.length - leaks;
  const wish = Math.max(LEAST, ROLLING * healthy);
  // A limit above what leaks would stop nothing.
  return leaks === 0 ? wish : Math.max(1, Math.min(wish, Math.max(leaks - 1, healthy + 1)));
}
