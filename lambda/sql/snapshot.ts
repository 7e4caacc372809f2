import type { Session } from '../session.js';
import type { Snapshot } from '../snapshot.js';
import { limitableRoles } from './role-limits.js';

/**
 * Everything a run needs to know of a server, in one statement; a second one only asks for the roles that we may limit by
 * the function for it, where our own rights don't suffice.
 *
 * Counts client backends only: walsenders, workers and autovacuum do not use up `max_connections`. Where our login may
 * not see a session's type, every session that is in a database is counted, since the truth must not look smaller.
 *
 * Statement texts stay in the server, for they hold literals; only whether the last one was `LISTEN` comes out.
 *
 * @param roles read these roles also when they have no connection limit.
 */
export async function readSnapshot(session: Session, roles: readonly string[]): Promise<Snapshot> {
  const [row] = await session.query<Snapshot>(SNAPSHOT, [roles]);
  if (row === undefined) throw new Error('the snapshot came back without a row');
  if (row.roles.every(({ name, mayAlter }) => mayAlter || !roles.includes(name))) return row;
  const limitable = await limitableRoles(session);
  return { ...row, roles: row.roles.map((role) => ({ ...role, mayAlter: role.mayAlter || limitable.has(role.name) })) };
}

const SNAPSHOT = /* sql */ `
  with server as materialized (
    select split_part(current_setting('server_version'), ' ', 1) as version,
           current_setting('server_version_num')::int as version_number,
           pg_is_in_recovery() as in_recovery,
           current_setting('max_connections')::int as max_connections,
           current_setting('superuser_reserved_connections')::int as superuser_reserved,
           coalesce(nullif(current_setting('reserved_connections', true), '')::int, 0) as reserved,
           coalesce(nullif(current_setting('rds.rds_superuser_reserved_connections', true), '')::int, 0)
             as rds_superuser_reserved,
           coalesce(nullif(current_setting('rds.rds_reserved_connections', true), '')::int, 0) as rds_reserved,
           -- USAGE, not MEMBER: a member without INHERIT is a member that may do nothing.
           pg_has_role('pg_read_all_stats', 'USAGE') as may_read_all_stats,
           pg_has_role('pg_signal_backend', 'USAGE') as may_signal_backends,
           self.rolsuper as superuser,
           self.rolcreaterole as createrole
      from pg_roles self
     where self.rolname = current_user
  ),
  -- Roles that a version or provider lacks give no row, where pg_has_role by name would fail.
  reserve as materialized (
    select coalesce(bool_or(pg_has_role(r.oid, 'USAGE')), false) as usable
      from pg_roles r
     cross join server
     where (r.rolname = 'pg_use_reserved_connections' and server.reserved > 0)
        or (r.rolname = 'rds_superuser' and server.version_number < 160000 and server.rds_superuser_reserved > 0)
  ),
  prepared as materialized (
    select count(*)::int as transactions,
           extract(epoch from clock_timestamp() - min(prepared))::float8 as oldest_seconds
      from pg_prepared_xacts
  ),
  advisory as materialized (
    select distinct pid from pg_locks where locktype = 'advisory' and pid is not null
  ),
  -- The number in pg_temp_N leads to the backend from 16 on. Before, the same function answers with a wrong one.
  temporary as materialized (
    select distinct c.relowner,
           case when server.version_number >= 160000
                then pg_stat_get_backend_pid(substring(n.nspname from '^pg_temp_([0-9]+)$')::int) end as pid
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
     cross join server
     where c.relpersistence = 't' and n.nspname ~ '^pg_temp_[0-9]+$'
  ),
  backend as materialized (
    select jsonb_build_object(
             'pid', a.pid,
             'backendStart', a.backend_start::text,
             'stateChange', a.state_change::text,
             'state', a.state,
             'readable', a.backend_type is not null,
             'applicationName', coalesce(a.application_name, ''),
             'role', a.usename,
             'superuser', coalesce(r.rolsuper, false),
             'database', a.datname,
             'clientAddr', host(a.client_addr),
             'stateSeconds', extract(epoch from greatest(clock_timestamp() - a.state_change, interval '0'))::float8,
             'ageSeconds', extract(epoch from greatest(clock_timestamp() - a.backend_start, interval '0'))::float8,
             'holdsAdvisoryLock', exists (select from advisory where advisory.pid = a.pid),
             'ownsTemporaryTable', exists (
               select from temporary
                where a.datname = current_database()
                  and case when server.version_number >= 160000
                           then temporary.pid = a.pid
                           -- By SET ROLE a member may have made it as its owner.
                           else pg_has_role(a.usesysid, temporary.relowner, 'MEMBER') end),
             'lastRanListen', coalesce(
               a.query ~* '(^|;)(\\s|--[^\\n]*\\n|/\\*([^*]|\\*+[^*/])*\\*+/)*listen\\M', false)
           ) as described
      from pg_stat_activity a
      left join pg_roles r on r.oid = a.usesysid
     cross join server
     where a.pid <> pg_backend_pid()
       and (a.backend_type = 'client backend' or (a.backend_type is null and a.datid is not null))
  )
  select (select jsonb_build_object(
                   'version', version,
                   'versionNumber', version_number,
                   'inRecovery', in_recovery,
                   'maxConnections', max_connections,
                   'superuserReservedConnections', superuser_reserved,
                   'reservedConnections', reserved,
                   'rdsSuperuserReservedConnections', rds_superuser_reserved,
                   'rdsReservedConnections', rds_reserved,
                   'user', current_user,
                   'superuser', superuser,
                   'mayReadAllStats', may_read_all_stats,
                   'maySignalBackends', may_signal_backends,
                   'hasReservedSlot', superuser or reserve.usable,
                   'preparedTransactions', prepared.transactions,
                   'oldestPreparedSeconds', prepared.oldest_seconds)
            from server, reserve, prepared) as server,
         (select coalesce(jsonb_agg(described), '[]') from backend) as backends,
         (select coalesce(jsonb_agg(jsonb_build_object(
                   'name', r.rolname,
                   'connectionLimit', nullif(r.rolconnlimit, -1),
                   'superuser', r.rolsuper,
                   'mayAlter', server.superuser or (
                     server.createrole and not r.rolsuper and (
                       -- Before 16 the right reaches every role that is not a superuser.
                       server.version_number < 160000 or pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION'))))), '[]')
            from pg_roles r
           cross join server
           where r.rolconnlimit >= 0 or r.rolname = any ($1::text[])) as roles`;
