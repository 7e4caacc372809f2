import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { grantRights, type ReaperRole } from '../../lambda/postgres/grant-privileges.js';
import type { Session } from '../../lambda/postgres/session.js';
import { PASSWORD, startDatabase, type TestDatabase } from './database.js';
import { major } from './postgres-majors.js';

/** Not the role of the other tests, which has privileges of its own making. */
export const REAPER = 'least_reaper';

/** The server of the file that calls {@link grantsOnServer}. */
export let database: TestDatabase;

/** A session of a role like RDS's master user there. */
export let master: pg.Client;

/** Starts a server for the tests of a file, and removes the reaper's role after each of them. */
export function grantsOnServer(): void {
  beforeAll(async () => {
    database = await startDatabase({ max_prepared_transactions: 1 });
    await makeMaster();
    master = await database.connect('master');
  });
  afterEach(dropReaper);
  afterAll(() => database?.[Symbol.asyncDispose]());
}

/**
 * As RDS documents its master user: no superuser, but CREATEROLE, the database's owner, and a member of a role that may
 * pass on the server's own roles. On RDS itself it may do more.
 */
async function makeMaster(): Promise<void> {
  await database.admin.query(`
    create role rds_superuser;
    create role master login password '${PASSWORD}' createrole createdb;
    grant rds_superuser to master;
    alter database postgres owner to master;
  `);
  if (major < 16) return;
  await database.admin.query(`
    grant pg_read_all_stats, pg_signal_backend, pg_use_reserved_connections to rds_superuser with admin option;
    grant checkout, billing to master with admin true, inherit false, set false;
  `);
}

export async function dropReaper(): Promise<void> {
  await database.admin.query(`
    drop schema if exists ${REAPER} cascade;
    alter role checkout connection limit -1;
    alter role billing connection limit -1;
  `);
  const { rows } = await database.admin.query('select from pg_roles where rolname = $1', [REAPER]);
  if (rows.length > 0) await database.admin.query(`drop owned by ${REAPER}; drop role ${REAPER}`);
}

export const runners = {
  'a superuser': () => database.admin,
  "RDS's master user": () => master,
} as const;

/** Runs the grants as the deployment does, and gives what they have to say. */
export function grant(
  runner: pg.Client,
  limitedRoles: readonly string[],
  role: Partial<ReaperRole> = {},
): Promise<readonly string[]> {
  return grantRights(sessionOf(runner), {
    name: REAPER,
    database: 'orders',
    limitedRoles,
    rescueLogin: 'off',
    byToken: false,
    ...role,
  });
}

/** Runs statements as an administrator of roles who has no session of his own. */
export async function asFormer(statements: string): Promise<void> {
  await database.admin.query(`
    create role former createrole;
    grant rds_superuser to former;
    set session authorization former;
    ${statements};
    reset session authorization;
  `);
}

export async function refusal(attempt: Promise<unknown>): Promise<pg.DatabaseError> {
  const outcome = await attempt.catch((error: unknown) => error);
  if (!(outcome instanceof pg.DatabaseError)) throw new Error('it was not refused');
  return outcome;
}

export async function logIn(role = REAPER): Promise<pg.Client> {
  await database.admin.query(`alter role ${pg.escapeIdentifier(role)} password '${PASSWORD}'`);
  return database.connect(role);
}

export function sessionOf(client: pg.Client): Session {
  return {
    query: async (text, values = []) => (await client.query(text, [...values])).rows,
  };
}

export async function limitOf(role: string): Promise<number> {
  const { rows } = await database.admin.query('select rolconnlimit from pg_roles where rolname = $1', [role]);
  return rows[0].rolconnlimit;
}

/** Everything that is stored about the role and what it may do. */
export async function stateOf(role = REAPER): Promise<unknown> {
  const { rows } = await database.admin.query(
    `select rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolcanlogin, rolinherit, rolconnlimit,
            array(select roleid::regrole::text from pg_auth_members where member = r.oid order by 1) as member_of,
            (select count(*)::int from pg_auth_members where member = r.oid and admin_option) as admin_of,
            (select nspacl::text from pg_namespace where nspname = $1) as schema_acl,
            (select proacl::text from pg_proc where proname = 'set_connection_limit' and pronamespace::regnamespace::text = $1) as function_acl
       from pg_roles r where rolname = $1`,
    [role],
  );
  return rows[0];
}

export const LEAST = {
  rolsuper: false,
  rolcreaterole: false,
  rolcreatedb: false,
  rolreplication: false,
  rolbypassrls: false,
  rolcanlogin: true,
  rolinherit: true,
  rolconnlimit: 4,
  member_of: ['pg_read_all_stats', 'pg_signal_backend', ...(major >= 16 ? ['pg_use_reserved_connections'] : [])],
  admin_of: 0,
};

/** Everything that a refusal must leave as it is: the role, its password, its mark, its members and its functions. */
export async function everythingOf(role = REAPER): Promise<unknown> {
  const { rows } = await database.admin.query(
    `select (select jsonb_agg(to_jsonb(a) || jsonb_build_object('mark', shobj_description(a.oid, 'pg_authid')) order by oid)
               from pg_authid a) as roles,
            (select jsonb_agg(to_jsonb(m) order by roleid, member) from pg_auth_members m) as members,
            (select jsonb_agg(to_jsonb(p) order by oid) from pg_proc p
              where pronamespace = (select oid from pg_namespace where nspname = $1)) as functions,
            (select to_jsonb(n) from pg_namespace n where nspname = $1) as schema`,
    [role],
  );
  return rows[0];
}

export async function markOf(role = REAPER): Promise<string | null> {
  const { rows } = await database.admin.query(
    "select shobj_description(oid, 'pg_authid') as mark from pg_roles where rolname = $1",
    [role],
  );
  return rows[0]?.mark;
}

/** The refusal, after which nothing is another than before. */
export async function refusalWithoutChange(attempt: () => Promise<unknown>): Promise<pg.DatabaseError> {
  const before = await everythingOf();
  const error = await refusal(attempt());
  expect(await everythingOf()).toEqual(before);
  return error;
}
