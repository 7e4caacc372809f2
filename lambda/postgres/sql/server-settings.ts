/** The statement that reads the server's settings. */
import * as v from 'valibot';
import type { ServerSettings } from '../../policy/server-settings.js';
import { decodeRows } from '../rows.js';

const TIMEOUTS = {
  tcpKeepalivesIdle: 'tcp_keepalives_idle',
  clientConnectionCheckInterval: 'client_connection_check_interval',
  idleSessionTimeout: 'idle_session_timeout',
  idleInTransactionSessionTimeout: 'idle_in_transaction_session_timeout',
} as const;

/**
 * Our session sets some of these for itself by `set_config`, which leaves `reset_val` as it is. `reset_val` has the unit of
 * `pg_settings`: seconds, milliseconds, kB or blocks.
 */
export const SERVER_SETTINGS = /* sql */ `
  with override as materialized (
    select s.setrole, s.setdatabase, split_part(c.entry, '=', 1) as name,
           substr(c.entry, strpos(c.entry, '=') + 1) as value
      from pg_db_role_setting s
     cross join lateral unnest(s.setconfig) c(entry)
     -- Others may hold secrets.
     where split_part(c.entry, '=', 1) in (${Object.values(TIMEOUTS).map(quote).join(', ')}, 'work_mem')
  ),
  hidden as materialized (
    select o.name
      from override o
     where (o.setrole, o.setdatabase) <> (0, 0)
       and (o.setrole = 0 or o.setrole = (select oid from pg_roles where rolname = session_user))
       and (o.setdatabase = 0 or o.setdatabase = (select oid from pg_database where datname = current_database()))
  ),
  -- Read once: each use of the view lists every setting.
  setting as materialized (
    select name, reset_val::bigint as value
      from pg_settings
     where name in (${Object.values(TIMEOUTS).map(quote).join(', ')}, 'work_mem')
       and name not in (select name from hidden)
  ),
  connected as materialized (select datid, usesysid from pg_stat_get_activity(null))
  select json_build_object(
    ${Object.entries(TIMEOUTS)
      .map(([property, name]) => `'${property}', (select value from setting where name = '${name}'),`)
      .join('\n    ')}
    'sharedBuffers', pg_size_bytes(current_setting('shared_buffers')),
    'workMem', (select value * 1024 from setting where name = 'work_mem'),
    'overrides', (
      select coalesce(json_agg(json_build_object(
               'role', r.rolname, 'database', d.datname, 'name', o.name, 'value', o.value)
               order by r.rolname, d.datname, o.name), '[]')
        from override o
        left join pg_roles r on r.oid = o.setrole
        left join pg_database d on d.oid = o.setdatabase
       where (o.setrole = 0 or o.setrole in (select usesysid from connected))
         and (o.setdatabase = 0 or o.setdatabase in (select datid from connected))),
    'limitedDatabases', (
      select coalesce(json_agg(json_build_object('name', datname, 'connectionLimit', datconnlimit)
               order by datname), '[]')
        from pg_database
       where datconnlimit >= 0))`;

function quote(name: string): string {
  return `'${name}'`;
}

const amount = v.nullable(v.number());

const ROW = v.tuple([
  v.object({
    tcpKeepalivesIdle: amount,
    clientConnectionCheckInterval: amount,
    idleSessionTimeout: amount,
    idleInTransactionSessionTimeout: amount,
    sharedBuffers: v.number(),
    workMem: amount,
    overrides: v.array(
      v.object({ role: v.nullable(v.string()), database: v.nullable(v.string()), name: v.string(), value: v.string() }),
    ),
    limitedDatabases: v.array(v.object({ name: v.string(), connectionLimit: v.number() })),
  }),
]);

/** @param rows the answer to {@link SERVER_SETTINGS}. */
export function decodeServerSettings(rows: readonly unknown[] | undefined): ServerSettings {
  const [row] = decodeRows('the settings of the server', ROW, rows);
  if (row === undefined) throw new Error('the settings of the server came back without a row');
  return row[0];
}
