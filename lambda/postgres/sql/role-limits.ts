/** The statements that set the connection limit of a role. */
import * as v from 'valibot';
import { quoteIdentifier } from '../../diagnosis/quote-sql.js';
import { rotationBase } from '../../policy/rotation-twin.js';
import { decodeRows } from '../rows.js';
import type { Session } from '../session.js';

/**
 * Sets a role's connection limit: by the function that the grants made, if we may call it, else by our own rights. Ends
 * nobody: the server holds the limit against new logins only, and never against superusers.
 *
 * @param ownRole of the reaper's own login: the functions are in the schema of that name.
 * @throws 42501 when our login may not limit the role, 42704 when it does not exist, 25006 on a read-only server.
 */
export async function setRoleLimit(session: Session, ownRole: string, role: string, limit: number): Promise<void> {
  const schema = schemaOf(ownRole);
  if (await mayCallFunction(session, schema)) {
    await session.query(`select ${quoteIdentifier(schema)}.set_connection_limit($1::name, $2::int)`, [role, limit]);
  } else {
    // ALTER ROLE takes no parameters. The limit is a checked whole number, the name is quoted as an identifier.
    await session.query(`alter role ${quoteIdentifier(role)} connection limit ${limit}`);
  }
}

/**
 * The roles whose limit we may set by the function for it; none where there is no such function.
 *
 * @param ownRole as in {@link setRoleLimit}.
 */
export async function limitableRoles(session: Session, ownRole: string): Promise<ReadonlySet<string>> {
  const schema = schemaOf(ownRole);
  if (!(await mayCallFunction(session, schema))) return new Set();
  const rows = await session.query(`select ${quoteIdentifier(schema)}.limited_roles() as roles`);
  const [limited] = decodeRows('the roles with a limit', LIMITED, rows);
  return new Set(limited?.roles);
}

const LIMITED = v.object({ roles: v.array(v.string()) });
const CALLABLE = v.object({ callable: v.boolean() });

/** Named like the role that the grants made; a twin of rotation shares it. */
function schemaOf(ownRole: string): string {
  return rotationBase(ownRole);
}

async function mayCallFunction(session: Session, schema: string): Promise<boolean> {
  const rows = await session.query(MAY_CALL_FUNCTION, [schema]);
  const [row] = decodeRows('the function that sets limits', CALLABLE, rows);
  return row?.callable === true;
}

/**
 * From the catalogs: `to_regprocedure` is an error where we may not use the schema.
 *
 * Functions there must run with the rights of the schema's owner, and that be an administrator of roles. Anybody who may
 * make a schema could else put a function there that runs with ours. A superuser needs no function, and is held by no list.
 */
const MAY_CALL_FUNCTION = /* sql */ `
  select exists (
           select from pg_proc p
             join pg_namespace n on n.oid = p.pronamespace
             join pg_roles owner on owner.oid = n.nspowner
            where n.nspname = $1::text
              and p.proname = 'set_connection_limit'
              and pg_get_function_identity_arguments(p.oid) = 'role name, connection_limit integer'
              and not exists (select from pg_proc other
                               where other.pronamespace = n.oid
                                 and (not other.prosecdef or other.proowner <> n.nspowner))
              and (owner.rolsuper or owner.rolcreaterole)
              and has_schema_privilege(n.oid, 'USAGE')
              and has_function_privilege(p.oid, 'EXECUTE')
              and exists (select from pg_proc list
                           where list.pronamespace = n.oid
                             and list.proname = 'limited_roles'
                             and list.pronargs = 0
                             and has_function_privilege(list.oid, 'EXECUTE')))
         and not exists (select from pg_roles where rolname = current_user and rolsuper) as callable`;
