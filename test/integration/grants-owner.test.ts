import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { grantRights } from '../../lambda/postgres/grant-privileges.js';
import { openSession } from '../../lambda/postgres/session.js';
import { limitableRoles, setRoleLimit } from '../../lambda/postgres/sql/role-limits.js';
import { PASSWORD, pidOf, until } from '../support/database.js';
import {
  asFormer,
  database,
  dropReaper,
  everythingOf,
  grant,
  grantsOnServer,
  LEAST,
  limitOf,
  logIn,
  markOf,
  master,
  REAPER,
  refusal,
  refusalWithoutChange,
  runners,
  sessionOf,
  stateOf,
} from '../support/grants.js';
import { HOSTILE_SETTINGS } from '../support/hostile-settings.js';
import { major } from '../support/postgres-majors.js';

grantsOnServer();

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
