import type { Session } from '../session.js';
import type { Settings } from '../settings.js';
import { GRANTS } from './grants.js';

/** Whether a server takes its roles from another one. */
export async function isInRecovery(session: Session): Promise<boolean> {
  const [row] = await session.query<{ in_recovery: boolean }>('select pg_is_in_recovery() as in_recovery');
  return row?.in_recovery === true;
}

/**
 * Brings the reaper's role to the declared state.
 *
 * @param limitedRoles the roles whose connection limits it may set.
 * @param rescueLogin `replication`: it gets the right to log in as a walsender, which is a strong one.
 * @returns what a person should know.
 * @throws with a hint that says what to do; then nothing has changed.
 */
export async function grantRights(
  session: Session,
  reaper: string,
  limitedRoles: readonly string[],
  rescueLogin: Settings['rescueLogin'],
): Promise<readonly string[]> {
  await session.query(
    `select set_config('connection_reaper.reaper', $1, false),
            set_config('connection_reaper.limited_roles', $2, false),
            set_config('connection_reaper.rescue_login', $3, false)`,
    [reaper, JSON.stringify(limitedRoles), rescueLogin],
  );
  await session.query(GRANTS);
  const [row] = await session.query<{ notes: readonly string[] }>(
    "select current_setting('connection_reaper.notes')::json as notes",
  );
  return row?.notes ?? [];
}
