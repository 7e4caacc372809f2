import { describe, expect, it } from 'vitest';
import type { SettingsInput } from '../../lambda/input/settings.js';
import { planRun } from '../../lambda/policy/plan.js';
import type { Backend } from '../../lambda/policy/snapshot.js';
import type { SpareReason } from '../../lambda/policy/spared.js';
import { aBackend, aPolicy, aRole, aServer, aSnapshot, backends } from '../support/builders.js';

function plan(seen: readonly Backend[], settings: Partial<SettingsInput> = {}, event: unknown = {}) {
  const { terminations, spared } = planRun(aSnapshot({ backends: seen }), aPolicy(settings, event));
  return {
    chosen: terminations,
    pids: terminations.map(({ pid }) => pid),
    spared: Object.fromEntries(spared.map(({ backend, reason }) => [backend.pid, reason])),
  };
}

function reasonFor(
  backend: Backend,
  settings: Partial<SettingsInput> = {},
  event: unknown = {},
): SpareReason | 'chosen' {
  const { pids, spared } = plan([backend], settings, event);
  return pids.includes(backend.pid) ? 'chosen' : (spared[backend.pid] as SpareReason);
}

const REAPER = { role: 'connection_reaper', applicationName: 'connection-reaper' };

const reapEverything = { action: 'reap', idleTimeout: '1s', includeIdleInTransaction: true };

describe('the connections that a policy chooses', () => {
  type Case = readonly [name: string, backend: Partial<Backend>, want: SpareReason | 'chosen'];

  const byDefault: readonly Case[] = [
    ['an idle backend past the threshold', { stateSeconds: 301 }, 'chosen'],
    ['one exactly at the threshold', { stateSeconds: 300 }, 'chosen'],
    ['one just below it', { stateSeconds: 299.9 }, 'below_idle_timeout'],
    ['an idle transaction', { state: 'idle in transaction' }, 'in_transaction'],
    ['an aborted transaction', { state: 'idle in transaction (aborted)' }, 'in_transaction'],
    ['a role that only has the name of a twin', { ...REAPER, role: 'connection_reaper_clone' }, 'chosen'],
    ['an application that only calls itself a reaper', { applicationName: 'connection-reaper' }, 'chosen'],
    ["a leak of the reaper's role under another name", { ...REAPER, applicationName: 'psql' }, 'chosen'],
    ["dblink's, by loopback", { clientAddr: '127.0.0.1' }, 'opened_by_server'],
    ["dblink's, by a Unix socket", { clientAddr: null }, 'opened_by_server'],
    ['a session of another reaper, by the mark of its role', { ofReaper: true }, 'reaper'],
  ];

  it.each(byDefault)('%s: %j is %s', (_, backend, want) => {
    expect(reasonFor(aBackend(backend))).toBe(want);
  });

  const byReap: readonly Case[] = [
    ['a busy one', { state: 'active' }, 'active'],
    ['a fastpath call', { state: 'fastpath function call' }, 'active'],
    ['an idle transaction', { state: 'idle in transaction' }, 'chosen'],
    ['an aborted transaction', { state: 'idle in transaction (aborted)' }, 'chosen'],
    ['an untracked one', { state: 'disabled', stateSeconds: null }, 'state_unknown'],
    ['one still logging in', { state: 'starting', role: null }, 'starting'],
    ['one without a time of change', { stateSeconds: null }, 'state_unknown'],
    ['one we may not read', { readable: false, state: null }, 'unreadable'],
    ['a superuser', { superuser: true }, 'superuser'],
    ['a role that was dropped', { role: null }, 'unknown_role'],
    ...['rdsadmin', 'rdstopmgr', 'rdsrepladmin', 'rdsproxyadmin'].map(
      (role): Case => ["a role of the provider's", { role }, 'provider_role'],
    ),
    ['another reaper', REAPER, 'reaper'],
    ['the twin of another reaper', { ...REAPER, role: 'connection_reaper_clone', ofReaper: true }, 'reaper'],
    ['an advisory lock holder', { holding: 'advisory_lock' }, 'advisory_lock'],
    ['who runs a base backup', { holding: 'base_backup' }, 'base_backup'],
    ['the remote side of postgres_fdw', { applicationName: 'postgres_fdw' }, 'opened_by_server'],
    ["dblink's, by the server's own address", { applicationName: '', clientAddr: '10.0.9.9' }, 'opened_by_server'],
  ];

  it.each(byReap)('a reap of everything, %s: %j is %s', (_, backend, want) => {
    expect(reasonFor(aBackend(backend), {}, reapEverything)).toBe(want);
  });

  it.each([
    [{ clientAddr: '10.0.9.9' }, { application: 'checkout', terminateStateful: true }, 'chosen'],
    [{ holding: 'advisory_lock' }, { application: 'checkout', terminateStateful: true }, 'chosen'],
    [{ superuser: true }, { application: '*', terminateStateful: true }, 'superuser'],
    [{ holding: 'advisory_lock' }, { application: 'checkout', idleTimeout: '1s' }, 'advisory_lock'],
  ] as const)('%j under the rule %j is %s', (backend, rule, want) => {
    expect(reasonFor(aBackend(backend), { rules: [rule] })).toBe(want);
  });

  it.each([{ superuser: true }, { readable: false }, { role: 'rdsadmin' }])(
    'never chooses by a rule what is always spared: %j',
    (odd) => {
      const settings: Partial<SettingsInput> = {
        rules: [{ role: '*', idleTimeout: '1s', terminateStateful: true }],
        idleTimeout: '1s',
      };
      expect(reasonFor(aBackend(odd), settings, reapEverything)).not.toBe('chosen');
    },
  );
});

describe('a run by the break-glass login', () => {
  it('spares the reapers of the own role and of the role it came in by', () => {
    const seen = ['connection_reaper', 'breaker', 'checkout'].map((role) =>
      aBackend({ role, applicationName: 'connection-reaper' }),
    );
    const snapshot = aSnapshot({ server: aServer({ user: 'breaker' }), backends: seen });
    const { terminations } = planRun(snapshot, aPolicy({}, reapEverything), 'connection_reaper');
    expect(terminations.map(({ role }) => role)).toEqual(['checkout']);
  });
});

describe('rules', () => {
  it('lets the first match win', () => {
    const rules: SettingsInput['rules'] = [
      { application: 'checkout', idleTimeout: '2h' },
      { role: 'checkout', idleTimeout: '1s' },
    ];
    expect(reasonFor(aBackend({ stateSeconds: 3600 }), { rules })).toBe('below_idle_timeout');
    expect(reasonFor(aBackend({ stateSeconds: 3600, applicationName: 'other' }), { rules })).toBe('chosen');
  });

  it('needs every matcher of a rule to match', () => {
    const rules: SettingsInput['rules'] = [
      { application: 'checkout', role: 'checkout', database: 'shop', address: '10.0.0.0/8', spare: true },
    ];
    expect(reasonFor(aBackend(), { rules })).toBe('rule');
    for (const other of [
      { applicationName: 'x' },
      { role: 'x' },
      { database: 'x' },
      { clientAddr: '192.168.0.1' },
      { clientAddr: null },
      { database: null },
    ]) {
      expect(reasonFor(aBackend(other), { rules })).not.toBe('rule');
    }
  });

  it('keeps the number of a rule, or of the settings where the rule names none', () => {
    const settings: Partial<SettingsInput> = { keepPerApplication: 1, rules: [{ application: 'checkout', keep: 3 }] };
    const { pids, spared } = plan([...backends(5), ...backends(5, { applicationName: 'billing' })], settings);
    expect(pids).toHaveLength(2 + 4);
    expect(Object.values(spared)).toEqual(['keep', 'keep', 'keep', 'keep']);
  });
});

describe('floors, caps and fair shares', () => {
  it('counts busy backends towards the floor, and lets the most recently used idle ones stay', () => {
    const idle = [10, 5000, 400, 600].map((stateSeconds) => aBackend({ stateSeconds }));
    const { chosen } = plan([aBackend({ state: 'active' }), ...idle], { keepPerApplication: 3 });
    expect(chosen.map(({ stateSeconds }) => stateSeconds)).toEqual([5000, 600]);
  });

  it('counts a floor over all names that are rewritten to one', () => {
    const pods = ['checkout-a', 'checkout-b', 'checkout-c'].map((applicationName) => aBackend({ applicationName }));
    const settings = { keepPerApplication: 2, applicationNames: [{ match: 'checkout-*', name: 'checkout' }] };
    expect(plan(pods, settings).pids).toHaveLength(1);
  });

  it('under a cap takes from the application with the most backends, its oldest first', () => {
    const few = [9000, 8000].map((stateSeconds) => aBackend({ applicationName: 'few', stateSeconds }));
    const many = [500, 700, 600, 400].map((stateSeconds) => aBackend({ applicationName: 'many', stateSeconds }));
    const { chosen, spared } = plan([...few, ...many], { maxTerminationsPerRun: 3 });
    expect(chosen.map(({ applicationName, stateSeconds }) => [applicationName, stateSeconds])).toEqual([
      ['many', 700],
      ['many', 600],
      ['few', 9000],
    ]);
    expect(Object.values(spared)).toEqual(['max_terminations', 'max_terminations', 'max_terminations']);
  });

  it('gives every backend exactly one place in the plan', () => {
    const seen = [
      ...backends(20),
      ...backends(10, { applicationName: 'b', stateSeconds: 1 }),
      ...backends(7, { state: 'active' }),
    ];
    const { pids, spared } = plan(seen, { maxTerminationsPerRun: 5, keepPerApplication: 2 });
    expect([...pids, ...Object.keys(spared).map(Number)].sort()).toEqual(seen.map(({ pid }) => pid).sort());
  });
});

describe('pressure', () => {
  const pressure = [
    { usedPercent: 80, idleTimeout: '2m' },
    { usedPercent: 95, idleTimeout: '30s' },
  ];
  /** 97 usable slots, as many taken as asked for, one of them idle for this long. */
  const chosenAt = (used: number, stateSeconds: number, settings: Partial<SettingsInput> = {}) =>
    plan([aBackend({ stateSeconds }), ...backends(used - 1, { state: 'active' })], { pressure, ...settings }).pids
      .length === 1;

  it.each([
    [77, 121, false],
    [78, 121, true],
    [78, 119, false],
    [92, 31, false],
    [93, 31, true],
    [97, 29, false],
    [40, 301, true],
  ])('with %d of 97 slots taken and %d s idle: %s', (used, stateSeconds, want) => {
    expect(chosenAt(used, stateSeconds)).toBe(want);
  });

  it('holds from the very share on', () => {
    const server = aServer({ maxConnections: 103 });
    const seen = [aBackend({ stateSeconds: 121 }), ...backends(79, { state: 'active' })];
    const { terminations } = planRun(aSnapshot({ server, backends: seen }), aPolicy({ pressure }));
    expect(terminations).toHaveLength(1);
  });

  it("does not change a rule's own threshold", () => {
    const rules: SettingsInput['rules'] = [{ application: 'checkout', idleTimeout: '4m' }];
    expect(chosenAt(97, 200, { rules })).toBe(false);
    expect(chosenAt(97, 241, { rules })).toBe(true);
  });
});

describe('idle transactions under a policy', () => {
  const settings: Partial<SettingsInput> = { idleInTransactionTimeout: '10m' };
  it.each(['idle in transaction', 'idle in transaction (aborted)'] as const)(
    '%s have a threshold of their own',
    (state) => {
      expect(reasonFor(aBackend({ state, stateSeconds: 601 }), settings)).toBe('chosen');
      expect(reasonFor(aBackend({ state, stateSeconds: 599 }), settings)).toBe('below_idle_timeout');
      expect(
        reasonFor(aBackend({ state, stateSeconds: 599 }), { ...settings, rules: [{ role: '*', idleTimeout: '1s' }] }),
      ).toBe('below_idle_timeout');
      expect(reasonFor(aBackend({ state, stateSeconds: 9999 }), settings, { action: 'reap', idleTimeout: '1s' })).toBe(
        'in_transaction',
      );
    },
  );

  it('does not make idle backends wait as long', () => {
    expect(reasonFor(aBackend({ stateSeconds: 301 }), settings)).toBe('chosen');
  });
});

describe('trimming what a role has above its limit', () => {
  const settings: Partial<SettingsInput> = { roleLimits: { checkout: 3 }, terminateAboveRoleLimit: true };
  const young = [40, 50, 31, 60, 29].map((stateSeconds) => ({ stateSeconds }));
  const seconds = (chosen: readonly Backend[]) => chosen.map(({ stateSeconds }) => stateSeconds);

  it('names the databases of all that may be taken, also in the place of another', () => {
    const seen = [
      aBackend({ stateSeconds: 60, database: 'a' }),
      aBackend({ stateSeconds: 50, database: 'b' }),
      aBackend({ stateSeconds: 50, database: 'c', role: 'unlimited' }),
    ];
    const { terminations, unseenDatabases } = planRun(
      aSnapshot({ backends: seen }),
      aPolicy({ ...settings, roleLimits: { checkout: 1 } }),
    );
    expect(terminations.map(({ database }) => database)).toEqual(['a']);
    expect(unseenDatabases).toEqual(['a', 'b']);
  });

  it('takes from 30 s on, and nobody out of a transaction', () => {
    const all = { ...settings, roleLimits: { checkout: 0 }, idleInTransactionTimeout: '1h' };
    const seen = [
      aBackend({ stateSeconds: 30 }),
      aBackend({ stateSeconds: 29.9 }),
      aBackend({ stateSeconds: 60, state: 'idle in transaction' }),
    ];
    expect(seconds(plan(seen, all).chosen)).toEqual([30]);
  });

  it('takes the oldest, as many as are above the limit, and none under 30 s', () => {
    expect(seconds(plan(young.map(aBackend), settings).chosen)).toEqual([60, 50]);
    const all = { ...settings, roleLimits: { checkout: 0 } };
    expect(seconds(plan(young.map(aBackend), all).chosen)).toEqual([60, 50, 40, 31]);
  });

  it('counts those that go anyway, and the busy ones', () => {
    const seen = [...young.map(aBackend), aBackend({ stateSeconds: 999 }), aBackend({ state: 'active' })];
    expect(seconds(plan(seen, settings).chosen)).toEqual([999, 60, 50, 40]);
  });

  it('is off unless asked for, and touches no other role', () => {
    expect(plan(young.map(aBackend), { roleLimits: { checkout: 3 } }).chosen).toEqual([]);
    const billing = young.map((one) => aBackend({ ...one, role: 'billing' }));
    expect(plan(billing, settings).chosen).toEqual([]);
  });

  it('stays within protections, rules, floors and caps', () => {
    const holding = young.map((one) => aBackend({ ...one, holding: 'advisory_lock' }));
    expect(plan(holding, settings).chosen).toEqual([]);
    expect(plan(young.map(aBackend), { ...settings, rules: [{ role: 'checkout', spare: true }] }).chosen).toEqual([]);
    expect(plan(young.map(aBackend), { ...settings, keepPerApplication: 4 }).chosen).toHaveLength(1);
    expect(plan(young.map(aBackend), { ...settings, maxTerminationsPerRun: 1 }).chosen).toHaveLength(1);
  });

  it("sums a role and its rotation's twin", () => {
    const seen = [
      ...young.slice(0, 2).map(aBackend),
      ...young.slice(2).map((one) => aBackend({ ...one, role: 'checkout_clone' })),
    ];
    expect(seconds(plan(seen, settings).chosen)).toEqual([60, 50]);
  });

  it('leaves a manual reap to what it was asked for', () => {
    expect(plan(young.map(aBackend), settings, { action: 'reap' }).chosen).toEqual([]);
  });
});

describe('a manual reap', () => {
  it('replaces every threshold, the rules own included', () => {
    const settings: Partial<SettingsInput> = { rules: [{ application: 'checkout', idleTimeout: '1d' }] };
    expect(reasonFor(aBackend({ stateSeconds: 61 }), settings, { action: 'reap', idleTimeout: '1m' })).toBe('chosen');
    expect(reasonFor(aBackend({ stateSeconds: 59 }), settings, { action: 'reap', idleTimeout: '1m' })).toBe(
      'below_idle_timeout',
    );
  });

  it('keeps the deployed thresholds when it names none', () => {
    expect(reasonFor(aBackend({ stateSeconds: 299 }), {}, { action: 'reap' })).toBe('below_idle_timeout');
  });

  it.each([
    [{ applications: ['checkout*'] }, { applicationName: 'checkout-1' }, { applicationName: 'billing' }],
    [{ applications: ['(none)'] }, { applicationName: '' }, { applicationName: 'billing' }],
    [{ roles: ['check?ut'] }, { role: 'checkout' }, { role: 'checkkout' }],
    [{ databases: ['shop'] }, { database: 'shop' }, { database: 'shop2' }],
    [{ addresses: ['10.0.0.0/24'] }, { clientAddr: '10.0.0.200' }, { clientAddr: '10.0.1.1' }],
    [{ addresses: ['10.0.0.0/24'] }, { clientAddr: '10.0.0.200' }, { clientAddr: null }],
  ])('by %j selects %j and not %j', (selection, meant, other) => {
    expect(reasonFor(aBackend(meant), {}, { action: 'reap', ...selection })).toBe('chosen');
    expect(reasonFor(aBackend(other), {}, { action: 'reap', ...selection })).toBe('not_selected');
  });

  it('selects nobody when one of its lists matches nobody', () => {
    const event = { action: 'reap', applications: ['checkout'], roles: ['nobody-has-this-name'] };
    expect(plan(backends(3), {}, event).pids).toEqual([]);
  });

  it('stays within deployed spare rules and floors', () => {
    const settings: Partial<SettingsInput> = { keepPerApplication: 2, rules: [{ application: 'ledger', spare: true }] };
    const seen = [...backends(3), ...backends(3, { applicationName: 'ledger' })];
    const { pids } = plan(seen, settings, reapEverything);
    expect(pids).toHaveLength(1);
  });

  it('ends no more than it was told', () => {
    expect(plan(backends(9), { maxTerminationsPerRun: 8 }, { action: 'reap', maxTerminations: 2 }).pids).toHaveLength(
      2,
    );
  });
});

describe('role limits', () => {
  it('are changed only where they differ', () => {
    const snapshot = aSnapshot({ roles: [aRole('a', 10), aRole('b', null), aRole('c', 0), aRole('undeclared', 7)] });
    const { limitChanges } = planRun(snapshot, aPolicy({ roleLimits: { a: 10, b: 20, c: 5 } }));
    expect(limitChanges).toEqual([
      { role: 'b', from: null, to: 20, obstacle: null },
      { role: 'c', from: 0, to: 5, obstacle: null },
    ]);
  });

  it('have no effect on a superuser, unless the reaper is one', () => {
    const obstacle = (superuser: boolean) =>
      planRun(
        aSnapshot({ roles: [aRole('boss', 3, { superuser: true })], server: aServer({ superuser }) }),
        aPolicy({ roleLimits: { boss: 5 } }),
      ).limitChanges;
    expect(obstacle(false)).toEqual([{ role: 'boss', from: 3, to: 5, obstacle: 'superuser' }]);
    expect(obstacle(true)).toEqual([{ role: 'boss', from: 3, to: 5, obstacle: null }]);
  });

  it('may hold for the own role, from two on', () => {
    const obstacle = (limit: number) =>
      planRun(aSnapshot({ roles: [aRole('connection_reaper')] }), aPolicy({ roleLimits: { connection_reaper: limit } }))
        .limitChanges[0]?.obstacle;
    expect([obstacle(1), obstacle(2), obstacle(3)]).toEqual(['own_role', null, null]);
  });

  it.each([true, false])('may be at most max_connections, also for a superuser (superuser: %s)', (superuser) => {
    const { limitChanges } = planRun(
      aSnapshot({
        roles: [aRole('a', 5), aRole('b', 5), aRole('c', 101)],
        server: aServer({ superuser, maxConnections: 100 }),
      }),
      aPolicy({ roleLimits: { a: 100, b: 101, c: 101 } }),
    );
    expect(limitChanges).toEqual([
      { role: 'a', from: 5, to: 100, obstacle: null },
      { role: 'b', from: 5, to: 101, obstacle: 'above_max_connections' },
      { role: 'c', from: 101, to: 101, obstacle: 'above_max_connections' },
    ]);
  });

  it('name the obstacle', () => {
    const roles = [aRole('a', null), aRole('connection_reaper', null)];
    const roleLimits = { a: 1, missing: 2, connection_reaper: 1 };
    const obstacles = (inRecovery: boolean) =>
      planRun(aSnapshot({ roles, server: aServer({ inRecovery }) }), aPolicy({ roleLimits })).limitChanges.map(
        ({ obstacle }) => obstacle,
      );
    expect(obstacles(false)).toEqual([null, 'missing', 'own_role']);
    expect(obstacles(true)).toEqual(['in_recovery', 'missing', 'in_recovery']);
  });

  it("hold for the twin that a rotation makes, when there is one and it isn't declared itself", () => {
    const changes = (names: readonly string[], roleLimits: Record<string, number>) =>
      planRun(aSnapshot({ roles: names.map((name) => aRole(name)) }), aPolicy({ roleLimits })).limitChanges.map(
        ({ role: name, to }) => [name, to],
      );
    expect(changes(['a', 'a_clone'], { a: 5 })).toEqual([
      ['a', 5],
      ['a_clone', 5],
    ]);
    expect(changes(['a'], { a: 5 })).toEqual([['a', 5]]);
    expect(changes(['a', 'a_clone'], { a: 5, a_clone: 7 })).toEqual([
      ['a', 5],
      ['a_clone', 7],
    ]);
  });

  it('are left alone by a manual reap', () => {
    const snapshot = aSnapshot({ roles: [aRole('a', null)] });
    expect(planRun(snapshot, aPolicy({ roleLimits: { a: 1 } }, { action: 'reap' })).limitChanges).toEqual([]);
  });
});

describe('reap: leaks', () => {
  const leaked = backends(3);
  const healthy = backends(4, { applicationName: 'billing' });
  const planned = (maxConnections: number, event: unknown = {}) => {
    const snapshot = aSnapshot({ backends: [...leaked, ...healthy], server: aServer({ maxConnections }) });
    return planRun(snapshot, aPolicy({ reap: 'leaks' }, event), 'connection_reaper', leaked);
  };

  it('spares what has not leaked while slots are free', () => {
    const { terminations, spared } = planned(100);
    expect(new Set(terminations)).toEqual(new Set(leaked));
    expect(spared).toEqual(healthy.map((backend) => ({ backend, reason: 'not_leaked' })));
  });

  it('spares nobody for that when no slot is free, nor in a manual reap', () => {
    expect(planned(10).terminations).toHaveLength(7);
    expect(planned(100, { action: 'reap' }).terminations).toHaveLength(7);
  });
});
