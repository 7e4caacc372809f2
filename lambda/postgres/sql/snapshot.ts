/** The statements that read a server: its connections, roles and limits, and what a session would lose with its end. */
import * as v from 'valibot';
import { REAPER_MARK } from '../../contract/names.js';
import type { Backend, BackendState, Snapshot, StatementKind } from '../../policy/snapshot.js';
import { decodeRows } from '../rows.js';
import type { BatchSession } from '../session.js';
import { limitableRoles } from './role-limits.js';
import { decodeServerSettings, SERVER_SETTINGS } from './server-settings.js';
import { OWNS_TEMPORARY_TABLE, TEMPORARY } from './temporary-tables.js';

/**
 * Everything a run needs to know of a server, in one round trip; a second one only asks for the roles that we may limit by
 * the function for it, where our own rights don't suffice.
 *
 * Counts client backends only: walsenders, workers and autovacuum do not use up `max_connections`. Where our login may
 * not see a session's type, every session that is in a database is counted, since the truth must not look smaller.
 *
 * Statement texts stay in the server, for they hold literals; only what they tell of the session comes out.
 *
 * @param names read these roles also when they have no connection limit.
 */
export async function readSnapshot(session: BatchSession, names: readonly string[]): Promise<Snapshot> {
  const [facts, settings, found] = await session.batch([SERVER, SERVER_SETTINGS, BACKENDS], [names]);
  const [row] = decodeRows('the server', FACTS, facts);
  if (row === undefined) throw new Error('the snapshot came back without a row');
  const [server, roles] = row;
  const backends = decodeRows('the connections', BACKEND_ROW, found).map(toBackend);
  const snapshot = { server, settings: decodeServerSettings(settings), backends, roles };
  if (roles.every(({ name, mayAlter }) => mayAlter || !names.includes(name))) return snapshot;
  const limitable = await limitableRoles(session, server.user);
  return {
    ...snapshot,
    roles: roles.map((role) => ({ ...role, mayAlter: role.mayAlter || limitable.has(role.name) })),
  };
}

/** A word at the beginning of a statement, for the regular expressions of PostgreSQL; comments may stand before it. */
const AT_STATEMENT = String.raw`(^|;|\*/|[\n\r])\s*`;

/**
 * A statement comes in the encoding of the database it ran in, and may be no valid text in ours: functions for text would
 * fail over it, and with them the run, or take its bytes for others. As bytes, with all that is not ASCII in octal, it is.
 */
export const QUERY = String.raw`encode(byteain(textout(replace(a.query, '\', '\\'))), 'escape')`;

/**
 * What a session would lose with its end, as far as anyone else can see it: by its locks, its tables and slots, and by its
 * last statement. Rather too much than too little is read into a statement. The plain search comes first, since it costs a
 * fifth of a regular expression and leaves nearly nobody to look at.
 */
const HOLDING = /* sql */ `
  case when a.pid in (select pid from pg_lock_status() where locktype = 'advisory' and pid is not null)
       then 'advisory_lock'
       when ${OWNS_TEMPORARY_TABLE} then 'temporary_table'
       when a.pid in (select active_pid from pg_get_replication_slots()) then 'replication_slot'
       when q.query not ilike all ('{%listen%,%hold%,%fetch%,%move%,%pg_backup_start%,%pg_start_backup%}') then null
       when q.query ~* '${AT_STATEMENT}(listen\\M|do\\M.*\\mlisten\\M)' then 'listen'
       when q.query ~* '\\mdeclare\\M.*\\mwith\\M.*\\mhold\\M' then 'hold_cursor'
       -- Outside of a transaction there is no other cursor to fetch from.
       when q.query ~* '(^|;|\\*/)\\s*(fetch|move)\\M' and a.state = 'idle' then 'hold_cursor'
       when q.query ~* '\\m(pg_backup_start|pg_start_backup)\\M' then 'base_backup' end`;

/** What comes before the first word of a statement. */
const FIRST = String.raw`^(\s|;|/\*([^*]|\*[^/])*\*/|--[^\n]*\n)*`;

/**
 * What the last statement was for, by its first words. The name of a driver's or pool's own statement stands at the
 * beginning; statistics are read in the middle of one.
 */
const LAST_STATEMENT = /* sql */ `
  case when a.backend_type is null or a.state is null or a.state = 'disabled' then null
       when q.query ~* '${FIRST}$' then 'none'
       when q.query ~* '${FIRST}(commit|end)\\M' then 'commit'
       when q.query ~* '${FIRST}(rollback|abort)\\M' then 'rollback'
       when q.query ~* '${FIRST}(discard|reset|deallocate|unlisten|select pg_advisory_unlock_all)\\M' then 'reset'
       when q.query ~* '${FIRST}(set|show)\\M' then 'setup'
       when q.query ~* '${FIRST}select (set_config|(pg_catalog\\.)?version|(\\* from )?current_schema)\\M' then 'setup'
       when q.query ~* '${FIRST}select [0-9]+( ?\\+ ?[0-9]+)?( as \\w+)?[\\s;]*$' then 'ping'
       when q.query ~* '\\mpg_(stat|locks|database_size|replication|settings)' then 'monitoring'
       else 'business' end`;

/** How the server tells each property of a backend. */
const BACKEND: { readonly [Property in keyof Backend]: string } = {
  pid: 'a.pid',
  backendStart: 'a.backend_start::text',
  stateChange: 'a.state_change::text',
  state: 'a.state',
  readable: 'a.backend_type is not null',
  applicationName: "coalesce(a.application_name, '')",
  role: 'r.rolname',
  superuser: 'coalesce(r.rolsuper, false)',
  // A connection that is logging in has no role yet.
  ofReaper: 'coalesce(a.usesysid in (select role from reaper), false)',
  mayUseReserve: 'coalesce(a.usesysid in (select role from reserve_user), false)',
  database: 'd.datname',
  clientAddr: 'host(a.client_addr)',
  stateSeconds: "extract(epoch from greatest(clock_timestamp() - a.state_change, interval '0'))::float8",
  ageSeconds: "extract(epoch from greatest(clock_timestamp() - a.backend_start, interval '0'))::float8",
  statementSeconds: "extract(epoch from greatest(clock_timestamp() - a.query_start, interval '0'))::float8",
  waitEvent: 'a.wait_event',
  lastStatement: LAST_STATEMENT,
  holding: HOLDING,
};

const text = v.string();
const seconds = v.nullable(v.number());

/** What each property is. */
const BACKEND_VALUES = {
  pid: v.number(),
  backendStart: v.nullable(text),
  stateChange: v.nullable(text),
  // A state that a later version adds must not stop the run. Connections in it are spared.
  state: v.nullable(v.custom<BackendState>((state) => typeof state === 'string')),
  readable: v.boolean(),
  applicationName: text,
  role: v.nullable(text),
  superuser: v.boolean(),
  ofReaper: v.boolean(),
  mayUseReserve: v.boolean(),
  database: v.nullable(text),
  clientAddr: v.nullable(text),
  stateSeconds: seconds,
  ageSeconds: seconds,
  statementSeconds: seconds,
  waitEvent: v.nullable(text),
  lastStatement: v.nullable(v.custom<StatementKind>((kind) => typeof kind === 'string')),
  holding: v.nullable(
    v.picklist(['advisory_lock', 'temporary_table', 'replication_slot', 'listen', 'hold_cursor', 'base_backup']),
  ),
} satisfies { readonly [Property in keyof Backend]: v.GenericSchema<unknown, Backend[Property]> };

const PROPERTIES = Object.keys(BACKEND) as (keyof Backend)[];

/** The server is asked for the properties in the order of {@link BACKEND}. */
const BACKEND_ROW = v.tuple(PROPERTIES.map((property) => BACKEND_VALUES[property]));

function toBackend(values: readonly unknown[]): Backend {
  return Object.fromEntries(PROPERTIES.map((property, index) => [property, values[index]])) as unknown as Backend;
}

const ROLE_VALUES = v.object({
  name: text,
  connectionLimit: v.nullable(v.number()),
  superuser: v.boolean(),
  mayAlter: v.boolean(),
});

const FACTS = v.tuple([
  v.object({
    version: text,
    versionNumber: v.number(),
    inRecovery: v.boolean(),
    maxConnections: v.number(),
    superuserReservedConnections: v.number(),
    reservedConnections: v.number(),
    rdsSuperuserReservedConnections: v.number(),
    rdsReservedConnections: v.number(),
    user: text,
    database: text,
    ownAddress: v.nullable(text),
    clientAddress: v.nullable(text),
    superuser: v.boolean(),
    mayReadAllStats: v.boolean(),
    maySignalBackends: v.boolean(),
    hasReservedSlot: v.boolean(),
    hasVainReserveGrant: v.boolean(),
    preparedTransactions: v.number(),
    oldestPreparedSeconds: seconds,
  }),
  v.array(ROLE_VALUES),
]);

/** Read once: each use of the view would be planned by itself, which takes longer than to run it. */
const ROLE = /* sql */ `
  role as materialized (select oid, rolname, rolsuper, rolcreaterole, rolconnlimit from pg_roles)`;

const SERVER = /* sql */ `
  with ${ROLE},
  server as materialized (
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
      from role self
     where self.rolname = current_user
  ),
  -- Roles that a version or provider lacks give no row, where pg_has_role by name would fail.
  reserve as materialized (
    select coalesce(bool_or(granted and not empty), false) as usable,
           coalesce(bool_or(granted and empty), false) as granted_in_vain
      from (
        select pg_has_role(r.oid, 'USAGE') as granted,
               r.rolname = 'pg_use_reserved_connections' and server.reserved = 0 as empty
          from role r
         cross join server
         where r.rolname = 'pg_use_reserved_connections'
            or (r.rolname = 'rds_superuser' and server.version_number < 160000 and server.rds_superuser_reserved > 0)
      ) reserves
  ),
  prepared as materialized (
    select count(*)::int as transactions,
           extract(epoch from clock_timestamp() - min(prepared))::float8 as oldest_seconds
      from pg_prepared_xact()
  )
  select (select json_build_object(
                   'version', version,
                   'versionNumber', version_number,
                   'inRecovery', in_recovery,
                   'maxConnections', max_connections,
                   'superuserReservedConnections', superuser_reserved,
                   'reservedConnections', reserved,
                   'rdsSuperuserReservedConnections', rds_superuser_reserved,
                   'rdsReservedConnections', rds_reserved,
                   'user', current_user,
                   'database', current_database(),
                   'ownAddress', host(inet_server_addr()),
                   'clientAddress', host(inet_client_addr()),
                   'superuser', superuser,
                   'mayReadAllStats', may_read_all_stats,
                   'maySignalBackends', may_signal_backends,
                   'hasReservedSlot', superuser or reserve.usable,
                   'hasVainReserveGrant', reserve.granted_in_vain,
                   'preparedTransactions', prepared.transactions,
                   'oldestPreparedSeconds', prepared.oldest_seconds)
            from server, reserve, prepared) as server,
         (select coalesce(json_agg(json_build_object(
                   'name', r.rolname,
                   'connectionLimit', nullif(r.rolconnlimit, -1),
                   'superuser', r.rolsuper,
                   'mayAlter', server.superuser or (
                     server.createrole and not r.rolsuper and (
                       -- Before 16 the right reaches every role that is not a superuser.
                       server.version_number < 160000 or pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION'))))), '[]')
            from role r
           cross join server
           where r.rolconnlimit >= 0 or r.rolname = any ($1::text[])) as roles`;

const BACKENDS = /* sql */ `
  with ${ROLE},
  ${TEMPORARY},
  -- Roles that the grants marked, and the twin that rotation makes of one. No role can mark itself.
  marked as materialized (
    select objoid as oid
      from pg_shdescription
     where classoid = 'pg_authid'::regclass and starts_with(description, '${REAPER_MARK}')
  ),
  reaper as materialized (
    select oid as role from marked
    union all
    select twin.oid
      from marked
      join role base using (oid)
      join role twin on twin.rolname = base.rolname || '_clone' and pg_has_role(twin.oid, base.oid, 'MEMBER')
  ),
  -- Before 16 there is no such role, and no row. Superusers have slots of their own.
  reserve_user as materialized (
    select user_role.oid as role
      from role reserved
      join role user_role on not user_role.rolsuper and pg_has_role(user_role.oid, reserved.oid, 'USAGE')
     where reserved.rolname = 'pg_use_reserved_connections'
  )
  select ${Object.values(BACKEND).join(', ')}
    from pg_stat_get_activity(null) a
    left join role r on r.oid = a.usesysid
    left join pg_database d on d.oid = a.datid
   cross join lateral (select ${QUERY} as query offset 0) q
   where a.pid <> pg_backend_pid()
     and (a.backend_type = 'client backend' or (a.backend_type is null and a.datid is not null))`;
