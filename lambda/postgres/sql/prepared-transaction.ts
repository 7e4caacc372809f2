/**
 * Joins a lock `l` of pg_locks that no session holds with its prepared transaction. The transaction's lock on its own id,
 * which has the same virtual transaction, leads to it.
 */
export const JOIN_PREPARED_TRANSACTION = /* sql */ `
    left join pg_locks own_id
      on l.pid is null and own_id.pid is null and own_id.locktype = 'transactionid'
     and own_id.virtualtransaction = l.virtualtransaction
    left join pg_prepared_xacts prepared on prepared.transaction = own_id.transactionid`;
