import type { Session } from '../session.js';
import { quoteIdentifier } from './identifier.js';

/**
 * Sets a role's connection limit: by the function that the grants made, if we may call it, else by our own rights. Ends
 * nobody: the server holds the limit against new logins only, and never against superusers.
 *
 * @throws 42501 when our login may not limit the role, 42704 when it does not exist, 25006 on a read-only server.
 */
export async function setRoleLimit(session: Session, role: string, limit: number): Promise<void> {
  const [row] = await session.query<{ callable: boolean }>(MAY_CALL_FUNCTION);
  if (row?.callable === true) {
    await session.query('select connection_reaper.set_connection_limit($1::name, $2::int)', [role, limit]);
  } else {
    // ALTER ROLE takes no parameters. The limit is a checked whole number, the name is quoted as an identifier.
    await session.query(`alter role ${quoteIdentifier(role)} connection limit ${limit}`);
  }
}

/** The roles whose limit we may set by the function for it; none where there is no such function. */
export async function limitableRoles(session: Session): Promise<ReadonlySet<string>> {
  const [row] = await session.query<{ callable: boolean }>(MAY_CALL_FUNCTION);
  if (row?.callable !== true) return new Set();
  const [limited] = await session.query<{ roles: string[] }>('select connection_reaper.limited_roles() as roles');
  return new Set(limited?.roles);
}

/**
 * From the catalogs: `to_regprocedure` is an error where we may not use the schema.
 *
 * Functions there must run with their owner's rights, and the schema belong to an administrator of roles. Anybody who may
 * make a schema could else put a function there that runs with ours. A superuser needs no function, and is held by no list.
 */
const MAY_CALL_FUNCTION = /* sql */ `
  select exists (
           select from pg_proc p
             join pg_namespace n on n.oid = p.pronamespace
             join pg_roles owner on owner.oid = n.nspowner
            where n.nspname = 'connection_reaper'
              and p.proname = 'set_connection_limit'
              and pg_get_function_identity_arguments(p.oid) = 'role name, connection_limit integer'
              and not exists (select from pg_proc other where other.pronamespace = n.oid and not other.prosecdef)
              and (owner.rolsuper or owner.rolcreaterole)
              and has_schema_privilege(n.oid, 'USAGE')
              and has_function_privilege(p.oid, 'EXECUTE')
              and exists (select from pg_proc list
                           where list.pronamespace = n.oid
                             and list.proname = 'limited_roles'
                             and list.pronargs = 0
                             and has_function_privilege(list.oid, 'EXECUTE')))
         and not exists (select from pg_roles where rolname = current_user and rolsuper) as callable`;
