/** Counts: the slots of a server, and what applications and roles hold of them. */
import type { Seconds } from '../input/duration.js';
import { groupBy } from './group-by.js';
import { type LimitOutcome, type Outcome, withOutcome } from './outcome.js';
import { rotationBase, twinOf } from './rotation-twin.js';
import type { Attribution } from './service.js';
import { type Snapshot, usableSlots } from './snapshot.js';

/** The slots of a server when it was looked at, before any were terminated. The reaper's own connection is not counted. */
export interface SlotUse {
  readonly usable: number;
  readonly used: number;
  readonly free: number;
  readonly usedPercent: number;
}

/** Counts the slots of a snapshot. */
export function slotUse({ server, backends }: Snapshot): SlotUse {
  const usable = usableSlots(server);
  const used = backends.length;
  return { usable, used, free: Math.max(0, usable - used), usedPercent: percentOf(used, usable) };
}

/** A part in percent, to two places; a part of nothing is all of it. */
export function percentOf(part: number, whole: number): number {
  if (whole === 0) return part === 0 ? 0 : 100;
  return Math.round((part / whole) * 10_000) / 100;
}

/** What one application holds, and what was taken from it. */
export interface ApplicationUse {
  readonly name: string;
  readonly connections: number;
  readonly idle: number;
  /** `null` when no connection is idle. */
  readonly oldestIdleSeconds: Seconds | null;
  readonly terminated: number;
}

/** Counts an instance's outcomes by application, the one with the most connections first. */
export function applicationUse(outcomes: readonly Outcome[], attribute: Attribution): readonly ApplicationUse[] {
  return [...groupBy(outcomes, ({ backend }) => attribute(backend))]
    .map(
      ([name, group]): ApplicationUse => ({
        name,
        ...countIdle(group),
        terminated: withOutcome(group, 'terminated').length,
      }),
    )
    .sort((a, b) => b.connections - a.connections || (a.name < b.name ? -1 : 1));
}

/** Counts connections and the idle ones. */
export function countIdle(
  outcomes: readonly Outcome[],
): Pick<ApplicationUse, 'connections' | 'idle' | 'oldestIdleSeconds'> {
  const idle = outcomes.filter(({ backend }) => backend.state === 'idle');
  const oldest = idle.reduce((most, { backend }) => Math.max(most, backend.stateSeconds ?? 0), 0);
  return { connections: outcomes.length, idle: idle.length, oldestIdleSeconds: idle.length === 0 ? null : oldest };
}

/** How full a role's connection limit is. */
export interface RoleUse {
  readonly role: string;
  readonly limit: number;
  readonly used: number;
}

/**
 * The roles that have a limit, after this run's changes, with the connections each one has. A rotation twin counts for the
 * role it was made of, unless it is declared itself. A limit of 0 shuts a role out; that is no room to run short of, so it is left out.
 */
export function limitedRoles(
  { roles, backends }: Pick<Snapshot, 'roles' | 'backends'>,
  changes: readonly LimitOutcome[],
  declared: readonly string[],
): readonly RoleUse[] {
  const changed = new Map(changes.filter(({ outcome }) => outcome === 'changed').map(({ role, to }) => [role, to]));
  return roles.flatMap(({ name, connectionLimit }) => {
    const limit = changed.get(name) ?? connectionLimit;
    if (limit === null || limit === 0) return [];
    const isOwn = (role: string) => declared.includes(role);
    const base = rotationBase(name);
    if (base !== name && !isOwn(name) && roles.some((role) => role.name === base)) return [];
    const names = isOwn(twinOf(name)) ? [name] : [name, twinOf(name)];
    return [{ role: name, limit, used: backends.filter(({ role }) => role !== null && names.includes(role)).length }];
  });
}
