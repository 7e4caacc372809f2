import { describe, expect, it } from 'vitest';
import { logTo } from '../../lambda/aws/log.js';
import { diagnose } from '../../lambda/diagnosis/diagnose.js';
import type { Diagnosis } from '../../lambda/diagnosis/diagnosis.js';
import type { InstanceResult } from '../../lambda/diagnosis/instance-result.js';
import { telling } from '../../lambda/diagnosis/last-statements.js';
import { parseEvent } from '../../lambda/input/event.js';
import type { Outcome } from '../../lambda/policy/outcome.js';
import { policyOf } from '../../lambda/policy/policy.js';
import type { LimitObstacle } from '../../lambda/policy/role-limits.js';
import type { Backend } from '../../lambda/policy/snapshot.js';
import type { SpareReason } from '../../lambda/policy/spared.js';
import { answerOf } from '../../lambda/report/answer.js';
import { auditEvents } from '../../lambda/report/audit.js';
import type { Publication } from '../../lambda/report/publication.js';
import {
  aBackend,
  aDiagnosis,
  aLockHolder,
  anInstanceResult,
  aRole,
  aServer,
  aSnapshot,
  backends,
  someSettings,
} from '../support/builders.js';

const published: Publication = { requests: 1, datapoints: 23, via: 'api', error: null };

function answer(results: readonly InstanceResult[], event: unknown = {}, publication = published) {
  const settings = someSettings();
  const request = parseEvent(event);
  return answerOf(settings, request, policyOf(settings, request), results, publication);
}

function spared(reason: SpareReason, seen: readonly Backend[]): readonly Outcome[] {
  return seen.map((backend) => ({ backend, outcome: 'spared', reason }));
}

function leaking(outcome: Outcome['outcome'] = 'terminated', overrides: Partial<InstanceResult> = {}): InstanceResult {
  const outcomes: Outcome[] = [
    ...backends(90).map((backend) => ({ backend, outcome, reason: null }) as Outcome),
    ...spared('active', backends(4, { applicationName: 'billing', state: 'active', role: 'billing' })),
    ...spared('below_idle_timeout', backends(3, { applicationName: '', stateSeconds: 12 })),
  ];
  const all = outcomes.map(({ backend }) => backend);
  const diagnoses = [
    aDiagnosis({ backends: all.slice(0, 90) }),
    aDiagnosis({ service: 'billing', verdict: 'busy', leaked: [], backends: all.slice(90, 94) }),
  ];
  return anInstanceResult({ outcomes, diagnoses, snapshot: aSnapshot({ backends: all }), ...overrides });
}

/** A report breaks its sentences into lines of 80 columns. */
function unwrapped(text: string): string {
  return text.replace(/\s+/g, ' ');
}

function unwrappedAnswer(results: readonly InstanceResult[]): string {
  return unwrapped(answer(results).text);
}

describe('the report', () => {
  it('says who leaks, how to stop it, and then who holds the slots', () => {
    const roleLimits = [{ role: 'checkout', from: null, to: 40, outcome: 'changed', reason: null }] as const;
    expect(answer([leaking('terminated', { roleLimits })]).text).toMatchInlineSnapshot(`
      "orders is FULL: 97 of 97 usable slots taken (100 %). checkout: leak, 90
      connections.
      Connection Reaper · orders · sweep · mode enforce

      1. LEAK · checkout · 90 connections · almost certain
         why    10.0.0.1 opened 20 connections one after another, and never used one
                again after it had opened the next.
         from   10.0.0.1 (90) · role checkout (90)
         done   This run terminated 90 of its connections.
         then   Restart checkout if it still fails: Most pools count a leaked
                connection as in use. Restart the process if its callers wait.
         fix    Give the connection back on every path: finally, with, defer or
                try-with-resources.
                Create one pool per process, never one per request.
                To find the place: Log the numbers of the pool: connections in all,
                idle ones, and callers that wait.
         limit  ALTER ROLE "checkout" CONNECTION LIMIT 5;

      Healthy: billing 4 (busy).
      primary · PostgreSQL 18.4 · max_connections 100 · first look

        service                        connections    idle   in tx  oldest terminated
        checkout                                90      90       0      1h         90
        billing                                  4       0       0       -          0
        checkout (none)                          3       3       0     12s          0

        role                              used  leaked   limit advised
        checkout                            90      90      40       5
        billing                              4       0    none       8

         result 90 terminated, verified gone
         spared 4 active · 3 not idle long enough
         limit  checkout: none -> 40 (changed)

      Also
      2. [critical] 97 of 97 usable slots were taken when this run began: the server
         rejects logins of ordinary roles with SQLSTATE 53300
         -> this run freed 90 slots. Fix the application that took them, or they fill
            up again

      To the team of checkout:
        checkout holds 90 of the 97 connections that the database orders can serve,
        the oldest idle for 1h.
        Diagnosis: leak, 90 connections (almost certain).
        10.0.0.1 opened 20 connections one after another, and never used one again
        after it had opened the next.
        Hosts: 10.0.0.1. Roles: checkout.
        Give the connection back on every path: finally, with, defer or
        try-with-resources.
        Create one pool per process, never one per request.
        To find the place: Log the numbers of the pool: connections in all, idle ones,
        and callers that wait."
    `);
  });

  it('says nothing to do only where there is room and nobody is suspicious', () => {
    const quiet = /^Nothing to do\.$/m;
    const seen = (count: number, overrides: Partial<Diagnosis> = {}) => {
      const own = backends(count);
      const diagnoses = [aDiagnosis({ verdict: 'pool_at_rest', leaked: [], backends: own, ...overrides })];
      return answer([
        anInstanceResult({ diagnoses, outcomes: spared('keep', own), snapshot: aSnapshot({ backends: own }) }),
      ]);
    };
    expect(seen(20).text).toMatch(quiet);
    expect(seen(80).text).not.toMatch(quiet);
    expect(unwrapped(seen(80).text)).toContain('The largest is checkout with 80 connections (pool at rest)');
    expect(seen(20, { verdict: 'unclear' }).text).not.toMatch(quiet);
    expect(answer([anInstanceResult({ errors: ['lost'] })]).text).not.toMatch(quiet);
  });

  it('advises a limit for the role that holds the connections, not for one that serves the service by the way', () => {
    const own = [...backends(60, { role: 'checkout_rw' }), aBackend({ role: 'migrations' })];
    const roles = [
      { role: 'checkout_rw', connections: 60 },
      { role: 'migrations', connections: 1 },
    ];
    const result = anInstanceResult({
      diagnoses: [aDiagnosis({ backends: own, roles })],
      snapshot: aSnapshot({ backends: own }),
    });
    expect(answer([result]).instances[0]?.services[0]?.caps.map(({ role }) => role)).toEqual(['checkout_rw']);
  });

  it('gives a command for each suspect that reaches it and nobody else', () => {
    const own = backends(20, { applicationName: 'checkout-7d9f8b-x2k4p', stateSeconds: 40, role: 'shop' });
    const others = backends(9, { applicationName: 'checkout-admin' });
    const transactions = backends(3, { applicationName: '', role: 'orders', state: 'idle in transaction' });
    const all = [...own, ...others, ...transactions];
    const diagnoses = [
      aDiagnosis({ service: 'checkout-*', backends: own }),
      aDiagnosis({ service: 'orders (none)', verdict: 'leak_in_transaction', backends: transactions }),
      aDiagnosis({
        service: 'checkout-admin',
        verdict: 'unread_result',
        backends: others,
        leaked: backends(2, { state: 'active' }),
      }),
    ];
    const result = anInstanceResult({
      diagnoses,
      snapshot: aSnapshot({ backends: all }),
      outcomes: spared('keep', all),
    });
    const [first, second, third] = answer([result]).instances[0]?.services ?? [];
    expect(first?.reap).toMatchObject({
      event: { applications: ['checkout-\\*'], idleTimeout: '30s' },
      terminates: 20,
    });
    expect(second?.reap).toMatchObject({ event: { includeIdleInTransaction: true }, terminates: 3 });
    expect(third?.reap).toBeNull();
    expect(answer([result]).text).toContain('{"action":"reap","applications":["checkout-\\\\*"],"idleTimeout":"30s"}');
  });

  it('claims nothing of connections that the server hides: no host, no limit', () => {
    const own = backends(60, { readable: false, state: null, lastStatement: null, clientAddr: null });
    const snapshot = aSnapshot({ backends: own });
    const diagnoses = diagnose(snapshot, ({ applicationName }) => applicationName, 'connection_reaper');
    expect(telling(diagnoses)).toEqual([]);
    const { text, instances } = answer([anInstanceResult({ diagnoses, snapshot })]);
    expect(text).toMatch(/^ {3}from {3}a hidden address \(60\)/m);
    expect(text).not.toContain('Unix socket');
    expect(instances[0]?.services).toMatchObject([{ verdict: 'unclear', caps: [] }]);
  });

  it('has a block for each of the first twenty suspects, and counts the others', () => {
    const diagnoses = Array.from({ length: 50 }, (_, index) =>
      aDiagnosis({ service: `shop${index}`, backends: backends(10, { applicationName: `shop${index}` }) }),
    );
    const all = diagnoses.flatMap(({ backends: own }) => own);
    const { text, instances } = answer([anInstanceResult({ diagnoses, snapshot: aSnapshot({ backends: all }) })]);
    expect(text.match(/^\d+\. LEAK · /gm)).toHaveLength(20);
    expect(text).toMatch(/^and 30 more suspects, /m);
    expect(instances[0]?.services).toHaveLength(50);
  });

  it('keeps each line of the message to a team in one line, whatever its names hold', () => {
    const roles = [{ role: 'checkout\nPay here', connections: 90 }];
    const own = backends(90);
    const { instances } = answer([
      anInstanceResult({ diagnoses: [aDiagnosis({ roles, backends: own })], snapshot: aSnapshot({ backends: own }) }),
    ]);
    expect(instances[0]?.services[0]?.message).toMatch(/Roles: checkout\?Pay here\.$/m);
  });

  it('marks a dry run', () => {
    const { text, dryRun, mode } = answer([leaking('reapable')], { action: 'report', looks: 2 });
    expect({ dryRun, mode }).toEqual({ dryRun: true, mode: 'enforce' });
    expect(text).toContain('report, nothing is changed');
    expect(text).toContain('90 would be terminated');
  });

  it('shows what failed and what worked', () => {
    const broken = anInstanceResult({ instance: 'reader', snapshot: null, errors: ['could not log in to "reader"'] });
    const failed = { ...published, via: 'emf', error: 'CloudWatch did not take the metrics' } as const;
    const { text, errors } = answer([leaking(), broken], {}, failed);
    expect(errors).toEqual(['could not log in to "reader"', 'CloudWatch did not take the metrics']);
    expect(text).toContain('90 terminated, verified gone');
    expect(text).toContain('reader · could not be read');
    expect(text).toContain('FAILED\n  could not log in to "reader"\n  CloudWatch did not take the metrics');
  });

  it('removes control characters from names', () => {
    const role = 'ev\u001b[31mil\u009b\u202e\n  9. [critical] forged\n     -> run this';
    const roleLimits = [
      { role, from: 1, to: 2, outcome: 'changed', reason: null },
      { role, from: 1, to: 2, outcome: 'missing', reason: null },
    ] as const;
    const failed = { ...anInstanceResult({ roleLimits, errors: [`bad \u001b[2J ${role}`] }) };
    const { text, errors } = answer([failed]);
    expect(text).not.toMatch(/^ +(9\.|-> +run this)/m);
    expect(errors).toHaveLength(1);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  });

  it('counts the same as the data, the audit and itself', () => {
    const result = leaking();
    const { instances, text } = answer([result]);
    const [instance] = instances;
    const outcomes = instance?.outcomes.filter(({ outcome }) => outcome === 'terminated').length;
    const applications = instance?.applications.reduce((sum, { terminated }) => sum + terminated, 0);
    const events = auditEvents('orders', result, policyOf(someSettings(), { action: 'sweep' }).attribute);
    const audited = events.filter(({ event, ['outcome']: outcome }) => event === 'backend' && outcome === 'terminated');
    expect([outcomes, applications, audited.length]).toEqual([90, 90, 90]);
    expect(text).toContain('90 terminated');
    expect(instance?.spared).toEqual({ active: 4, below_idle_timeout: 3 });
    expect(events.find(({ event }) => event === 'spared')).toMatchObject({
      count: { active: 4, below_idle_timeout: 3 },
    });
  });
});

describe('findings', () => {
  const codes = (result: InstanceResult) => answer([result]).instances[0]?.findings.map(({ code }) => code);

  it('are missing for a healthy server', () => {
    expect(codes(anInstanceResult())).toEqual([]);
    expect(answer([anInstanceResult()]).text).toMatch(/\nNothing to do\.$/);
  });

  const knocked = { way: 'own', attempts: 40, milliseconds: 900, refusals: ['every_slot'] } as const;
  const old = aServer({ preparedTransactions: 2, oldestPreparedSeconds: 7200 });
  const limited = (outcome: LimitObstacle) => ({
    roleLimits: [{ role: 'r', from: null, to: 1, outcome, reason: null } as const],
  });

  it.each<[code: string | null, result: Partial<InstanceResult>]>([
    ['login_by_break_glass', { login: { ...knocked, way: 'break_glass' } }],
    ['login_by_rescue', { login: { ...knocked, way: 'rescue' } }],
    ['login_refused_at_first', { login: knocked }],
    [null, { login: { ...knocked, refusals: ['role_limit'] } }],
    ['old_prepared_transactions', { snapshot: aSnapshot({ server: old }) }],
    ['another_run', { runAtWork: aLockHolder() }],
    ['lost_run', { lostRuns: [aLockHolder()] }],
    [
      'untracked_activity',
      { snapshot: aSnapshot({ backends: [aBackend({ state: 'disabled', stateSeconds: null })] }) },
    ],
    [
      'reserve_taken',
      {
        snapshot: aSnapshot({
          server: aServer({ reservedConnections: 2 }),
          backends: backends(2, { role: 'master', mayUseReserve: true }),
        }),
      },
    ],
    ['left_standing', { outcomes: spared('out_of_time', [aBackend()]) }],
    ['role_missing', limited('missing')],
    ['role_limit_in_recovery', limited('in_recovery')],
    ['role_limit_own_role', limited('own_role')],
    ['role_limit_above_max_connections', limited('above_max_connections')],
  ])('are %s, and no other: %j', (code, overrides) => {
    expect(codes(anInstanceResult(overrides))).toEqual(code === null ? [] : [code]);
  });

  it.each(['break_glass', 'rescue'] as const)('are a warning in the log for a login by %s', (way) => {
    const [event] = auditEvents('orders', anInstanceResult({ login: { ...knocked, way } }), () => 'x');
    expect(event).toMatchObject({ event: 'login', level: 'WARN', way, attempts: 40 });
  });

  it.each([
    [
      180_004,
      0,
      'set reserved_connections = 2 (this needs a restart; on RDS, use the parameter group); GRANT pg_use_reserved_connections',
    ],
    [180_004, 3, 'GRANT pg_use_reserved_connections TO "connection_reaper";'],
    [150_018, 0, 'set breakGlassSecretArn or rescueLogin'],
  ])('says on %d with %d reserved slots what would keep one free', (versionNumber, reservedConnections, remedy) => {
    const server = aServer({ versionNumber, reservedConnections, hasReservedSlot: false });
    const result = anInstanceResult({ snapshot: aSnapshot({ server }) });
    expect(codes(result)).toEqual(['no_reserved_slot']);
    expect(unwrapped(answer([result]).text)).toContain(remedy);
  });

  it('names the setting alone where the grant exists and reserved_connections is 0', () => {
    const server = aServer({ versionNumber: 180_004, hasReservedSlot: false, hasVainReserveGrant: true });
    const text = unwrappedAnswer([anInstanceResult({ snapshot: aSnapshot({ server }) })]);
    expect(text).toContain('reserved_connections is 0');
    expect(text).toContain('-> set reserved_connections = 2');
    expect(text).not.toContain('GRANT');
  });

  it('says that the reserve is taken, rather than to raise it, where applications take it', () => {
    const server = aServer({ reservedConnections: 2 });
    const own = backends(2, { role: 'master', mayUseReserve: true });
    const snapshot = aSnapshot({ server, backends: own });
    const text = unwrappedAnswer([anInstanceResult({ snapshot, login: knocked })]);
    expect(text).not.toContain('raise reserved_connections');
    expect(text).toContain('hold 2 connections (master 2)');
  });

  it('says before it is needed which declared roles it may not alter', () => {
    const settings = someSettings({ roleLimits: { checkout: 5, billing: 5, boss: 5 } });
    const roles = [
      aRole('checkout', 5, { mayAlter: false }),
      aRole('billing', 5),
      aRole('undeclared', 5, { mayAlter: false }),
      // No grant reaches a superuser, so none is advised.
      aRole('boss', 5, { mayAlter: false, superuser: true }),
    ];
    const result = anInstanceResult({ snapshot: aSnapshot({ roles }) });
    const request = { action: 'sweep' } as const;
    const [instance] = answerOf(settings, request, policyOf(settings, request), [result], published).instances;
    expect(instance?.findings).toMatchObject([
      { code: 'may_not_alter', evidence: expect.stringContaining('checkout') },
    ]);
  });

  it('names who holds the lock of the runs, and how to take it from them', () => {
    const text = unwrappedAnswer([
      anInstanceResult({
        intruders: [aLockHolder({ pid: 7 }), aLockHolder({ pid: null, gid: "o'x", applicationName: null })],
      }),
    ]);
    expect(text).toContain('pid 7 ("x") of checkout');
    expect(text).toContain('SELECT pg_terminate_backend(7);');
    expect(text).toContain("ROLLBACK PREPARED 'o''x';");
  });

  it('names the databases in which temporary tables were not looked for', () => {
    const text = unwrappedAnswer([
      anInstanceResult({ uncheckedDatabases: [{ name: 'shop', reason: '93 % of the slots are used' }] }),
    ]);
    expect(text).toContain('temporary tables not checked in shop (93 % of the slots are used)');
  });

  it('prints the missing grant', () => {
    const server = aServer({ user: 'odd"name', mayReadAllStats: false, maySignalBackends: false });
    const snapshot = aSnapshot({ server, backends: [aBackend({ readable: false })] });
    const text = unwrappedAnswer([anInstanceResult({ snapshot })]);
    expect(text).toContain('GRANT pg_read_all_stats TO "odd""name";');
    expect(text).toContain('GRANT pg_signal_backend TO "odd""name";');
  });

  it('advises a limit only for a role without one, and none that is declared', () => {
    const result = leaking();
    const capped = (limit: number) => ({
      ...result,
      snapshot: aSnapshot({ backends: result.snapshot?.backends ?? [], roles: [aRole('checkout', limit)] }),
    });
    const advice = 'ALTER ROLE "checkout" CONNECTION LIMIT';
    expect(answer([result]).text).toContain(advice);
    expect(answer([capped(95)]).text).toContain(advice);
    expect(answer([capped(0)]).text).not.toContain(advice);
    expect(answer([capped(5)]).text).not.toContain(advice);
    const settings = someSettings({ roleLimits: { checkout: 10 } });
    const report = { action: 'report', looks: 2 } as const;
    expect(answerOf(settings, report, policyOf(settings, report), [result], published).text).not.toContain(advice);
  });

  it('gives both numbers of a limit above max_connections', () => {
    const roleLimits = [{ role: 'r', from: 5, to: 500, outcome: 'above_max_connections', reason: null }] as const;
    const text = unwrappedAnswer([
      anInstanceResult({ roleLimits, snapshot: aSnapshot({ server: aServer({ maxConnections: 100 }) }) }),
    ]);
    expect(text).toContain('the declared CONNECTION LIMIT 500 for r has no effect: max_connections is 100');
    expect(text).toContain('-> set it in roleLimits to 100 at most, or remove it');
  });

  it.each([
    [{ outcome: 'superuser', reason: null }, 'role_limit_superuser'],
    [{ outcome: 'refused', reason: '55P03: lock timeout', sqlState: '55P03', blockers: [] }, 'role_limit_refused'],
    [{ outcome: 'unconfirmed', reason: 'the session was lost' }, 'role_limit_unconfirmed'],
  ] as const)('never advises a grant that would not help: %j', (outcome, code) => {
    const result = anInstanceResult({ roleLimits: [{ role: 'r', from: null, to: 1, ...outcome }] });
    expect(codes(result)).toEqual([code]);
    expect(unwrappedAnswer([result])).not.toMatch(/GRANT|CREATEROLE/);
  });

  it('says what a refused role limit needs', () => {
    const roleLimits = [
      { role: 'r', from: null, to: 1, outcome: 'refused', reason: '42501: no', sqlState: '42501', blockers: [] },
    ] as const;
    const snapshot = aSnapshot({ server: aServer({ user: 'orders_reaper_clone' }) });
    const text = unwrappedAnswer([anInstanceResult({ roleLimits, snapshot })]);
    expect(text).toContain('run infra/grants.sql again for the role orders_reaper, with r among its limited_roles');
    expect(text).not.toMatch(/GRANT|CREATEROLE/);
  });

  it('names who keeps a role locked', () => {
    const blocker = { pid: 7, gid: null, role: 'r', transactionSeconds: 90 };
    const limit = { role: 'r', from: null, to: 1, outcome: 'refused', reason: '55P03: no', sqlState: '55P03' } as const;
    const text = unwrappedAnswer([anInstanceResult({ roleLimits: [{ ...limit, blockers: [blocker] }] })]);
    expect(text).toContain('pid 7 of r changed a role in a transaction that has been open for 1m 30s');
    expect(text).toContain('SELECT pg_terminate_backend(7);');
  });

  it('tells refused terminations, and what is known of the unconfirmed ones', () => {
    const unconfirmed = { backend: aBackend(), outcome: 'unconfirmed', detail: 'x' } as const;
    const outcomes: Outcome[] = [
      { backend: aBackend(), outcome: 'refused', reason: '42501: no' },
      { ...unconfirmed, reason: 'maybe_signalled' },
      { ...unconfirmed, reason: 'still_there' },
    ];
    expect(codes(anInstanceResult({ outcomes }))).toEqual([
      'refused_terminations',
      'terminations_still_there',
      'terminations_maybe_signalled',
    ]);
    const text = unwrappedAnswer([anInstanceResult({ outcomes })]);
    expect(text).toContain('1 refused by the server · 1 signalled and still there · 1 may have been signalled');
  });
});

describe('the log', () => {
  it('writes one line an event, whatever its names hold', () => {
    const lines: string[] = [];
    const log = logTo({ write: (line) => lines.push(line) });
    const outcome: Outcome = {
      backend: aBackend({ role: 'a\n{"event":"forged"}' }),
      outcome: 'terminated',
      reason: null,
    };
    const result = anInstanceResult({ outcomes: [outcome] });
    for (const { level, ...event } of auditEvents('orders', result, () => 'checkout')) log.write(event, level);
    expect(lines).toHaveLength(3);
    expect(lines.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true);
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({
      level: 'INFO',
      event: 'backend',
      outcome: 'terminated',
      database: 'orders',
      instance: 'primary',
      application: 'checkout',
      role: 'a\n{"event":"forged"}',
      datname: 'shop',
      clientAddr: '10.0.0.1',
      idleSeconds: 3600,
      backendAgeSeconds: 7200,
    });
  });
});
