import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { REAPER_MARK } from '../../lambda/contract/names.js';
import { limitableRoles, setRoleLimit } from '../../lambda/postgres/sql/role-limits.js';
import {
  asFormer,
  database,
  grant,
  grantsOnServer,
  LEAST,
  limitOf,
  logIn,
  markOf,
  master,
  REAPER,
  refusal,
  runners,
  sessionOf,
  stateOf,
} from '../support/grants.js';
import { major } from '../support/postgres-majors.js';

grantsOnServer();

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

  it('let it see every connection, terminate them, and limit the declared roles', async () => {
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

  it('no longer let it limit a role that is not declared any more', async () => {
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

describe.each(Object.entries(runners))('the clean-up of the runbook, run by %s,', (_, runner) => {
  it.each([
    ['by password', false],
    ['by token', true],
  ])('leaves nothing of a role that logs in %s', async (__, byToken) => {
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
});

it('the clean-up of the runbook succeeds after the owner of the database revoked what he granted', async () => {
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
  it('revoke what an existing role of that name had, and report what they could not revoke', async () => {
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

  it('let no other role call the function, whatever the default privileges are', async () => {
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
    ['a superuser as the reaper', [], 'postgres', /^superusers, whom no .*: postgres$/],
    ['their own runner as the reaper', [], 'master', /^the role that sets up the reaper can not be .*: master$/],
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

  const rescue = { rescueLogin: 'replication' } as const;

  it.each([
    [
      'CREATEROLE',
      () => database.connect('checkout'),
      {},
      null,
      /^only a superuser, or .* CREATEROLE .* not checkout$/,
    ],
    ['CREATE on the database', () => master, {}, 'GRANT CREATE ON DATABASE postgres TO master;', /^/],
    ['REPLICATION', () => master, rescue, 'As a superuser: ALTER ROLE least_reaper REPLICATION; or do', /^/],
    [
      'the role rds_iam',
      () => master,
      { byToken: true },
      'On RDS and Aurora, turn on IAM',
      /^there is no role rds_iam/,
    ],
  ] as const)('change nothing and say what to do without %s', async (missing, runner, role, hint, message) => {
    if (missing.startsWith('CREATE on')) await database.admin.query('alter database postgres owner to postgres');
    try {
      const error = await refusal(grant(await runner(), ['checkout'], role));
      expect(error.message).toMatch(message);
      if (hint !== null) expect(error.hint).toContain(hint);
      expect(await stateOf()).toBeUndefined();
    } finally {
      await database.admin.query('alter database postgres owner to master');
    }
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

  it('fail when the schema belongs to another role', async () => {
    await database.admin.query(`create schema ${REAPER} authorization billing`);
    expect((await refusal(grant(database.admin, ['checkout']))).message).toBe(
      'the schema least_reaper in database postgres belongs to billing, not to postgres',
    );
  });

  it.runIf(major >= 16)('report the reserved slot as not granted when their runner may not grant it', async () => {
    await database.admin.query('revoke pg_use_reserved_connections from rds_superuser');
    const notes = await grant(master, ['checkout']);
    await database.admin.query('grant pg_use_reserved_connections to rds_superuser with admin option');
    expect(notes).toEqual([expect.stringMatching(/GRANT pg_use_reserved_connections TO least_reaper;$/)]);
  });

  it('let it log in as a walsender only where a rescue login is declared', async () => {
    const rescued = { ...LEAST, rolreplication: true };
    expect(await grant(database.admin, [], { rescueLogin: 'replication' })).toEqual([]);
    expect(await stateOf()).toMatchObject(rescued);
    expect(await grant(database.admin, [], { rescueLogin: 'replication' })).toEqual([]);
    await logIn();
    expect(await grant(database.admin, [])).toEqual([expect.stringMatching(/^least_reaper has REPLICATION/)]);
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

    it('revoke a membership that another role granted before', async () => {
      await asFormer(`create role ${REAPER} login; grant rds_iam to ${REAPER}`);
      await grant(database.admin, [], { adopt: true });
      expect(await stateOf()).toMatchObject(LEAST);
      await database.admin.query('drop role former');
    });

    it('leave it no permission to make others members', async () => {
      await database.admin.query(`create role ${REAPER} login; grant rds_iam to ${REAPER} with admin option`);
      await grant(database.admin, [], { byToken: true, adopt: true });
      expect(await stateOf()).toMatchObject(byToken);
    });

    it('fail when the server would still reject a login by password, and name the REVOKE that helps', async () => {
      await database.admin.query(`create role ${REAPER} login; grant rds_iam to staff; grant staff to ${REAPER}`);
      expect(await refusal(grant(database.admin, [], { adopt: true }))).toMatchObject({
        message: 'least_reaper can log in by token alone, as a member of staff and by that of rds_iam',
        hint: 'REVOKE staff FROM least_reaper; or let it log in by token.',
      });
      expect(await grant(database.admin, [], { byToken: true, adopt: true })).toEqual([
        'least_reaper has more rights than it needs. Unless it is meant to: REVOKE staff FROM least_reaper;',
      ]);
      // It is a member by itself too, so the advised REVOKE leaves it one.
      await database.admin.query(`revoke staff from ${REAPER}`);
      expect(await stateOf()).toMatchObject(byToken);
    });

    it.runIf(major >= 16)('fail with the statement when their runner has no permission for it', async () => {
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
