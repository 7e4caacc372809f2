import * as v from 'valibot';
import { decodeRows } from '../rows.js';
import type { Session } from '../session.js';

/** The owners of temporary tables in the database that we are logged in to, as a CTE: of others they can't be seen. */
export const TEMPORARY = /* sql */ `
  temporary as materialized (
    select distinct c.relowner, n.nspname
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
     where c.relpersistence = 't' and n.nspname ~ '^pg_temp_[0-9]+$'
  )`;

/**
 * Whether the backend `a` of pg_stat_get_activity owns one of them.
 *
 * From version 16 on the number in `pg_temp_N` leads to the backend. Before, the same function answers with a wrong one, and
 * only the table's owner is known: then all backends of that role count, and of its members, which may have made it by
 * SET ROLE.
 */
export const OWNS_TEMPORARY_TABLE = /* sql */ `
  a.datid = (select oid from pg_database where datname = current_database())
  and case when current_setting('server_version_num')::int >= 160000
           then a.pid in (select pg_stat_get_backend_pid(substring(nspname from 9)::int) from temporary)
           else a.usesysid in (select member.oid
                                 from pg_roles member
                                 join (select distinct relowner from temporary) owner
                                   on pg_has_role(member.oid, owner.relowner, 'MEMBER')) end`;

/** The pids of the backends that own temporary tables in the database of this session. */
export async function temporaryTableOwners(session: Session): Promise<readonly number[]> {
  const rows = decodeRows('the owners of temporary tables', OWNER, await session.query(OWNERS));
  return rows.map(({ pid }) => pid);
}

const OWNER = v.object({ pid: v.number() });

const OWNERS = /* sql */ `
  with ${TEMPORARY}
  select a.pid from pg_stat_get_activity(null) a where ${OWNS_TEMPORARY_TABLE}`;
