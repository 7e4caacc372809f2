import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../session.js';

/** "REAP" in ASCII; the key of the lock that keeps runs apart, in each database of its own. */
const RUN_LOCK_KEY = 0x52454150;

const RETRY_MS = 200;

/**
 * Takes the lock that one run at a time may hold. It belongs to our session and ends with it, however that ends, so it
 * can't be left behind.
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
