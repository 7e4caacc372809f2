import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { REAPER_MARK } from '../../lambda/contract/names.js';
import { grantRights, type ReaperRole } from '../../lambda/postgres/grant-privileges.js';
import { openSession, type Session } from '../../lambda/postgres/session.js';
import { limitableRoles, setRoleLimit } from '../../lambda/postgres/sql/role-limits.js';
import { PASSWORD, pidOf, startDatabase, type TestDatabase, until } from '../support/database.js';
import { HOSTILE_SETTINGS } from '../support/hostile-settings.js';
import { major } from '../support/postgres-majors.js';

/** Not the role of the other tests, which has rights of its own making. */
const REAPER = 'least_reaper';

let database: TestDatabase;
let master: pg.Client;

beforeAll(async () => {
  database = await startDatabase({ max_prepared_transactions: 1 });
  await makeMaster();
  master = await database.connect('master');
});

afterAll(() => database[Symbol.asyncDispose]());

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

afterEach(dropReaper);

async function dropReaper(): Promise<void> {
  await database.admin.query(`
    drop schema if exists ${REAPER} cascade;
    alter role checkout connection limit -1;
    alter role billing connection limit -1;
  `);
  const { rows } = await database.admin.query('select from pg_roles where rolname = $1', [REAPER]);
  if (rows.length > 0) await database.admin.query(`drop owned by ${REAPER}; drop role ${REAPER}`);
}

const runners = {
  'a superuser': () => database.admin,
  "RDS's master user": () => master,
} as const;

/** Runs the grants as the deployment does, and gives what they have to say. */
function grant(
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
async function asFormer(statements: string): Promise<void> {
  await database.admin.query(`
    create role former createrole;
    grant rds_superuser to former;
    set session authorization former;
    ${statements};
    reset session authorization;
  `);
}

async function refusal(attempt: Promise<unknown>): Promise<pg.DatabaseError> {
  const outcome = await attempt.catch((error: unknown) => error);
  if (!(outcome instanceof pg.DatabaseError)) throw new Error('it was not refused');
  return outcome;
}

async function logIn(role = REAPER): Promise<pg.Client> {
  await database.admin.query(`alter role ${pg.escapeIdentifier(role)} password '${PASSWORD}'`);
  return database.connect(role);
}

function sessionOf(client: pg.Client): Session {
  return {
    query: async (text, values = []) => (await client.query(text, [...values])).rows,
  };
}

async function limitOf(role: string): Promise<number> {
  const { rows } = await database.admin.query('select rolconnlimit from pg_roles where rolname = $1', [role]);
  return rows[0].rolconnlimit;
}

/** Everything that is stored about the role and what it may do. */
async function stateOf(role = REAPER): Promise<unknown> {
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

const LEAST = {
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

describe.each(Object.entries(runners))('the grants, run by %s', (_, runner) => {
  it('make a role with the fewest privileges, and a second run changes nothing', async () => {
    expect(await grant(runner(), ['checkout', 'billing'])).toEqual([]);
    const first = await stateOf();
    expect(first).toMatchObject(LEAST);
    expect(await grant(runner(), ['checkout', 'billing'])).toEqual([]);
    expect(await stateOf()).toEqual(first);
    expect(await markOf()).toBe(`${REAPER_MARK}orders`);
    expect(await markOf()).toBe('Connection Reaper: orders');
  });

  it('let it see every backend, end them, and limit the declared roles', async () => {
    await grant(runner(), ['checkout']);
    const reaper = await logIn();
    await database.leak(1, 'checkout');
    const { rows } = await reaper.query(
      "select pg_terminate_backend(pid) as ended from pg_stat_activity where usename = 'checkout' and state = 'idle'",
    );
    expect(rows).toEqual([{ ended: true }]);
    expect(await limitableRoles(sessionOf(reaper), REAPER)).toEqual(new Set(['checkout', 'checkout_clone']));
    await setRoleLimit(sessionOf(reaper), REAPER, 'checkout', 7);
    expect(await limitOf('checkout')).toBe(7);
    expect(await refusal(setRoleLimit(sessionOf(reaper), REAPER, 'billing', 7))).toMatchObject({
      code: '42501',
      message: 'permission denied to set the connection limit of role "billing"',
    });
    expect(await limitOf('billing')).toBe(-1);
  });

  it('withdraw a role that is no longer declared', async () => {
    await grant(runner(), ['checkout', 'billing']);
    await grant(runner(), ['billing']);
    const session = sessionOf(await logIn());
    expect(await refusal(setRoleLimit(session, REAPER, 'checkout', 1))).toMatchObject({ code: '42501' });
    await setRoleLimit(session, REAPER, 'billing', 1);
  });

  it('warn about roles that do not exist yet, and apply once they exist', async () => {
    expect(await grant(runner(), ['la"ter; --'])).toEqual([
      'These roles do not exist yet, and get their limits once they do: "la""ter; --"',
    ]);
    const session = sessionOf(await logIn());
    expect(await refusal(setRoleLimit(session, REAPER, 'la"ter; --', 1))).toMatchObject({ code: '42704' });
    await runner().query('create role "la""ter; --"; create role "la""ter; --_clone"');
    try {
      await setRoleLimit(session, REAPER, 'la"ter; --', 1);
      await setRoleLimit(session, REAPER, 'la"ter; --_clone', 2);
      expect([await limitOf('la"ter; --'), await limitOf('la"ter; --_clone')]).toEqual([1, 2]);
    } finally {
      await runner().query('drop role "la""ter; --"; drop role "la""ter; --_clone"');
    }
  });
});

const RUNBOOK = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
const CLEAN_UP = asReaper(RUNBOOK.match(/(?<=`)BEGIN;[^`]*DROP ROLE[^`]*(?=`)/)?.[0] ?? '');

/** A statement about the role and its schema, for those here. */
function asReaper(statement: string): string {
  return statement.replaceAll('connection_reaper', REAPER);
}

describe.each(Object.entries(runners))(
  'the statements of the runbook for a role that goes, run by %s,',
  (_, runner) => {
    it.each([
      ['by password', false],
      ['by token', true],
    ])('leave nothing of one that logs in %s', async (__, byToken) => {
      await database.admin.query(`
      create role rds_iam;
      revoke connect on database postgres from public;
      grant connect on database postgres to master, checkout;
    `);
      if (major >= 16) await database.admin.query('grant rds_iam to rds_superuser with admin option');
      try {
        await grant(runner(), ['checkout'], { byToken });
        await runner().query(CLEAN_UP);
        expect(await stateOf()).toBeUndefined();
        const { rowCount } = await database.admin.query('select from pg_namespace where nspname = $1', [REAPER]);
        expect(rowCount).toBe(0);
      } finally {
        await database.admin.query('drop role rds_iam; grant connect on database postgres to public');
      }
    });
  },
);

it('the statements of the runbook for a role that goes do after its owner took back what he gave on the database', async () => {
  await grant(master, []);
  await database.admin.query(`
    alter database postgres owner to billing;
    grant connect on database postgres to ${REAPER};
  `);
  try {
    expect(await refusal(master.query(CLEAN_UP))).toMatchObject({
      code: '2BP01',
      detail: expect.stringContaining('privileges for database postgres'),
    });
    await master.query('rollback');
    const [revoke = ''] = RUNBOOK.match(/(?<=`)REVOKE ALL ON DATABASE … FROM [^`]*/) ?? [];
    await (await database.connect('billing')).query(asReaper(revoke.replace('…', 'postgres')));
    await master.query(CLEAN_UP);
    expect(await stateOf()).toBeUndefined();
  } finally {
    await database.admin.query('alter database postgres owner to master');
  }
});

describe('the grants', () => {
  it('remove what a role of that name had before, and report what else it has', async () => {
    await database.admin.query(`
      create role ${REAPER} nologin noinherit createrole createdb bypassrls replication;
      grant checkout to ${REAPER} with admin option;
      grant pg_signal_backend to ${REAPER} with admin option;
      grant billing to ${REAPER};
    `);
    const notes = await grant(database.admin, ['checkout'], { adopt: true });
    expect(notes).toEqual([
      expect.stringMatching(/^least_reaper has REPLICATION .*ALTER ROLE least_reaper NOREPLICATION;$/),
      'least_reaper has more rights than it needs. Unless it is meant to: REVOKE billing FROM least_reaper;',
    ]);
    const { member_of, ...rest } = LEAST;
    expect(await stateOf()).toMatchObject({ ...rest, rolreplication: true, member_of: ['billing', ...member_of] });
    expect(await grant(database.admin, ['checkout'])).toEqual(notes);
  });

  it('let nobody else call the function, whatever the default privileges are', async () => {
    await database.admin.query('alter default privileges grant execute on functions to billing');
    try {
      await grant(database.admin, ['checkout'], { name: 'former_reaper' });
      await grant(database.admin, ['checkout']);
    } finally {
      await database.admin.query('alter default privileges revoke execute on functions from billing');
    }
    const { rows } = await database.admin.query(
      `select rolname from pg_roles
        where has_function_privilege(rolname, '${REAPER}.set_connection_limit(name, integer)', 'EXECUTE')
          and not rolsuper`,
    );
    await database.admin.query(
      'drop schema former_reaper cascade; drop owned by former_reaper; drop role former_reaper',
    );
    expect(rows).toEqual([{ rolname: REAPER }]);
  });

  it.each([
    ['a superuser among the limited', ['checkout', 'postgres'], REAPER, /^superusers, whom no .*: postgres$/],
    ['a superuser for the reaper', [], 'postgres', /^superusers, whom no .*: postgres$/],
    ['its own runner for the reaper', [], 'master', /^the role that sets up the reaper can not be .*: master$/],
    ['the reaper among the limited', ['checkout', REAPER], REAPER, /^the reaper can not limit its own role/],
    ['a name longer than names can be', ['x'.repeat(64)], REAPER, /^not the names of roles.*: x{64}$/],
    ['an empty name', [''], REAPER, /^not the names of roles/],
    ['a name that PostgreSQL keeps for itself', [], 'pg_reaper', /^not a name for the reaper's role.*: pg_reaper$/],
    ['the name of a twin', [], 'reaper_clone', /^not a name for the reaper's role.*: reaper_clone$/],
  ])('refuse %s, and change nothing', async (_, limited, name, message) => {
    expect((await refusal(grant(master, limited, { name }))).message).toMatch(message);
    expect(await stateOf()).toBeUndefined();
    expect((await database.admin.query('select from pg_namespace where nspname = $1', [REAPER])).rowCount).toBe(0);
  });

  it('fail with the roles and what to do when their runner may not alter them, and change nothing', async () => {
    await database.admin.query('create role "Foreign 1" replication; create role foreign2 replication');
    try {
      const error = await refusal(grant(master, ['checkout', 'Foreign 1', 'foreign2']));
      expect(error).toMatchObject({
        code: '42501',
        message: 'master may not alter the roles "Foreign 1", foreign2',
        hint: expect.stringContaining(
          major >= 16
            ? 'GRANT "Foreign 1", foreign2 TO master WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;'
            : 'REPLICATION',
        ),
      });
      expect(await stateOf()).toBeUndefined();
    } finally {
      await database.admin.query('drop role "Foreign 1"; drop role foreign2');
    }
  });

  it('fail when their runner may administer no roles', async () => {
    const checkout = await database.connect('checkout');
    expect((await refusal(grant(checkout, []))).message).toMatch(
      /^only a superuser, or a role with CREATEROLE .* not checkout$/,
    );
  });

  it('fail with the grant when their runner may not make a schema', async () => {
    await database.admin.query('alter database postgres owner to postgres');
    const error = await refusal(grant(master, ['checkout']));
    await database.admin.query('alter database postgres owner to master');
    expect(error).toMatchObject({ code: '42501', hint: 'GRANT CREATE ON DATABASE postgres TO master;' });
  });

  it('do not build on a schema that is somebody else’s', async () => {
    await database.admin.query(`create schema ${REAPER} authorization billing`);
    expect((await refusal(grant(database.admin, ['checkout']))).message).toBe(
      'the schema least_reaper in database postgres belongs to billing, not to postgres',
    );
  });

  it.runIf(major >= 16)('leave out the reserved slot when their runner may not grant it, and say so', async () => {
    await database.admin.query('revoke pg_use_reserved_connections from rds_superuser');
    const notes = await grant(master, ['checkout']);
    await database.admin.query('grant pg_use_reserved_connections to rds_superuser with admin option');
    expect(notes).toEqual([expect.stringMatching(/GRANT pg_use_reserved_connections TO least_reaper;$/)]);
  });

  it.runIf(major >= 16)('fail with the grant when their runner may not pass on what the reaper needs', async () => {
    await database.admin.query('revoke pg_signal_backend from rds_superuser');
    const error = await refusal(grant(master, ['checkout']));
    await database.admin.query('grant pg_signal_backend to rds_superuser with admin option');
    expect(error).toMatchObject({
      message: 'master may not grant pg_signal_backend',
      hint: 'As a superuser: GRANT pg_signal_backend TO least_reaper;',
    });
  });

  it('let it log in as a walsender only where a rescue login is declared', async () => {
    const rescued = { ...LEAST, rolreplication: true };
    expect(await grant(database.admin, [], { rescueLogin: 'replication' })).toEqual([]);
    expect(await stateOf()).toMatchObject(rescued);
    expect(await grant(database.admin, [], { rescueLogin: 'replication' })).toEqual([]);
    await logIn();
    expect(await grant(database.admin, [])).toEqual([expect.stringMatching(/^least_reaper has REPLICATION/)]);
  });

  it('fail with the grant when their runner may not let it log in as a walsender', async () => {
    expect(await refusal(grant(master, [], { rescueLogin: 'replication' }))).toMatchObject({
      code: '42501',
      hint: 'As a superuser: ALTER ROLE least_reaper REPLICATION; or do without rescueLogin.',
    });
    expect(await stateOf()).toBeUndefined();
  });

  it('give a rescue login by the role that RDS has for it', async () => {
    await database.admin.query('create role rds_replication');
    if (major >= 16) await database.admin.query('grant rds_replication to rds_superuser with admin option');
    try {
      expect(await grant(master, [], { rescueLogin: 'replication' })).toEqual([]);
      expect(await stateOf()).toMatchObject({ ...LEAST, member_of: [...LEAST.member_of, 'rds_replication'] });
    } finally {
      await database.admin.query('drop role rds_replication');
    }
  });

  describe('on a server with rds_iam', () => {
    const byToken = { ...LEAST, member_of: [...LEAST.member_of, 'rds_iam'] };

    beforeEach(async () => {
      await database.admin.query('create role rds_iam; create role staff');
      if (major >= 16) await database.admin.query('grant rds_iam to rds_superuser with admin option');
    });

    afterEach(() => database.admin.query('drop role rds_iam; drop role staff'));

    it.each(Object.entries(runners))(
      'make it a member where it logs in by token, and no longer, by %s',
      async (_, by) => {
        expect(await grant(by(), [], { byToken: true })).toEqual([]);
        expect(await stateOf()).toMatchObject(byToken);
        expect(await grant(by(), [], { byToken: true })).toEqual([]);
        expect(await stateOf()).toMatchObject(byToken);
        expect(await grant(by(), [])).toEqual([]);
        expect(await stateOf()).toMatchObject(LEAST);
      },
    );

    it('take a membership away that a role of that name had from somebody else', async () => {
      await asFormer(`create role ${REAPER} login; grant rds_iam to ${REAPER}`);
      await grant(database.admin, [], { adopt: true });
      expect(await stateOf()).toMatchObject(LEAST);
      await database.admin.query('drop role former');
    });

    it('leave it no right to make others members', async () => {
      await database.admin.query(`create role ${REAPER} login; grant rds_iam to ${REAPER} with admin option`);
      await grant(database.admin, [], { byToken: true, adopt: true });
      expect(await stateOf()).toMatchObject(byToken);
    });

    it('fail when a login by password would be refused all the same', async () => {
      await database.admin.query(`create role ${REAPER} login; grant rds_iam to staff; grant staff to ${REAPER}`);
      expect(await refusal(grant(database.admin, [], { adopt: true }))).toMatchObject({
        message: 'least_reaper can log in by token alone, as a member of staff and by that of rds_iam',
        hint: 'REVOKE staff FROM least_reaper; or let it log in by token.',
      });
      expect(await grant(database.admin, [], { byToken: true, adopt: true })).toEqual([
        'least_reaper has more rights than it needs. Unless it is meant to: REVOKE staff FROM least_reaper;',
      ]);
    });

    it('make it a member by itself, so that the advised REVOKE leaves it one', async () => {
      await database.admin.query(`create role ${REAPER} login; grant rds_iam to staff; grant staff to ${REAPER}`);
      await grant(database.admin, [], { byToken: true, adopt: true });
      await database.admin.query(`revoke staff from ${REAPER}`);
      expect(await stateOf()).toMatchObject(byToken);
    });

    it.runIf(major >= 16)('fail with the statement when their runner may not do it', async () => {
      await database.admin.query('revoke rds_iam from rds_superuser');
      expect(await refusal(grant(master, [], { byToken: true }))).toMatchObject({
        code: '42501',
        message: 'master may not grant rds_iam',
        hint: 'As a superuser: GRANT rds_iam TO least_reaper;',
      });
      await grant(database.admin, [], { byToken: true });
      await database.admin.query(`
        alter schema ${REAPER} owner to master;
        alter function ${REAPER}.limited_roles() owner to master;
        alter function ${REAPER}.set_connection_limit(name, integer) owner to master;
        grant ${REAPER} to master with admin true, inherit false, set false;
      `);
      expect(await refusal(grant(master, []))).toMatchObject({
        code: '42501',
        message: 'least_reaper can log in by token alone, and master may not change that',
        hint: 'As postgres, or as a superuser: revoke rds_iam from least_reaper granted by postgres;',
      });
    });
  });

  it('fail where there is no rds_iam to log in by token', async () => {
    expect(await refusal(grant(database.admin, [], { byToken: true }))).toMatchObject({
      code: '42704',
      message: 'there is no role rds_iam, whose members log in by token',
      hint: expect.stringMatching(/^On RDS and Aurora, turn on IAM authentication\. No other server/),
    });
    expect(await stateOf()).toBeUndefined();
  });

  it('ignore functions and operators in the search_path of their runner', async () => {
    const trap = `language plpgsql as $$ begin raise exception 'trapped'; end $$`;
    await database.admin.query(`
      create schema trap;
      create function trap.hashtext(text) returns int ${trap};
      create function trap.append(text[], text) returns text[] ${trap};
      create operator trap.|| (leftarg = text[], rightarg = text, function = trap.append);
      create function trap.equal(name, text) returns boolean ${trap};
      create operator trap.= (leftarg = name, rightarg = text, function = trap.equal);
    `);
    try {
      await database.admin.query('set search_path = trap, pg_catalog');
      await grant(database.admin, ['checkout']);
    } finally {
      await database.admin.query('reset search_path; drop schema trap cascade');
    }
  });
});

/** Everything that a refusal must leave as it is: the role, its password, its mark, its members and its functions. */
async function everythingOf(role = REAPER): Promise<unknown> {
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

async function markOf(role = REAPER): Promise<string | null> {
  const { rows } = await database.admin.query(
    "select shobj_description(oid, 'pg_authid') as mark from pg_roles where rolname = $1",
    [role],
  );
  return rows[0]?.mark;
}

/** The refusal, after which nothing is another than before. */
async function refusalWithoutChange(attempt: () => Promise<unknown>): Promise<pg.DatabaseError> {
  const before = await everythingOf();
  const error = await refusal(attempt());
  expect(await everythingOf()).toEqual(before);
  return error;
}

describe('the role of a reaper', () => {
  it.each(Object.entries(runners))('is not taken over for another database, by %s', async (_, by) => {
    await grant(by(), ['checkout']);
    const session = sessionOf(await logIn());
    const error = await refusalWithoutChange(() => grant(by(), ['billing'], { database: 'billing' }));
    expect(error).toMatchObject({
      code: '55006',
      message: 'the role least_reaper is that of the reaper of orders',
      hint: expect.stringMatching(/set reaperRole \(-v reaper=\).*-v adopt=on, and deploy again\.$/),
    });
    await setRoleLimit(session, REAPER, 'checkout', 7);
    expect(await limitOf('checkout')).toBe(7);
  });

  it('and that of another reaper each have their own roles to limit', async () => {
    await grant(database.admin, ['checkout']);
    await grant(database.admin, ['billing'], { name: 'second_reaper', database: 'billing' });
    try {
      const [first, second] = [sessionOf(await logIn()), sessionOf(await logIn('second_reaper'))];
      await setRoleLimit(first, REAPER, 'checkout', 7);
      await setRoleLimit(second, 'second_reaper', 'billing', 8);
      expect([await limitOf('checkout'), await limitOf('billing')]).toEqual([7, 8]);
      expect(await refusal(setRoleLimit(first, 'second_reaper', 'billing', 1))).toMatchObject({ code: '42501' });
      expect(await limitableRoles(second, 'second_reaper_clone')).toEqual(new Set(['billing', 'billing_clone']));
    } finally {
      await database.admin.query(
        'drop schema second_reaper cascade; drop owned by second_reaper; drop role second_reaper',
      );
    }
  });

  it('is not one that somebody else made', async () => {
    await master.query(`create role ${REAPER} login`);
    const error = await refusalWithoutChange(() => grant(database.admin, ['checkout']));
    expect(error).toMatchObject({
      code: '55006',
      message: `the role least_reaper was not made by a reaper${major >= 16 ? ', and is administered by master' : ''}`,
      hint: expect.stringMatching(/set reaperRole \(-v reaper=\).*-v adopt=on, and deploy again\.$/),
    });
  });

  it('is adopted on purpose, with a mark of its own and without the password that others know', async () => {
    await asFormer(`create role ${REAPER} login password 'known'`);
    await grant(database.admin, ['checkout'], { adopt: true });
    await database.admin.query('drop role former');
    expect(await markOf()).toBe('Connection Reaper: orders');
    expect(await stateOf()).toMatchObject(LEAST);
    const { rows } = await database.admin.query('select rolpassword from pg_authid where rolname = $1', [REAPER]);
    expect(rows).toEqual([{ rolpassword: null }]);
    // As the deployment does after that.
    await logIn();
    expect(await grant(database.admin, ['checkout', 'billing'])).toEqual([]);
    const before = await everythingOf();
    await grant(database.admin, ['checkout', 'billing'], { adopt: true });
    expect(await everythingOf()).toEqual(before);
  });

  describe('that an administrator of roles made before, and marked,', () => {
    let squatter: pg.Client;

    beforeEach(async () => {
      await database.admin.query(`create role squatter login createrole password '${PASSWORD}'`);
      squatter = await database.connect('squatter');
      await squatter.query(`
        create role ${REAPER} login password '${PASSWORD}';
        comment on role ${REAPER} is 'Connection Reaper: orders';
        ${major >= 16 ? '' : `grant ${REAPER} to squatter;`}
      `);
    });

    afterEach(async () => {
      await squatter.end();
      await database.admin.query(`drop owned by squatter; drop role squatter`);
    });

    it('is refused by the name of who keeps it', async () => {
      const error = await refusalWithoutChange(() => grant(database.admin, ['checkout']));
      expect(error).toMatchObject({
        code: '55006',
        message: 'the role least_reaper has members, who would get all that the reaper may do: squatter',
        hint: expect.stringMatching(/^Unless they are meant to: REVOKE least_reaper FROM squatter; .*adopt=on/),
      });
    });

    it('is taken from him where it is adopted, but not while he has a session of his or of its', async () => {
      const own = await database.connect(REAPER);
      expect(await refusalWithoutChange(() => grant(database.admin, [], { adopt: true }))).toMatchObject({
        code: '55006',
        message: `sessions are open that would get all that the reaper may do: pid ${[squatter, own]
          .map(pidOf)
          .sort((a, b) => a - b)
          .join(', ')}`,
        hint: expect.stringContaining('pg_terminate_backend'),
      });
      await Promise.all([own.end(), squatter.end()]);
      await until(async () => (await sessionsOf('squatter', REAPER)) === 0);
      await grant(database.admin, [], { adopt: true });
      const { rowCount } = await database.admin.query(
        'select from pg_auth_members where pg_get_userbyid(roleid) = $1 and pg_get_userbyid(member) = $2',
        [REAPER, 'squatter'],
      );
      expect(rowCount).toBe(0);
      expect(await grant(database.admin, [])).toEqual([]);
    });

    it('is refused while a session of it is open, though nobody is a member any more', async () => {
      await database.admin.query(`revoke ${REAPER} from squatter`);
      const own = await database.connect(REAPER);
      expect(await refusalWithoutChange(() => grant(database.admin, []))).toMatchObject({
        message: `sessions are open that would get all that the reaper may do: pid ${pidOf(own)}`,
      });
      await own.end();
      await until(async () => (await sessionsOf(REAPER)) === 0);
      await grant(database.admin, []);
    });
  });

  it('may have its twin from rotation as a member, and the twin may have no member', async () => {
    await grant(database.admin, []);
    await database.admin.query(`create role ${REAPER}_clone login; grant ${REAPER} to ${REAPER}_clone`);
    try {
      expect(await grant(database.admin, [])).toEqual([]);
      await database.admin.query(`grant ${REAPER}_clone to billing`);
      expect(await refusalWithoutChange(() => grant(database.admin, []))).toMatchObject({
        message: expect.stringMatching(/^the role least_reaper has members, .*: billing$/),
      });
    } finally {
      await database.admin.query(`drop role ${REAPER}_clone`);
    }
  });

  it.each([
    ['something else', `create table ${REAPER}.orders ()`, 'table'],
    [
      'a function by another signature',
      `create function ${REAPER}.limited_roles(int) returns int language sql as 'select 1'`,
      'function',
    ],
    [
      'a function of somebody else',
      `create function ${REAPER}.limited_roles() returns text[] language sql security definer as $$ select '{}'::text[] $$;
       alter function ${REAPER}.limited_roles() owner to billing`,
      'function',
    ],
  ])('does not share its schema with %s', async (_, statement, kind) => {
    await database.admin.query(`create schema ${REAPER}; grant usage on schema ${REAPER} to billing; ${statement}`);
    expect(await refusalWithoutChange(() => grant(database.admin, ['checkout']))).toMatchObject({
      code: '55006',
      message: expect.stringMatching(
        new RegExp(`^the schema least_reaper in database postgres holds what is not .*: ${kind} least_reaper\\.`),
      ),
    });
  });

  it('does not call a function that belongs to another than its schema', async () => {
    await grant(database.admin, ['checkout']);
    const session = sessionOf(await logIn());
    await database.admin.query(`alter function ${REAPER}.set_connection_limit(name, integer) owner to billing`);
    expect(await refusal(setRoleLimit(session, REAPER, 'checkout', 1))).toMatchObject({
      code: '42501',
      message: expect.stringMatching(/^(permission denied to alter|must be|permission denied$)/),
    });
  });

  async function sessionsOf(...names: readonly string[]): Promise<number> {
    const { rows } = await database.admin.query(
      'select count(*)::int as open from pg_stat_activity where usename = any ($1)',
      [names],
    );
    return rows[0].open;
  }
});

describe('the grants and what others hold', () => {
  const LOCK = "pg_advisory_xact_lock_shared(hashtext('connection_reaper'))";

  it('wait for no lock that any role can hold, nor for one that a prepared transaction holds', async () => {
    const checkout = await database.connect('checkout');
    await checkout.query(`begin; select ${LOCK}; prepare transaction 'held'`);
    await checkout.query(`begin; select ${LOCK}`);
    const began = performance.now();
    try {
      expect(await grant(database.admin, ['checkout'])).toEqual([]);
    } finally {
      await checkout.query('rollback');
      await checkout.query("rollback prepared 'held'");
    }
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  it('fail within seconds where a transaction that never ends has taken the name of their schema', async () => {
    await master.query(`begin; create schema ${REAPER}; prepare transaction 'held'`);
    const began = performance.now();
    try {
      expect(await refusal(grant(database.admin, ['checkout']))).toMatchObject({ code: '55P03' });
    } finally {
      await master.query("rollback prepared 'held'");
    }
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('all succeed where several run at once', async () => {
    const others = await Promise.all(Array.from({ length: 3 }, () => database.connect('master')));
    for (let round = 1; round <= 5; round += 1) {
      const notes = await Promise.all([master, ...others].map((client) => grant(client, ['checkout', 'billing'])));
      expect(notes.flat()).toEqual([]);
      expect(await stateOf()).toMatchObject(LEAST);
      await dropReaper();
    }
  });

  it('leave the role to one where two run at once for different databases', async () => {
    const other = await database.connect('master');
    const outcomes = await Promise.allSettled([
      grant(master, ['checkout']),
      grant(other, ['billing'], { database: 'billing' }),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const [refused] = outcomes.filter((outcome) => outcome.status === 'rejected');
    const [winner, limited] = outcomes[0]?.status === 'fulfilled' ? ['orders', 'checkout'] : ['billing', 'billing'];
    expect(refused?.reason).toMatchObject({ message: `the role least_reaper is that of the reaper of ${winner}` });
    expect(await limitableRoles(sessionOf(await logIn()), REAPER)).toEqual(new Set([limited, `${limited}_clone`]));
  });

  it.each(HOSTILE_SETTINGS)('ignore the settings of the database and the role: %s = %s', async (setting, value) => {
    const { superuser } = database.server;
    const owners = ['database postgres', `role ${superuser.user}`];
    // Whatever one of them breaks is better told by a name that needs quotes.
    const limited = ['NULL', "it's \\ s"];
    await database.admin.query(owners.map((owner) => `alter ${owner} set ${setting} = '${value}';`).join(''));
    try {
      const { session, close } = await openSession(
        database.sessionTarget({ credentials: { username: superuser.user, password: superuser.password } }),
        new AbortController().signal,
      );
      try {
        const role = { name: REAPER, database: 'orders', limitedRoles: limited, byToken: false } as const;
        expect(await grantRights(session, { ...role, rescueLogin: 'off' })).toEqual([
          `These roles do not exist yet, and get their limits once they do: "NULL", "it's \\ s"`,
        ]);
        if (setting === 'transaction_timeout') {
          expect(await session.query('show transaction_timeout')).toEqual([{ transaction_timeout: '0' }]);
        }
      } finally {
        await close();
      }
    } finally {
      await database.admin.query(owners.map((owner) => `alter ${owner} reset ${setting};`).join(''));
    }
    expect(await stateOf()).toMatchObject(LEAST);
    const { rows } = await database.admin.query(
      'select nspowner::regrole::text as owner from pg_namespace where nspname = $1',
      [REAPER],
    );
    expect(rows).toEqual([{ owner: superuser.user }]);
    const reaper = await logIn();
    expect(await limitableRoles(sessionOf(reaper), REAPER)).toEqual(
      new Set([...limited, ...limited.map((name) => `${name}_clone`)]),
    );
  });
});

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
