/**
 * Looks for owners of temporary tables in other databases than the one logged in to, which take a session in each: one at a
 * time, few, and short. Where that is not to be had the report says so, since the promise to spare them then does not hold.
 */
import { TEMPORARY_TABLE_LIMITS } from '../contract/limits.js';
import type { UncheckedDatabase } from '../diagnosis/instance-result.js';
import { describeError } from '../diagnosis/sqlstate.js';
import type { Login } from '../login/login.js';
import { redactorOf } from '../login/redact.js';
import { slotUse } from '../policy/slots.js';
import type { Snapshot } from '../policy/snapshot.js';
import { temporaryTableOwners } from './sql/temporary-tables.js';

/** What was found. */
export interface TemporaryTableLook {
  /** The snapshot, with the owners that were found. */
  readonly snapshot: Snapshot;
  readonly unchecked: readonly UncheckedDatabase[];
}

/**
 * Looks in the given databases, in this order.
 *
 * @param timeLeft milliseconds left for the whole run; the look takes no more than its own limit of that.
 */
export async function lookForTemporaryTables(
  { openIn, hidden }: Pick<Login, 'openIn' | 'hidden'>,
  snapshot: Snapshot,
  databases: readonly string[],
  timeLeft: () => number,
): Promise<TemporaryTableLook> {
  const { usedPercent } = slotUse(snapshot);
  const { maxUsedPercent, maxDatabases, timeMs } = TEMPORARY_TABLE_LIMITS;
  if (usedPercent >= maxUsedPercent) {
    return {
      snapshot,
      unchecked: databases.map((name) => ({ name, reason: `${usedPercent} % of the slots are used` })),
    };
  }
  const until = performance.now() + Math.min(timeMs, timeLeft());
  const owners = new Map<string, ReadonlySet<number>>();
  const unchecked: UncheckedDatabase[] = [];
  for (const [index, name] of databases.entries()) {
    const left = until - performance.now();
    if (index >= maxDatabases || left <= 0) {
      const reason = index >= maxDatabases ? `a run looks in ${maxDatabases} databases` : `the ${timeMs} ms were over`;
      unchecked.push({ name, reason });
      continue;
    }
    try {
      owners.set(name, new Set(await ownersIn(openIn, name, left)));
    } catch (error) {
      // The server's refusal may name what only the secret holds.
      unchecked.push({ name, reason: redactorOf(hidden, [name])(describeError(error)) });
    }
  }
  return { snapshot: withOwners(snapshot, owners), unchecked };
}

async function ownersIn(openIn: Login['openIn'], database: string, timeMs: number): Promise<readonly number[]> {
  const { session, close } = await openIn(database, AbortSignal.timeout(Math.ceil(timeMs)));
  try {
    return await temporaryTableOwners(session);
  } finally {
    await close();
  }
}

function withOwners(snapshot: Snapshot, owners: ReadonlyMap<string, ReadonlySet<number>>): Snapshot {
  return {
    ...snapshot,
    backends: snapshot.backends.map((backend) =>
      owners.get(backend.database ?? '')?.has(backend.pid) === true
        ? { ...backend, holding: backend.holding ?? 'temporary_table' }
        : backend,
    ),
  };
}
