/** Findings about missing privileges of the reaper. */
import type { Policy } from '../policy/policy.js';
import { rotationBase } from '../policy/rotation-twin.js';
import type { Snapshot } from '../policy/snapshot.js';
import type { Finding } from './finding.js';
import type { InstanceResult } from './instance-result.js';
import { quoteIdentifier } from './quote-sql.js';

/** What the login may not see or terminate. */
export function blindness({ server, backends }: Snapshot): readonly (Finding | null)[] {
  const unreadable = backends.filter(({ readable }) => !readable).length;
  const user = quoteIdentifier(server.user);
  return [
    unreadable === 0 && server.mayReadAllStats
      ? null
      : {
          severity: 'critical',
          code: 'unreadable_backends',
          evidence:
            unreadable === 0
              ? `${server.user} has no privilege, or inherits none, to see the state of other roles' connections`
              : `the state of ${unreadable} of ${backends.length} connections is hidden from ${server.user}; the reaper can neither judge nor terminate them`,
          remedy: `GRANT pg_read_all_stats TO ${user};`,
        },
    server.maySignalBackends
      ? null
      : {
          severity: 'critical',
          code: 'may_not_terminate',
          evidence: `${server.user} may terminate connections of its own role only`,
          remedy: `GRANT pg_signal_backend TO ${user};`,
        },
  ];
}

/** Said before the limit differs; where it does, what became of it says it. No grant reaches superusers. */
export function unalterableRoles(
  { roleLimits }: InstanceResult,
  { server, roles }: Snapshot,
  policy: Policy,
): readonly Finding[] {
  if (server.inRecovery) return [];
  return roles
    .filter(({ name, superuser, mayAlter }) => !mayAlter && !superuser && Object.hasOwn(policy.roleLimits, name))
    .filter(({ name }) => !roleLimits.some(({ role, outcome }) => role === name && outcome !== 'would_change'))
    .map(({ name }) => ({
      severity: 'warning',
      code: 'may_not_alter',
      evidence: `${server.user} may not set the connection limit of ${name}`,
      remedy: limitGrant(name, server.user),
    }));
}

/** What lets the login set a role's limit, and no more than that. */
export function limitGrant(role: string, login: string): string {
  return `run infra/grants.sql again for the role ${rotationBase(login)}, with ${role} among its limited_roles`;
}
