import { setTimeout as sleep } from 'node:timers/promises';
import type { Seconds } from '../duration.js';
import type { Session } from '../session.js';

/** "REAP" in ASCII; the key of the lock that keeps runs apart, in each database of its own. */
const RUN_LOCK_KEY = 0x52454150;

const RETRY_MS = 200;

/**
 * Takes the lock that one run at a time may hold, in each database. It belongs to our session and ends with it; the
 * session's own limits see to it that it ends, also when our host vanishes or freezes.
 *
 * @param patienceMs how long to wait for another run to end; 0 asks once.
 */
export async function takeRunLock(session: Session, patienceMs: number): Promise<boolean> {
  const until = performance.now() + patienceMs;
  for (;;) {
    const [row] = await session.query<{ taken: boolean }>('select pg_try_advisory_lock($1::bigint) as taken', [
      RUN_LOCK_KEY,
    ]);
    if (row?.taken === true) return true;
    if (performance.now() >= until) return false;
    await sleep(RETRY_MS);
  }
}

/** Who holds the lock. */
export interface LockHolder {
  readonly pid: number;
  readonly role: string | null;
  readonly applicationName: string | null;
  readonly ageSeconds: Seconds | null;
}

/** Who holds the lock of the runs; `null` when it is free again. */
export async function runLockHolder(session: Session): Promise<LockHolder | null> {
  const [holder] = await session.query<LockHolder>(HOLDER, [RUN_LOCK_KEY]);
  return holder ?? null;
}

const HOLDER = /* sql */ `
  select a.pid,
         a.usename as role,
         a.application_name as "applicationName",
         extract(epoch from clock_timestamp() - a.backend_start)::float8 as "ageSeconds"
    from pg_locks l
    join pg_stat_activity a on a.pid = l.pid
   where l.locktype = 'advisory'
     and l.granted
     and l.database = (select oid from pg_database where datname = current_database())
     -- A key of one bigint is shown in two halves, with objsubid 1.
     and l.classid = 0 and l.objid = $1::bigint::oid and l.objsubid = 1`;
