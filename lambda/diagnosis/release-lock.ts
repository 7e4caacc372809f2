import type { LockBlocker } from '../policy/outcome.js';
import { quoteLiteral } from './quote-sql.js';

/** The SQL that takes a lock from its holder, a session or a prepared transaction. */
export function releaseLock({ pid, gid }: Pick<LockBlocker, 'pid' | 'gid'>): string {
  return pid === null ? `ROLLBACK PREPARED ${quoteLiteral(gid ?? '')};` : `SELECT pg_terminate_backend(${pid});`;
}
