import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { login } from '../../lambda/login.js';
import { openSession } from '../../lambda/session.js';
import { visitInstance } from '../../lambda/visit.js';
import { aPolicy } from '../support/builders.js';
import { PASSWORD, startDatabase, type TestDatabase } from '../support/database.js';
import { major } from '../support/postgres-majors.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await startDatabase();
});

afterAll(() => database[Symbol.asyncDispose]());

const credentials = { username: 'connection_reaper', password: PASSWORD };

function target() {
  const { host, port } = database.server;
  return {
    name: 'primary',
    address: { host, port },
    dbname: 'postgres',
    tls: 'disable',
    caFile: undefined,
    rescueLogin: 'off',
  } as const;
}

const sources = { own: { read: async () => credentials }, breakGlass: null };

describe('a session', () => {
  it('has limits and settings of its own, whatever the role and the database say', async () => {
    const [role, name] = ['connection_reaper', 'postgres'];
    for (const whose of [`role ${role}`, `database ${name}`]) {
      await database.admin.query(`alter ${whose} set search_path = public`);
      await database.admin.query(`alter ${whose} set "TimeZone" = 'Asia/Kolkata'`);
      await database.admin.query(`alter ${whose} set "DateStyle" = 'SQL, DMY'`);
      await database.admin.query(`alter ${whose} set standard_conforming_strings = off`);
      await database.admin.query(`alter ${whose} set statement_timeout = 0`);
      await database.admin.query(`alter ${whose} set lock_timeout = 0`);
    }
    const { session, close } = await login(target(), sources, new AbortController().signal);
    const settings = await session.query<{ name: string; setting: string }>(
      `select name, setting from pg_settings
        where name in ('search_path', 'TimeZone', 'standard_conforming_strings', 'statement_timeout', 'lock_timeout', 'tcp_keepalives_idle')
        order by name collate "C"`,
    );
    expect(settings.map(({ name: setting, setting: value }) => [setting, value])).toEqual([
      ['TimeZone', 'UTC'],
      ['lock_timeout', '2000'],
      ['search_path', 'pg_catalog,pg_temp'],
      ['standard_conforming_strings', 'on'],
      ['statement_timeout', '10000'],
      ['tcp_keepalives_idle', '30'],
    ]);
    expect(await session.query("select '2026-01-31 00:00:00+00'::timestamptz::text as time")).toEqual([
      { time: '2026-01-31 00:00:00+00' },
    ]);
    expect(await session.query("select current_setting('idle_session_timeout', true) as timeout")).toEqual([
      { timeout: major >= 14 ? '1min' : null },
    ]);
    await close();
    const { errors } = await visitInstance(target(), sources, aPolicy({}, { action: 'report' }), 10_000);
    expect(errors).toEqual([]);
  });

  it('runs nobody else’s functions and operators, though they match better than the catalog’s', async () => {
    const [victim] = await database.leak(1, 'checkout');
    if (!victim) throw new Error('unreachable');
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
    await visitInstance(target(), sources, aPolicy({ roleLimits: { checkout: 5 } }), 10_000);
    await database.admin.query('alter role checkout connection limit -1');
    expect((await database.admin.query('select * from public.ran')).rows).toEqual([]);
    expect(await database.alive([victim])).toEqual([true]);
  });

  it('is not opened once its time is over', async () => {
    const over = new AbortController();
    over.abort();
    const { host, port } = database.server;
    await expect(
      openSession({ host, port, dbname: 'postgres', credentials, tls: 'disable' }, over.signal),
    ).rejects.toThrow(/the time for this run is over/);
  });
});
