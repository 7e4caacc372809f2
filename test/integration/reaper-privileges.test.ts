import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setRoleLimit } from '../../lambda/postgres/sql/role-limits.js';
import { database, grant, grantsOnServer, limitOf, logIn, REAPER, refusal, sessionOf } from '../support/grants.js';

grantsOnServer();

describe('the reaper', () => {
  let reaper: pg.Client;

  beforeEach(async () => {
    await database.admin.query('create role boss superuser');
    await grant(database.admin, ['checkout', 'boss_to_be']);
    reaper = await logIn();
  });

  afterEach(() => database.admin.query('drop role if exists boss, boss_to_be'));

  const call = (role: string, limit = '1') => `select ${REAPER}.set_connection_limit(${role}, ${limit})`;

  it.each([
    // By the function.
    ['another role', call("'billing'")],
    ['a superuser', call("'boss'")],
    ['itself', call(`'${REAPER}'`)],
    ['nobody', call('null')],
    ['a role by a name that ends its quotes', call(`'checkout" superuser; --'`)],
    ['a role by a name that goes on', call(`'checkout connection limit 5 superuser'`)],
    ['a role by a name in quotes', call(`'"billing"'`)],
    ['its current role', call(`'current_user'`)],
    ['the owner of the function', call(`'session_user'`)],
    ['everybody', call(`'all'`)],
    // By itself.
    ['another role, by itself', 'alter role billing connection limit 1'],
    ['a declared role, by itself', 'alter role checkout connection limit 1'],
    ['its own limit', `alter role ${REAPER} connection limit -1`],
    ['its own rights', `alter role ${REAPER} createrole`],
    ['its own superuser', `alter role ${REAPER} superuser`],
    ['the password of a declared role', `alter role checkout password 'x'`],
    ['its roles, by becoming one', 'set role checkout'],
    ['its roles, by joining one', `grant checkout to ${REAPER}`],
    ['the rights it has, for others', 'grant pg_signal_backend to billing'],
    ['roles, by making one', 'create role another'],
    [
      'the list of the declared',
      `create or replace function ${REAPER}.limited_roles() returns text[] language sql as $$ select '{billing}'::text[] $$`,
    ],
    ['the function itself', `alter function ${REAPER}.set_connection_limit(name, integer) owner to ${REAPER}`],
    ["the function's path", `alter function ${REAPER}.set_connection_limit(name, integer) set search_path = pg_temp`],
    ['who may call it', `grant execute on function ${REAPER}.set_connection_limit(name, integer) to billing`],
    ['the schema', `create table ${REAPER}.more (role name)`],
  ])('cannot change %s', async (_, statement) => {
    const before = await roles();
    // 42501 everywhere but for a warning-only GRANT, which must change nothing either.
    const outcome = await reaper.query(statement).catch((error: pg.DatabaseError) => error.code);
    if (typeof outcome === 'string') expect(outcome).toBe('42501');
    else expect(statement).toMatch(/^grant execute/);
    expect(await roles()).toEqual(before);
  });

  it.each(['-1', '-2', 'null', '262143'])('cannot lift a limit with %s', async (limit) => {
    await database.admin.query('alter role checkout connection limit 5');
    expect(await refusal(reaper.query(call("'checkout'", limit)))).toMatchObject({ code: '22023' });
    expect(await limitOf('checkout')).toBe(5);
  });

  it('can set a limit up to max_connections, and is told both numbers above it', async () => {
    const { rows } = await database.admin.query("select current_setting('max_connections')::int as most");
    const { most } = rows[0];
    await reaper.query(call("'checkout'", `${most}`));
    expect(await limitOf('checkout')).toBe(most);
    expect(await refusal(reaper.query(call("'checkout'", `${most + 1}`)))).toMatchObject({
      code: '22023',
      message: `invalid connection limit: ${most + 1}. It must be between 0 and max_connections, which is ${most}`,
    });
  });

  it('cannot limit a declared role that became a superuser', async () => {
    await database.admin.query('create role boss_to_be superuser');
    expect(await refusal(reaper.query(call("'boss_to_be'")))).toMatchObject({ code: '42501' });
  });

  it('cannot trick the function with a path, with objects or with operators of its own', async () => {
    await database.admin.query(`create schema trap authorization ${REAPER}`);
    await reaper.query(`
      create function trap.yes(name, text) returns boolean language sql as 'select true';
      create operator trap.= (leftarg = name, rightarg = text, function = trap.yes);
      create function trap.format(text, name, int) returns text language sql as $$ select 'alter role billing superuser' $$;
      create temp table pg_roles (rolname name, rolsuper boolean);
      set search_path = trap, pg_temp, ${REAPER}, pg_catalog;
    `);
    const before = await roles();
    expect(await refusal(reaper.query(call("'billing'")))).toMatchObject({ code: '42501' });
    expect(await refusal(reaper.query(call("'boss'")))).toMatchObject({ code: '42501' });
    expect(await roles()).toEqual(before);
    await reaper.query(call("'checkout'", '3'));
    expect(await limitOf('checkout')).toBe(3);
    await reaper.end();
    await database.admin.query('drop schema trap cascade');
  });

  it('is the only one who can call the function', async () => {
    const billing = await database.connect('billing');
    expect(await refusal(billing.query(call("'checkout'")))).toMatchObject({ code: '42501' });
  });

  it.each([
    ['anybody, with the rights of who calls it', 'billing', ''],
    ['anybody, with the rights of its owner', 'billing', 'security definer'],
    ['an administrator of roles, with the rights of who calls it', 'master', ''],
  ])('does not call a function that was put there by %s', async (_, owner, security) => {
    await database.admin.query(`
      drop schema ${REAPER} cascade;
      create schema ${REAPER} authorization ${owner};
      grant usage on schema ${REAPER} to public;
    `);
    await (await database.connect(owner)).query(`
      create function ${REAPER}.set_connection_limit(role name, connection_limit integer) returns void
        language plpgsql ${security} as $$ begin raise exception 'trapped'; end $$`);
    expect(await refusal(setRoleLimit(sessionOf(reaper), REAPER, 'checkout', 1))).toMatchObject({
      code: '42501',
      message: expect.stringMatching(/^(permission denied|must be)/),
    });
  });

  /** Every role with all its attributes and memberships. */
  async function roles(): Promise<unknown> {
    const { rows } = await database.admin.query(
      `select to_jsonb(a) as role, array(select to_jsonb(m) from pg_auth_members m where m.member = a.oid order by m.roleid) as of
         from pg_authid a order by a.oid`,
    );
    const { rows: functions } = await database.admin.query(
      `select to_jsonb(p) as function from pg_proc p where pronamespace = '${REAPER}'::regnamespace order by oid`,
    );
    return { rows, functions };
  }
});
