import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Backend } from '../../lambda/policy/snapshot.js';
import { type BatchSession, type OpenSession, openSession, type Session } from '../../lambda/postgres/session.js';
import { readSnapshot } from '../../lambda/postgres/sql/snapshot.js';
import { signal, stillThere } from '../../lambda/postgres/sql/terminate.js';
import { terminateBackends } from '../../lambda/postgres/terminate.js';
import { startCuttingProxy } from '../support/cutting-proxy.js';
import { busyWith, pidOf, rowsOf, startDatabase, type TestDatabase, until } from '../support/database.js';

let database: TestDatabase;
let opened: OpenSession;

beforeAll(async () => {
  database = await startDatabase({ max_connections: 200 });
});

afterAll(() => database[Symbol.asyncDispose]());

beforeEach(async () => {
  opened = await reaper();
  return () => opened.close();
});

function reaper(
  signal = new AbortController().signal,
  address: { readonly host: string; readonly port: number } = database.server,
): Promise<OpenSession> {
  return openSession(database.sessionTarget({ host: address.host, port: address.port }), signal);
}

const enoughTime = () => 10_000;

/** The rows of some sessions in a snapshot of now. */
async function seenNow<const Clients extends readonly pg.Client[]>(
  clients: Clients,
  session: BatchSession = opened.session,
) {
  return rowsOf((await readSnapshot(session, [])).backends, clients);
}

/** Looks at some sessions, lets something happen, and ends those that are still as they were. */
async function endAfter(
  clients: readonly pg.Client[],
  meanwhile: (seen: readonly Backend[]) => Promise<unknown> = async () => undefined,
  session: BatchSession = opened.session,
) {
  await waiting(...clients);
  const seen = await seenNow(clients, session);
  await meanwhile(seen);
  const { outcomes, error } = await terminateBackends(session, seen, enoughTime);
  const byPid = new Map(outcomes.map(({ backend, outcome, reason }) => [backend.pid, { outcome, reason }]));
  expect(outcomes).toHaveLength(clients.length);
  return { error, outcomes: clients.map((client) => byPid.get(pidOf(client))) };
}

/** A backend says that it is idle a moment before it waits for its client. */
function waiting(...clients: readonly pg.Client[]): Promise<void> {
  const wait = "select from pg_stat_activity where pid = any ($1) and wait_event = 'ClientRead'";
  return until(async () => (await database.admin.query(wait, [clients.map(pidOf)])).rowCount === clients.length);
}

const terminated = { outcome: 'terminated', reason: null };
const vanished = { outcome: 'vanished', reason: null };

describe('terminating connections', () => {
  it('terminates unchanged connections in two batches, and verifies that they are gone', async () => {
    const clients = await database.leak(120, 'checkout');
    const { outcomes, error } = await endAfter(clients);
    expect(error).toBeNull();
    expect(outcomes).toEqual(clients.map(() => terminated));
    expect(await database.alive(clients)).toEqual(clients.map(() => false));
  });

  it('spares a connection that ran a statement after the snapshot and is idle again', async () => {
    const [woken, leaked] = await database.leak(2, 'checkout');
    const { outcomes } = await endAfter([woken, leaked], () => woken.query('select 1'));
    expect(outcomes).toEqual([vanished, terminated]);
    expect((await woken.query('select 2 as still')).rows).toEqual([{ still: 2 }]);
  });

  it('spares a connection that runs a statement now', async () => {
    const [busy] = await database.leak(1, 'checkout');
    let statement: { readonly running: Promise<unknown> } | undefined;
    const { outcomes } = await endAfter([busy], async () => {
      statement = await busyWith(database.admin, busy, "select pg_sleep(1), 'done' as result");
    });
    expect(outcomes).toEqual([vanished]);
    expect(await statement?.running).toMatchObject({ rows: [{ result: 'done' }] });
  });

  it('spares a connection whose cached state is idle while its wait event shows a statement', async () => {
    // Within one transaction the server answers with the state it read first, as it does within one statement.
    const [flipped] = await database.leak(1, 'checkout');
    let statement: { readonly running: Promise<unknown> } | undefined;
    await opened.session.query('begin');
    const { outcomes } = await endAfter([flipped], async () => {
      statement = await busyWith(database.admin, flipped, "select pg_sleep(1), 'done' as result");
      const [row] = (await opened.session.query('select state from pg_stat_activity where pid = $1', [
        pidOf(flipped),
      ])) as { state: string }[];
      expect(row?.state).toBe('idle');
    });
    await opened.session.query('rollback');
    expect(outcomes).toEqual([vanished]);
    expect(await statement?.running).toMatchObject({ rows: [{ result: 'done' }] });
  });

  it('counts a connection that closed by itself as vanished', async () => {
    const [leaving, leaked] = await database.leak(2, 'checkout');
    const { outcomes } = await endAfter([leaving, leaked], () => leaving.end());
    expect(outcomes).toEqual([vanished, terminated]);
  });

  it('spares a newer connection with the same pid', async () => {
    const [client] = await database.leak(1, 'checkout');
    const [seen] = await seenNow([client]);
    const older: Backend = { ...seen, backendStart: '2020-01-01 00:00:00+00' };
    const { outcomes } = await terminateBackends(opened.session, [older], enoughTime);
    expect(outcomes).toEqual([{ backend: older, ...vanished }]);
    expect(await database.alive([client])).toEqual([true]);
  });

  it('terminates unchanged idle transactions', async () => {
    const clients = await database.leak(2, 'checkout');
    for (const client of clients) await client.query('begin');
    expect((await endAfter(clients)).outcomes).toEqual([terminated, terminated]);
  });

  it('terminates the others when the server refuses one', async () => {
    const [before, after, left] = await database.leak(3, 'billing');
    const refused = await database.connect('postgres', { ...database.server.superuser });
    const { outcomes, error } = await endAfter([before, refused, after, left], () => left.end());
    expect(error).toBeNull();
    expect(outcomes).toEqual([
      terminated,
      { outcome: 'refused', reason: expect.stringMatching(/^42501: /) },
      terminated,
      vanished,
    ]);
    expect(await database.alive([before, refused, after])).toEqual([false, true, false]);
  });

  it('counts connections that changed before the refused one as vanished', async () => {
    const [left, woken, leaked] = await database.leak(3, 'billing');
    const refused = await database.connect('postgres', { ...database.server.superuser });
    const { outcomes } = await endAfter([left, woken, refused, leaked], async () => {
      await left.end();
      await woken.query('select 1');
    });
    expect(outcomes).toEqual([vanished, vanished, { outcome: 'refused', reason: expect.any(String) }, terminated]);
    expect(await database.alive([woken, refused])).toEqual([true, true]);
  });

  it('terminates only client backends, even if a plan names a walsender', async () => {
    const walsender = await database.connect('postgres', {
      ...database.server.superuser,
      ...{ replication: 'database' },
    });
    const { rows } = await database.admin.query(
      'select pid, backend_start::text as "backendStart", state, state_change::text as "stateChange" from pg_stat_activity where pid = $1',
      [pidOf(walsender)],
    );
    const [client] = await database.leak(1, 'checkout');
    const [seen] = await seenNow([client]);
    const asVictim = { ...seen, ...rows[0] } as Backend;
    expect(asVictim.state).toBe('idle');
    const { outcomes } = await terminateBackends(opened.session, [asVictim], enoughTime);
    expect(outcomes).toMatchObject([{ outcome: 'vanished' }]);
    expect(await database.alive([walsender])).toEqual([true]);
  });

  it('does not take another backend with the same pid for the one that is gone', async () => {
    const [client] = await database.leak(1, 'checkout');
    const [seen] = await seenNow([client]);
    const older: Backend = { ...seen, backendStart: '2020-01-01 00:00:00+00' };
    expect([...(await stillThere(opened.session, [seen, older]))]).toEqual([seen.pid]);
    expect((await stillThere(opened.session, [older])).size).toBe(0);
  });

  it('reports what it may have done when its session breaks in the middle', async () => {
    const clients = await database.leak(120, 'checkout');
    const own = await reaper();
    const seen = await seenNow(clients, own.session);
    let statements = 0;
    const breaking: Session = {
      query: async (text, values) => {
        statements += 1;
        if (statements === 2) {
          const [row] = (await own.session.query('select pg_backend_pid() as pid')) as { pid: number }[];
          await database.admin.query('select pg_terminate_backend($1)', [row?.pid]);
          // Until the session knows that it is lost.
          await until(() =>
            own.session.query('select 1').then(
              () => false,
              () => true,
            ),
          );
        }
        return own.session.query(text, values);
      },
    };
    const { outcomes, error } = await terminateBackends(breaking, seen, enoughTime);
    expect(error).toBeInstanceOf(Error);
    const names = seen.map((backend) => {
      const found = outcomes.find((outcome) => outcome.backend === backend);
      return `${found?.outcome} ${found?.reason}`;
    });
    expect(outcomes).toHaveLength(120);
    // Those for whom the server was late were left for another statement, which was never sent, as were the others.
    const first = names.slice(0, 100).filter((name) => name !== 'spared stopped');
    expect(first.length).toBeGreaterThan(0);
    expect(new Set(first)).toEqual(new Set(['unconfirmed not_verified']));
    expect(new Set(names.slice(100))).toEqual(new Set(['spared stopped']));
    await own.close();
  });

  it('reports connections as unconfirmed when the answer about their signals was lost', async () => {
    await using proxy = await startCuttingProxy(database.server);
    const clients = await database.leak(20, 'checkout');
    const own = await reaper(undefined, proxy.address);
    const seen = await seenNow(clients, own.session);
    proxy.loseAnswers();
    const { outcomes, error } = await terminateBackends(own.session, seen, enoughTime);
    expect(error).toMatchObject({ name: 'SessionLostError', sent: true });
    expect(outcomes).toMatchObject(seen.map(() => ({ outcome: 'unconfirmed', reason: 'maybe_signalled' })));
    // Most of them were; the reaper can't know which.
    await until(async () => (await database.alive(clients)).includes(false));
    await own.close();
  });

  it('sends no further statement over a lost session', async () => {
    const own = await reaper();
    const [row] = (await own.session.query('select pg_backend_pid() as pid')) as { pid: number }[];
    await database.admin.query('select pg_terminate_backend($1)', [row?.pid]);
    await expect(own.session.query('select pg_sleep(1)')).rejects.toMatchObject({ name: 'SessionLostError' });
    await expect(own.session.query('select 1')).rejects.toMatchObject({ name: 'SessionLostError', sent: false });
    await own.close();
  });

  it('reports a hanging connection as signalled and still there', async () => {
    const [hanging] = await database.leak(1, 'checkout');
    await waiting(hanging);
    process.kill(pidOf(hanging), 'SIGSTOP');
    try {
      const { outcomes } = await endAfter([hanging]);
      expect(outcomes).toEqual([{ outcome: 'unconfirmed', reason: 'still_there' }]);
    } finally {
      process.kill(pidOf(hanging), 'SIGCONT');
    }
  });

  it('notices within a few milliseconds that a connection is gone', async () => {
    const [slow] = await database.leak(1, 'checkout');
    const looks: number[] = [];
    const watching: Session = {
      query: (text, values) => {
        if (!text.includes('pg_terminate_backend')) looks.push(performance.now());
        return opened.session.query(text, values);
      },
    };
    await waiting(slow);
    process.kill(pidOf(slow), 'SIGSTOP');
    setTimeout(() => process.kill(pidOf(slow), 'SIGCONT'), 1_500);
    const seen = await seenNow([slow]);
    expect((await terminateBackends(watching, seen, enoughTime)).outcomes).toMatchObject([{ outcome: 'terminated' }]);
    // Pauses that double without bound come to eight looks in this time.
    expect(looks.length).toBeGreaterThan(12);
  });

  it('looks once more when its time is over, and no longer', async () => {
    const clients = await database.leak(1, 'checkout');
    const seen = await seenNow(clients);
    let over = false;
    let looks = 0;
    const watching: Session = {
      query: async (text, values) => {
        const rows = await opened.session.query(text, values);
        if (over) looks += 1;
        if (rows.some((row) => (row as { readonly answer?: unknown }).answer === 'signalled')) {
          over = true;
          // A busy machine takes longer for it than the one look waits.
          await until(async () => !(await database.alive(clients)).includes(true));
        }
        return rows;
      },
    };
    const { outcomes } = await terminateBackends(watching, seen, () => (over ? 0 : 10_000));
    expect(outcomes).toMatchObject([{ outcome: 'terminated' }]);
    expect(looks).toBe(1);
  });

  it('spares the rest when its time is over', async () => {
    const clients = await database.leak(120, 'checkout');
    const seen = await seenNow(clients);
    const times = [10_000];
    const { outcomes } = await terminateBackends(opened.session, seen, () => times.shift() ?? 0);
    const late = outcomes.filter(({ outcome }) => outcome === 'spared');
    expect(outcomes).toHaveLength(120);
    // Of the first hundred those too for whom the server was late.
    expect(late.length).toBeGreaterThanOrEqual(20);
    expect(late.length).toBeLessThan(120);
    expect(late.every(({ reason }) => reason === 'out_of_time')).toBe(true);
    expect(await database.alive(clients)).toEqual(
      clients.map((client) => late.some(({ backend }) => backend.pid === pidOf(client))),
    );
  });

  it('retries a connection later when the state that it read is too old', async () => {
    const [leaked] = await database.leak(1, 'checkout');
    const seen = await seenNow([leaked]);
    // As if reading the states had taken longer than it may.
    const slow: Session = {
      query: (text, values) =>
        opened.session.query(
          text.replace("interval '1 microsecond' * (100", "interval '-1 second' + interval '0' * (100"),
          values,
        ),
    };
    const options = { whom: 'permitted', leaveLate: true } as const;
    expect([...(await signal(slow, seen, options))]).toEqual([[pidOf(leaked), 'late']]);
    expect(await database.alive([leaked])).toEqual([true]);
    // On a server where that is always so, it is terminated in the end.
    expect((await terminateBackends(slow, seen, enoughTime)).outcomes).toMatchObject([{ outcome: 'terminated' }]);
  });
});
