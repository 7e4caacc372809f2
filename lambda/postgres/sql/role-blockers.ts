import * as v from 'valibot';
import type { LockBlocker } from '../../policy/outcome.js';
import { decodeRows } from '../rows.js';
import type { Session } from '../session.js';
import { JOIN_PREPARED_TRANSACTION } from './prepared-transaction.js';

/**
 * Who has changed roles in a transaction that is still open. Any role may do so to itself (`ALTER ROLE me PASSWORD …`), and
 * then keeps its own row locked.
 */
export async function roleBlockers(session: Session): Promise<readonly LockBlocker[]> {
  return decodeRows('who keeps roles locked', BLOCKER, await session.query(BLOCKERS));
}

const BLOCKER = v.object({
  pid: v.nullable(v.number()),
  gid: v.nullable(v.string()),
  role: v.nullable(v.string()),
  transactionSeconds: v.nullable(v.number()),
});

const BLOCKERS = /* sql */ `
  select l.pid,
         prepared.gid,
         coalesce(a.usename, prepared.owner) as role,
         extract(epoch from clock_timestamp() - coalesce(a.xact_start, prepared.prepared))::float8
           as "transactionSeconds"
    from pg_locks l
    left join pg_stat_activity a on a.pid = l.pid
    ${JOIN_PREPARED_TRANSACTION}
   where l.locktype = 'relation'
     and l.relation = 'pg_authid'::regclass
     and l.mode = 'RowExclusiveLock'
     and l.granted
     and l.pid is distinct from pg_backend_pid()
   order by "transactionSeconds" desc nulls last
   -- Others wait behind them.
   limit 3`;
