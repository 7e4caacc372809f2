import { describe, expect, it } from 'vitest';
import { diagnose } from '../../lambda/diagnosis/diagnose.js';
import { leakedConnections } from '../../lambda/diagnosis/diagnosis.js';
import { type Looks, lookAt, remember, withTerminated } from '../../lambda/diagnosis/looks.js';
import { attributionBy } from '../../lambda/policy/service.js';
import type { Backend } from '../../lambda/policy/snapshot.js';
import { aBackend, aServer, aSnapshot, backends } from '../support/builders.js';

const attribute = attributionBy([]);

function verdicts(connections: readonly Backend[], looks: Looks = [], maxConnections = 103) {
  const snapshot = aSnapshot({ backends: connections, server: aServer({ maxConnections }) });
  return diagnose(snapshot, attribute, 'connection_reaper', looks);
}

/** The verdict on `checkout`, and how many connections it calls lost. */
function verdict(connections: readonly Backend[], looks?: Looks, maxConnections?: number) {
  const found = verdicts(connections, looks, maxConnections).find(({ service }) => service.startsWith('checkout'));
  return found && { verdict: found.verdict, leaked: found.leaked.length };
}

/** Opened one after another, each used once, a pause apart; the last one a pause ago. */
function opened(count: number, pause: number, overrides: Partial<Backend> = {}): Backend[] {
  return Array.from({ length: count }, (_, index) => {
    const ageSeconds = (count - index) * pause;
    return aBackend({ ageSeconds, statementSeconds: ageSeconds - 0.05, stateSeconds: ageSeconds - 0.1, ...overrides });
  });
}

/** A pool whose connections were opened together, and used until some seconds ago. */
function pool(size: number, overrides: Partial<Backend> = {}): Backend[] {
  return Array.from({ length: size }, (_, index) =>
    aBackend({ ageSeconds: 600 + index, stateSeconds: 5 + 7 * index, statementSeconds: 5 + 7 * index, ...overrides }),
  );
}

const onHosts = (count: number, own: (overrides: Partial<Backend>) => readonly Backend[]) =>
  Array.from({ length: count }, (_, host) =>
    own({ clientAddr: `10.0.0.${host + 1}`, applicationName: `checkout-7d9f8b-x2k4${'bcdfghjklmnpqrstvwxz'[host]}` }),
  ).flat();

describe('a verdict', () => {
  it.each<[name: string, connections: readonly Backend[], verdict: string, leaked: number]>([
    ['a leak of one a second', opened(25, 1), 'leak', 25],
    ['a leak as fast as it can', opened(30, 0.2), 'leak', 30],
    ['a leak younger than idleTimeout', opened(60, 0.3), 'leak', 60],
    ['a leak by four callers at once', onFourCallers(24), 'leak', 24],
    [
      'a leak beside a busy pool',
      [...opened(20, 3), ...pool(5, { stateSeconds: 0.1, statementSeconds: 0.1 })],
      'leak',
      20,
    ],
    ['13 pods that leaked six each', onHosts(13, (at) => opened(6, 20, at)), 'leak', 78],
    ['a leak that ends its transactions', opened(12, 1, { lastStatement: 'commit' }), 'leak', 12],
    ['a leak in a transaction', opened(20, 0.5, { state: 'idle in transaction' }), 'leak_in_transaction', 20],
    [
      'one transaction left open',
      [aBackend({ state: 'idle in transaction', stateSeconds: 90 })],
      'leak_in_transaction',
      1,
    ],
    [
      'a transaction between two statements',
      [aBackend({ state: 'idle in transaction', stateSeconds: 2 })],
      'pool_at_rest',
      0,
    ],
    ['results that nobody reads', opened(6, 30, { state: 'active', waitEvent: 'ClientWrite' }), 'unread_result', 6],
    ['one slow reader', opened(1, 60, { state: 'active', waitEvent: 'ClientWrite' }), 'busy', 0],
    ['a loop that leaves psql open', opened(45, 1, { applicationName: 'psql' }), 'script_loop', 45],
    ['a monitoring tool', opened(20, 1, { lastStatement: 'monitoring' }), 'monitoring', 0],
    ['a pool at rest', pool(15), 'pool_at_rest', 0],
    ['a pool that was filled and not used', opened(20, 1, { lastStatement: 'none' }), 'pool_at_rest', 0],
    ['a pool that was filled and tested', opened(20, 0.1, { lastStatement: 'ping' }), 'pool_at_rest', 0],
    [
      'a pool that was filled and tested, of which one connection is used',
      [...opened(20, 0.1, { lastStatement: 'ping' }), aBackend({ ageSeconds: 2, stateSeconds: 0.1 })],
      'pool_at_rest',
      0,
    ],
    ['a health check that leaks', opened(20, 5, { lastStatement: 'ping' }), 'leak', 20],
    [
      'a leak beside a pool filled in advance',
      [...opened(20, 0.1, { lastStatement: 'ping' }), ...opened(15, 1)],
      'leak',
      15,
    ],
    ['connections given back with a reset', opened(20, 1, { lastStatement: 'reset' }), 'pool_at_rest', 0],
    ['listeners', opened(20, 1, { holding: 'listen' }), 'pool_at_rest', 0],
    ['18 pods with a healthy pool of five', onHosts(18, (at) => pool(5, at)), 'pool_too_large', 0],
    ['eight processes that started together', opened(8, 0.4), 'unclear', 8],
    ['13 pods of six processes that started together', onHosts(13, (at) => opened(6, 0.4, at)), 'unclear', 78],
    ['load', backends(60, { state: 'active', stateSeconds: 0.2 }), 'busy', 0],
    ['what the server does not tell', backends(60, { lastStatement: null, state: 'disabled' }), 'unclear', 0],
    ['a pooler by name', pool(20, { applicationName: 'pgbouncer' }), 'pooler', 0],
  ])('%s: %3$s', (_, connections, expected, leaked) => {
    const found = verdicts(connections)[0];
    expect(found?.reasons.join(' ')).not.toMatch(/NaN|Infinity|undefined|null/);
    expect({ verdict: found?.verdict, leaked: found?.leaked.length }).toEqual({ verdict: expected, leaked });
  });

  it('is silent_clients for a host that fell silent in one moment, in the middle of its work', () => {
    const frozen = Array.from({ length: 40 }, (_, index) =>
      aBackend({
        ageSeconds: 600 + index,
        stateSeconds: 90 + index / 40,
        state: index < 3 ? 'idle in transaction' : 'idle',
      }),
    ).map((backend) => ({ ...backend, stateSeconds: backend.state === 'idle' ? backend.stateSeconds : 50 }));
    const still = frozen.map((backend) => ({ ...backend, stateSeconds: 50 + (backend.stateSeconds ?? 0) / 1000 }));
    expect(verdict(still)).toEqual({ verdict: 'silent_clients', leaked: 40 });
  });

  it('names every leaker, also of one role, and no healthy service', () => {
    const found = verdicts([
      ...opened(15, 1),
      ...opened(12, 2, { applicationName: 'carts' }),
      ...opened(11, 3, { applicationName: '', role: 'orders' }),
      ...pool(5, { applicationName: 'billing' }),
    ]);
    expect(found.filter(({ verdict }) => verdict === 'leak').map(({ service }) => service)).toEqual([
      'checkout',
      'carts',
      'orders (none)',
    ]);
    expect(leakedConnections(found)).toHaveLength(38);
  });

  it('is the same behind a high max_connections', () => {
    expect(verdict(opened(60, 1), [], 1_000)).toEqual({ verdict: 'leak', leaked: 60 });
  });

  it('does not judge a reaper or the provider', () => {
    const own = opened(20, 1, { ofReaper: true });
    expect(verdicts([...own, ...opened(20, 1, { role: 'rdsadmin' })])).toEqual([]);
  });
});

describe('earlier looks', () => {
  const look = (connections: readonly Backend[], at: number, terminated = 0) => {
    const seen = lookAt({ backends: connections }, attribute, at);
    return terminated === 0 ? seen : withTerminated(seen, new Map([['checkout', terminated]]));
  };

  it('tell a leak that grows from processes that started together', () => {
    const now = opened(8, 0.4);
    expect(verdict(now, [look(now.slice(0, 5), 0)])).toEqual({ verdict: 'leak', leaked: 8 });
    expect(verdict(now, [look(now, 0)])).toMatchObject({ verdict: 'unclear' });
  });

  it('tell a leak that the sweeps keep small', () => {
    const now = opened(5, 60);
    const looks = [1, 2, 3].map((minute) => look(now, minute * 300_000, 5));
    expect(verdict(now, looks)).toMatchObject({ verdict: 'leak' });
  });

  it('tell clients that reconnect at once from a leak that fills up again', () => {
    const looks = [1, 2, 3].map((minute) => look(backends(20), minute * 60_000, 20));
    const backAtOnce = pool(20, { ageSeconds: 50 }).map((backend, index) => ({ ...backend, stateSeconds: 20 + index }));
    expect(verdict(backAtOnce, looks)).toEqual({ verdict: 'reconnects', leaked: 0 });
    expect(verdict(opened(20, 2.5), looks)).toMatchObject({ verdict: 'leak' });
    expect(verdict(backAtOnce, looks.slice(0, 2))).toMatchObject({ verdict: 'pool_at_rest' });
  });

  it('tell a pooler by names that changed on one connection', () => {
    const before = pool(5, { applicationName: 'billing' });
    const after = before.map((backend) => ({ ...backend, applicationName: 'checkout' }));
    expect(verdict(after, [look(before, 0)])).toMatchObject({ verdict: 'pooler' });
  });

  it('are bounded in number and in what they keep', () => {
    let looks: Looks = [];
    for (let minute = 0; minute < 100; minute += 1) looks = remember(looks, look(pool(3), minute * 60_000));
    expect(looks).toHaveLength(30);
    expect(looks.map(({ connections }) => connections.size)).toEqual([...Array(29).fill(0), 3]);
    expect(remember(looks, look(pool(3), 10 * 3_600_000))).toHaveLength(1);
    expect(look(backends(6_000), 0).connections.size).toBe(0);
  });
});

/** Four callers open a connection each at the same time, again and again, and take half a second for their query. */
function onFourCallers(count: number): Backend[] {
  return Array.from({ length: count }, (_, index) => {
    const ageSeconds = (count / 4 - Math.floor(index / 4)) * 2 + (index % 4) * 0.45;
    return aBackend({ ageSeconds, statementSeconds: ageSeconds - 0.05, stateSeconds: ageSeconds - 0.5 });
  });
}
