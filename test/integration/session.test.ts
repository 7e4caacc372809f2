import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runInstance } from '../../lambda/instance-run.js';
import { openSession } from '../../lambda/postgres/session.js';
import { aPolicy } from '../support/builders.js';
import { loginOf, PASSWORD, sourcesOf, startDatabase, type TestDatabase } from '../support/database.js';
import { major } from '../support/postgres-majors.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await startDatabase();
});

afterAll(() => database[Symbol.asyncDispose]());

/** What the owner of a database or of a role can set, and what holds for us all the same. */
const HOSTILE = [
  { name: 'search_path', theirs: 'public', ours: 'pg_catalog,pg_temp' },
  { name: 'role', theirs: 'checkout', ours: 'none' },
  { name: 'TimeZone', theirs: "'Asia/Kolkata'", ours: 'UTC' },
  { name: 'DateStyle', theirs: 'SQL, DMY', ours: 'ISO, MDY' },
  { name: 'extra_float_digits', theirs: '-15', ours: '1' },
  { name: 'quote_all_identifiers', theirs: 'on', ours: 'off' },
  { name: 'standard_conforming_strings', theirs: 'off', ours: 'on' },
  { name: 'array_nulls', theirs: 'off', ours: 'on' },
  { name: 'transform_null_equals', theirs: 'on', ours: 'off' },
  { name: 'statement_timeout', theirs: '0', ours: '10s' },
  { name: 'lock_timeout', theirs: '0', ours: '2s' },
  { name: 'default_transaction_read_only', theirs: 'on', ours: 'off' },
  { name: 'default_transaction_isolation', theirs: 'serializable', ours: 'read committed' },
  { name: 'default_transaction_deferrable', theirs: 'on', ours: 'off' },
  { name: 'tcp_keepalives_idle', theirs: '0', ours: '10' },
  { name: 'tcp_user_timeout', theirs: '0', ours: '20000' },
  { name: 'local_preload_libraries', theirs: "'no_such_library'", ours: '' },
  { name: 'exit_on_error', theirs: 'on', ours: 'off' },
  ...(major >= 14 ? [{ name: 'idle_session_timeout', theirs: "'1ms'", ours: '20s' }] : []),
  ...(major >= 17 ? [{ name: 'transaction_timeout', theirs: "'1ms'", ours: '0' }] : []),
];

describe('a session', () => {
  it('has limits and settings of its own, whatever the owner of the database and of the role set', async () => {
    // The own login, the rescue login as a walsender, and a break-glass login of a superuser.
    const { user, password } = database.server.superuser;
    const logins = [
      { credentials: loginOf(), replication: false },
      { credentials: loginOf('rescuer'), replication: true },
      { credentials: { username: user, password }, replication: false },
    ];
    await database.admin.query(`
      create role rescuer login replication password '${PASSWORD}';
      create role "Quoted" login;
      grant checkout to connection_reaper, rescuer;
    `);
    await database.limitRoles(['checkout', 'billing', 'Quoted']);
    const owners = ['database postgres', ...logins.map((one) => `role ${one.credentials.username}`)];
    try {
      for (const owner of owners) {
        for (const { name, theirs } of HOSTILE) {
          await database.admin.query(`alter ${owner} set ${pg.escapeIdentifier(name)} = ${theirs}`);
        }
      }
      for (const one of logins) {
        const { session, close } = await openSession(database.sessionTarget(one), new AbortController().signal);
        const settings = await session.query(
          'select name, current_setting(name) as ours from unnest($1::text[]) name',
          [HOSTILE.map(({ name }) => name)],
        );
        await close();
        expect(settings).toEqual(HOSTILE.map(({ name, ours }) => ({ name, ours })));
      }
      const { errors, roleLimits } = await runInstance(
        database.target(),
        sourcesOf(),
        aPolicy({ roleLimits: { Quoted: 7 } }),
        10_000,
      );
      expect(errors).toEqual([]);
      expect(roleLimits).toMatchObject([{ role: 'Quoted', outcome: 'changed' }]);
    } finally {
      for (const owner of owners) await database.admin.query(`alter ${owner} reset all`);
      await database.admin.query('revoke checkout from connection_reaper, rescuer');
    }
  });

  it('runs nobody else’s functions and operators, though they match better than the catalog’s', async () => {
    const [victim] = await database.leak(1, 'checkout');
    // What a role may do that owns nothing but the right to create in public, which all have before PostgreSQL 15.
    await database.admin.query('grant create on schema public to billing');
    const mallory = await database.connect('billing');
    await mallory.query(`
      create table public.ran (by name);
      grant all on public.ran to public;
      create function public.trap(name, name) returns boolean language sql
        as $$ insert into public.ran values (current_user); select $1 operator(pg_catalog.~) $2::text $$;
      create operator public.~ (leftarg = name, rightarg = name, function = public.trap);
      create function public.pg_has_role(text, text) returns boolean language sql
        as $$ insert into public.ran values (current_user); select true $$;
    `);
    await runInstance(database.target(), sourcesOf(), aPolicy({ roleLimits: { checkout: 5 } }), 10_000);
    await database.admin.query('alter role checkout connection limit -1');
    expect((await database.admin.query('select * from public.ran')).rows).toEqual([]);
    expect(await database.alive([victim])).toEqual([true]);
  });

  it('is not opened once its time is over', async () => {
    const over = new AbortController();
    over.abort();
    await expect(openSession(database.sessionTarget(), over.signal)).rejects.toThrow(/the time for this run is over/);
  });
});
