import { isServerError, SQLSTATE } from './sqlstate.js';

/** Which limit a login ran into; all of them have the SQLSTATE 53300. */
export type Refusal =
  /** Not one slot is free, not even a superuser's. */
  | 'every_slot'
  /** What is free is reserved for others. */
  | 'reserved_slots'
  /** The CONNECTION LIMIT of the role that logs in. */
  | 'role_limit'
  /** The CONNECTION LIMIT of the database. */
  | 'database_limit'
  /** `max_wal_senders`, which a rescue login counts towards. */
  | 'walsenders';

/**
 * Where in the server's source each refusal is raised. The same on 13 to 18, unlike the texts, which change with version
 * and provider. RDS has patched texts; that it kept the places is likely, not verified.
 */
const BY_ROUTINE: ReadonlyMap<string | undefined, Refusal> = new Map([
  ['InitPostgres', 'reserved_slots'],
  ['InitializeSessionUserId', 'role_limit'],
  ['CheckMyDatabase', 'database_limit'],
]);

/**
 * Tells which limit refused a login; `null` when it failed for another reason.
 *
 * @param replication whether the login was a walsender's, for whom InitProcess has another pool of slots.
 */
export function refusalOf(error: unknown, replication: boolean): Refusal | null {
  if (!isServerError(error) || error.code !== SQLSTATE.tooManyConnections) return null;
  if (replication && error.routine === 'InitProcess') return 'walsenders';
  return BY_ROUTINE.get(error.routine) ?? 'every_slot';
}

/** Whether a refusal means that the server has no room, and may have some a moment later. */
export function isServerFull(refusal: Refusal | null): boolean {
  return refusal === 'every_slot' || refusal === 'reserved_slots' || refusal === 'walsenders';
}
