import { formatDuration } from '../input/duration.js';
import type { Snapshot } from '../policy/snapshot.js';
import type { Finding } from './finding.js';

/** Prepared transactions outlive their session, hold locks and keep vacuum from its work. */
const OLD_PREPARED_SECONDS = 3600;

/** Old transactions that have no connection, and so outlive every termination. */
export function oldPreparedTransactions({ server }: Snapshot): Finding | null {
  const { preparedTransactions, oldestPreparedSeconds } = server;
  if (oldestPreparedSeconds === null || oldestPreparedSeconds < OLD_PREPARED_SECONDS) return null;
  return {
    severity: 'warning',
    code: 'old_prepared_transactions',
    evidence: `${preparedTransactions} prepared transactions, the oldest for ${formatDuration(oldestPreparedSeconds)}; they have no connection, so terminating connections does not end them`,
    remedy: 'SELECT gid, prepared, owner, database FROM pg_prepared_xacts; then COMMIT PREPARED or ROLLBACK PREPARED',
  };
}
