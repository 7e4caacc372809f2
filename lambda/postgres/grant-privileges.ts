import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { SQLSTATE, sqlStateOf } from '../diagnosis/sqlstate.js';
import type { Settings } from '../input/settings.js';
import { decodeRows } from './rows.js';
import type { Session } from './session.js';
import { GRANTS } from './sql/grants.js';

/** Whether a server takes its roles from another one. */
export async function isInRecovery(session: Session): Promise<boolean> {
  const rows = await session.query('select pg_is_in_recovery() as recovers');
  const [row] = decodeRows('whether the server is in recovery', RECOVERY, rows);
  return row?.recovers === true;
}

const RECOVERY = v.object({ recovers: v.boolean() });
const NOTES = v.object({ notes: v.array(v.string()) });

/** What the reaper's role is to be. */
export interface ReaperRole {
  readonly name: string;
  /** The name of the database in metrics and reports, which the role is marked with. */
  readonly database: string;
  /** The roles whose connection limits it may set. */
  readonly limitedRoles: readonly string[];
  /** `replication`: it gets the right to log in as a walsender, which is a strong one. */
  readonly rescueLogin: Settings['rescueLogin'];
  /** It logs in by IAM database authentication, as the members of `rds_iam` do and nobody else can; or else by password. */
  readonly byToken: boolean;
  /** Takes over a role that somebody else made or marked. A deployment never does. */
  readonly adopt?: boolean;
}

/** How often a statement is tried. */
const ATTEMPTS = 5;

/** The grants take about 50 ms. */
const PAUSE_MS = 100;

/**
 * Brings the reaper's role to the declared state.
 *
 * @returns what a person should know.
 * @throws with a hint that says what to do; then nothing has changed.
 */
export async function grantRights(
  session: Session,
  { name, database, limitedRoles, rescueLogin, byToken, adopt = false }: ReaperRole,
): Promise<readonly string[]> {
  await session.query(
    // The grants pin what else the database's owner may have set; for these it is too late inside of their transaction.
    `select case when pg_catalog.current_setting('transaction_timeout', true) is not null
                 then pg_catalog.set_config('transaction_timeout', '0', false) end,
            pg_catalog.set_config('default_transaction_read_only', 'off', false),
            pg_catalog.set_config('default_transaction_isolation', 'repeatable read', false),
            pg_catalog.set_config('connection_reaper.reaper', $1, false),
            pg_catalog.set_config('connection_reaper.database', $2, false),
            pg_catalog.set_config('connection_reaper.limited_roles', $3, false),
            pg_catalog.set_config('connection_reaper.rescue_login', $4, false),
            pg_catalog.set_config('connection_reaper.iam', $5, false),
            pg_catalog.set_config('connection_reaper.adopt', $6, false)`,
    [name, database, JSON.stringify(limitedRoles), rescueLogin, byToken ? 'on' : 'off', adopt ? 'on' : 'off'],
  );
  await retryOvertaken(() => session.query(GRANTS));
  const rows = await session.query("select current_setting('connection_reaper.notes')::json as notes");
  const [row] = decodeRows('the notes of the grants', NOTES, rows);
  return row?.notes ?? [];
}

/** Repeats a statement where another deployment changes the same rows at that moment. */
export async function retryOvertaken(statement: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await statement();
      return;
    } catch (error) {
      if (attempt === ATTEMPTS || !isOvertaken(error)) throw error;
      await sleep(PAUSE_MS * attempt);
    }
  }
}

/**
 * Whether another transaction made or changed the same rows of the catalogs meanwhile: "tuple concurrently updated" is an
 * internal error to PostgreSQL.
 */
function isOvertaken(error: unknown): boolean {
  const sqlState = sqlStateOf(error);
  return OVERTAKEN.some((one) => one === sqlState);
}

const OVERTAKEN = [
  SQLSTATE.internalError,
  SQLSTATE.uniqueViolation,
  SQLSTATE.duplicateObject,
  SQLSTATE.duplicateSchema,
  SQLSTATE.deadlockDetected,
] as const;
