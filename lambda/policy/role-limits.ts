/** Which role limits differ from the declared ones, and what keeps a limit from being set. */
import type { Policy } from './policy.js';
import { rotationBase, twinOf } from './rotation-twin.js';
import type { Snapshot } from './snapshot.js';

/** What keeps a declared limit from being set. */
export type LimitObstacle =
  | 'missing'
  /** A server in recovery takes its roles from the primary. */
  | 'in_recovery'
  /** The limit would lock the reaper itself out. */
  | 'own_role'
  /** Superusers are never held to a limit, and only a superuser may alter one. */
  | 'superuser'
  /** More than the server takes of all roles together, so the limit would hold nobody. */
  | 'above_max_connections';

/** A role whose connection limit is not the declared one, or can't have an effect. */
export interface LimitChange {
  readonly role: string;
  /** `null`: no limit, or no such role. */
  readonly from: number | null;
  readonly to: number;
  readonly obstacle: LimitObstacle | null;
}

/** A login of the reaper needs a slot of its own, and one more while the last run's is still closing. */
const LEAST_OWN_LIMIT = 2;

/** The declared limits that differ, for the roles and for the twins that rotation makes of them. */
export function planLimits(snapshot: Snapshot, { roleLimits }: Policy): readonly LimitChange[] {
  return Object.entries(roleLimits).flatMap(([role, to]) => {
    const twin = twinOf(role);
    // A twin comes and goes with rotation: no fault when there is none. One that is declared speaks for itself.
    const hasTwin = !Object.hasOwn(roleLimits, twin) && snapshot.roles.some(({ name }) => name === twin);
    return [...planLimit(role, to, snapshot), ...(hasTwin ? planLimit(twin, to, snapshot) : [])];
  });
}

function planLimit(role: string, to: number, { server, roles }: Snapshot): readonly LimitChange[] {
  const found = roles.find(({ name }) => name === role);
  const obstacle = obstacleOf();
  if (found?.connectionLimit === to && obstacle !== 'above_max_connections') return [];
  return [{ role, from: found?.connectionLimit ?? null, to, obstacle }];

  function obstacleOf(): LimitObstacle | null {
    if (found === undefined) return 'missing';
    if (server.inRecovery) return 'in_recovery';
    if (found.superuser && !server.superuser) return 'superuser';
    if (rotationBase(role) === rotationBase(server.user) && to < LEAST_OWN_LIMIT) return 'own_role';
    if (to > server.maxConnections) return 'above_max_connections';
    return null;
  }
}
