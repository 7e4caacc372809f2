import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runInstance } from '../../lambda/instance-run.js';
import { type Login, login } from '../../lambda/login/login.js';
import { endLostSessions, runLockKey, takeRunLock } from '../../lambda/postgres/sql/run-lock.js';
import { readSnapshot } from '../../lambda/postgres/sql/snapshot.js';
import { aPolicy } from '../support/builders.js';
import { PASSWORD, sourcesOf, startDatabase, type TestDatabase, until } from '../support/database.js';

const OWNER = { ownRole: 'connection_reaper', user: 'connection_reaper' };
const KEY = runLockKey('connection_reaper');

let database: TestDatabase;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  database = await startDatabase({ max_connections: 40, max_prepared_transactions: 2 });
  await database.admin.query(`create role other_reaper login password '${PASSWORD}'`);
});

afterAll(() => database[Symbol.asyncDispose]());

afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ close }) => close()));
  await until(async () => {
    const { rows } = await database.admin.query("select count(*)::int as n from pg_locks where locktype = 'advisory'");
    return rows[0].n === 0;
  });
});

async function logIn(username = 'connection_reaper'): Promise<Login> {
  const session = await login(database.target(), sourcesOf(username), new AbortController().signal);
  opened.push(session);
  return session;
}

/** An application's session that took the lock. */
async function intruder(statement: string): Promise<pg.Client> {
  const client = await database.connect('checkout', { application_name: 'connection-reaper' });
  opened.push({ close: () => client.end() });
  await client.query(statement);
  return client;
}

const sweep = aPolicy({ idleTimeout: '1s', roleLimits: { billing: 3 } });
const result = (policy = sweep, username = 'connection_reaper') =>
  runInstance(database.target(), sourcesOf(username), policy, 20_000);

describe('one run at a time', () => {
  it('reports another run of this reaper, and changes nothing', async () => {
    const other = await logIn();
    expect(await takeRunLock(other.session, OWNER, 0)).toMatchObject({ runAtWork: null });
    const found = await result();
    expect(found).toMatchObject({ errors: [], roleLimits: [], runAtWork: { role: 'connection_reaper' } });
    expect(found.snapshot?.backends.length).toBeGreaterThan(0);
    // A look needs no lock.
    expect((await result(aPolicy({}, { action: 'report' }))).runAtWork).toBeNull();

    const waiting = result(aPolicy({}, { action: 'reap' }));
    await until(async () => {
      const { rows } = await database.admin.query(
        "select count(*)::int as n from pg_stat_activity where usename = 'connection_reaper' and query ~ 'pg_locks'",
      );
      return rows[0].n === 1;
    });
    await other.close();
    expect(await waiting).toMatchObject({ runAtWork: null, errors: [] });
  });

  it.each([
    ['alone', `select pg_advisory_lock(${KEY})`],
    ['shared', `select pg_advisory_lock_shared(${KEY})`],
  ])(
    'runs although an application holds the lock %s, under the application_name of the reaper',
    async (_, statement) => {
      await intruder(statement);
      const [leaked] = await database.leak(1, 'billing');
      await database.idleFor(1);
      const found = await result();
      expect(found).toMatchObject({ errors: [], runAtWork: null, intruders: [{ role: 'checkout' }] });
      expect(found.outcomes).toContainEqual(expect.objectContaining({ outcome: 'terminated' }));
      expect(await database.alive([leaked])).toEqual([false]);
    },
  );

  it('runs and names a prepared transaction that holds the lock', async () => {
    await intruder(`begin; select pg_advisory_xact_lock(${KEY}); prepare transaction 'stuck'`);
    const found = await result();
    await database.admin.query("rollback prepared 'stuck'");
    expect(found).toMatchObject({ runAtWork: null, intruders: [{ pid: null, gid: 'stuck', role: 'checkout' }] });
  });

  it('keeps two runs apart while an application shares the lock', async () => {
    await intruder(`select pg_advisory_lock_shared(${KEY})`);
    const first = await logIn();
    expect(await takeRunLock(first.session, OWNER, 0)).toMatchObject({ runAtWork: null });
    expect((await result()).runAtWork).toMatchObject({ role: 'connection_reaper' });
  });

  it('does not wait for another reaper', async () => {
    const other = await logIn('other_reaper');
    const owner = { ownRole: 'other_reaper', user: 'other_reaper' };
    expect(await takeRunLock(other.session, owner, 0)).toMatchObject({ runAtWork: null, intruders: [] });
    expect(await result()).toMatchObject({ runAtWork: null, intruders: [] });
    expect(runLockKey('connection_reaper_clone')).toBe(KEY);
  });

  it('terminates the session of a lost run, and takes its lock', async () => {
    const lost = await logIn();
    await takeRunLock(lost.session, OWNER, 0);
    await database.idleFor(0.4);
    const next = await logIn();
    expect((await takeRunLock(next.session, OWNER, 0, 5_000)).runAtWork).toMatchObject({ role: 'connection_reaper' });
    expect(await takeRunLock(next.session, OWNER, 0, 300)).toMatchObject({
      runAtWork: null,
      lost: [{ role: 'connection_reaper' }],
    });
    await expect(lost.session.query('select 1')).rejects.toThrow(/the session was lost/);
  });

  it('terminates the other sessions of a lost run, and no session of another name or role', async () => {
    const lost = await logIn();
    const person = await database.connect('connection_reaper', { application_name: 'psql' });
    opened.push({ close: () => person.end() });
    const other = await logIn('other_reaper');
    await database.idleFor(0.4);
    const next = await logIn();
    const { backends } = await readSnapshot(next.session, []);
    expect(await endLostSessions(next.session, OWNER, backends, 5_000)).toEqual([]);
    expect(await endLostSessions(next.session, OWNER, backends, 300)).toMatchObject([{ role: 'connection_reaper' }]);
    await until(async () =>
      lost.session.query('select 1').then(
        () => false,
        () => true,
      ),
    );
    await person.query('select 1');
    await other.session.query('select 1');
  });

  it('runs while a role with only the name of its twin holds the lock', async () => {
    await database.admin.query(`create role connection_reaper_clone login password '${PASSWORD}'`);
    const squatter = await database.connect('connection_reaper_clone', { application_name: 'connection-reaper' });
    opened.push({ close: () => squatter.end() });
    await squatter.query(`select pg_advisory_lock(${KEY})`);
    expect(await result()).toMatchObject({ runAtWork: null, intruders: [{ role: 'connection_reaper_clone' }] });
    await database.admin.query('grant connection_reaper to connection_reaper_clone');
    expect(await result()).toMatchObject({ runAtWork: { role: 'connection_reaper_clone' }, intruders: [] });
    await database.admin.query('revoke connection_reaper from connection_reaper_clone');
  });

  it('runs without the lock when the lost session that holds it hangs', async () => {
    const lost = await logIn();
    await takeRunLock(lost.session, OWNER, 0);
    const [row] = (await lost.session.query('select pg_backend_pid() as pid')) as { pid: number }[];
    const pid = row?.pid ?? 0;
    await database.idleFor(0.4);
    process.kill(pid, 'SIGSTOP');
    try {
      const next = await logIn();
      expect(await takeRunLock(next.session, OWNER, 0, 300)).toMatchObject({ runAtWork: null, lost: [{ pid }] });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });

  it('leaves no lock behind, however it ends', async () => {
    await result();
    const cut = await logIn();
    await takeRunLock(cut.session, OWNER, 0);
    await database.admin.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'connection_reaper'",
    );
    await until(async () => {
      const { rows } = await database.admin.query(
        "select count(*)::int as locks from pg_locks where locktype = 'advisory'",
      );
      return rows[0].locks === 0;
    });
    expect((await result()).runAtWork).toBeNull();
  });
});
