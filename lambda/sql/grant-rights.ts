import type { Session } from '../session.js';
import type { Settings } from '../settings.js';
import { GRANTS } from './grants.js';

/** Whether a server takes its roles from another one. */
export async function isInRecovery(session: Session): Promise<boolean> {
  const [row] = await session.query<{ in_recovery: boolean }>('select pg_is_in_recovery() as in_recovery');
  return row?.in_recovery === true;
}

/** What the reaper's role is to be. */
export interface ReaperRole {
  readonly name: string;
  /** The roles whose connection limits it may set. */
  readonly limitedRoles: readonly string[];
  /** `replication`: it gets the right to log in as a walsender, which is a strong one. */
  readonly rescueLogin: Settings['rescueLogin'];
  /** It logs in by IAM database authentication, as the members of `rds_iam` do and nobody else can; or else by password. */
  readonly byToken: boolean;
}

/**
 * Brings the reaper's role to the declared state.
 *
 * @returns what a person should know.
 * @throws with a hint that says what to do; then nothing has changed.
 */
export async function grantRights(
  session: Session,
  { name, limitedRoles, rescueLogin, byToken }: ReaperRole,
): Promise<readonly string[]> {
  await session.query(
    `select set_config('connection_reaper.reaper', $1, false),
            set_config('connection_reaper.limited_roles', $2, false),
            set_config('connection_reaper.rescue_login', $3, false),
            set_config('connection_reaper.iam', $4, false)`,
    [name, JSON.stringify(limitedRoles), rescueLogin, byToken ? 'on' : 'off'],
  );
  await session.query(GRANTS);
  const [row] = await session.query<{ notes: readonly string[] }>(
    "select current_setting('connection_reaper.notes')::json as notes",
  );
  return row?.notes ?? [];
}
