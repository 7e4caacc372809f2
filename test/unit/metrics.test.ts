import { describe, expect, it } from 'vitest';
import { DIMENSIONS, METRICS } from '../../lambda/contract/metrics.js';
import type { InstanceResult } from '../../lambda/diagnosis/instance-result.js';
import type { SettingsInput } from '../../lambda/input/settings.js';
import type { Outcome } from '../../lambda/policy/outcome.js';
import type { Backend, Snapshot } from '../../lambda/policy/snapshot.js';
import { type Datapoint, datapointsOf, dimensionValue, type RunMetrics } from '../../lambda/report/metrics.js';
import { newMemory, type SeriesMemory } from '../../lambda/report/series.js';
import {
  aBackend,
  aDiagnosis,
  aLockHolder,
  anInstanceResult,
  aPolicy,
  aRole,
  aServer,
  aSnapshot,
  backends,
} from '../support/builders.js';

const spared = (backend: Backend): Outcome => ({ backend, outcome: 'spared', reason: 'below_idle_timeout' });
const terminated = (backend: Backend): Outcome => ({ backend, outcome: 'terminated', reason: null });
const refused = (backend: Backend): Outcome => ({ backend, outcome: 'refused', reason: '42501: no' });

function visited(
  outcomes: readonly Outcome[],
  overrides: Partial<InstanceResult> = {},
  seen: Partial<Snapshot> = {},
): InstanceResult {
  const snapshot = aSnapshot({ backends: outcomes.map(({ backend }) => backend), ...seen });
  return anInstanceResult({ outcomes, snapshot, ...overrides });
}

function datapoints(results: readonly InstanceResult[], settings: Partial<SettingsInput> = {}, isSweep = true) {
  return metricsAt(0, newMemory(0), results, settings, isSweep).datapoints;
}

/** The metrics of a run, so many minutes after the first. */
function metricsAt(
  minute: number,
  memory: SeriesMemory,
  results: readonly InstanceResult[],
  settings: Partial<SettingsInput> = {},
  isSweep = true,
): RunMetrics {
  const shape = {
    database: 'orders',
    maxApplications: settings.maxApplications ?? 20,
    declaredApplications: settings.applicationNames?.map(({ name }) => name) ?? [],
    attribute: aPolicy(settings).attribute,
    declaredRoles: Object.keys(settings.roleLimits ?? {}),
    isSweep,
  };
  return datapointsOf(results, shape, memory, minute * 60_000);
}

/** The values of one series by metric name. */
function series(all: readonly Datapoint[], dimensions: Readonly<Record<string, string>>): Record<string, number> {
  const same = all.filter((datapoint) => JSON.stringify(datapoint.dimensions) === JSON.stringify(dimensions));
  return Object.fromEntries(same.map(({ metric, value }) => [metric, value]));
}

const instance = { Database: 'orders', Instance: 'primary' };
const application = (name: string) => ({ ...instance, Application: name });

describe('datapoints', () => {
  const mixed = [
    ...backends(3, { stateSeconds: 900 }).map(terminated),
    ...backends(2, { applicationName: 'billing', stateSeconds: 20 }).map(spared),
    ...backends(1, { applicationName: 'billing', state: 'active' }).map(spared),
    ...backends(1, { applicationName: '' }).map(refused),
    ...backends(1, { applicationName: 'hidden', readable: false, state: null }).map(spared),
  ];

  it('count a connection that the server does not track as unreadable', () => {
    const untracked = backends(2, { state: 'disabled', stateSeconds: null }).map(spared);
    expect(series(datapoints([visited(untracked)]), instance)).toMatchObject({ UnreadableConnections: 2 });
  });

  it('describe an instance as it was before anything was ended', () => {
    expect(series(datapoints([visited(mixed)]), instance)).toEqual({
      SlotsUsedPercent: 8.25,
      SlotsFree: 89,
      Connections: 8,
      IdleConnections: 6,
      IdleInTransactionConnections: 0,
      LeakedConnections: 0,
      TerminatedConnections: 3,
      ReapableConnections: 4,
      RefusedTerminations: 1,
      UnreadableConnections: 1,
      ServerFull: 0,
      SweepsCompleted: 1,
      OldestIdleSeconds: 3600,
    });
  });

  it('describe each application', () => {
    const all = datapoints([visited(mixed)]);
    expect(series(all, application('checkout'))).toEqual({
      Connections: 3,
      IdleConnections: 3,
      TerminatedConnections: 3,
      SlotsUsedPercent: 3.09,
    });
    expect(series(all, application('billing'))).toMatchObject({
      Connections: 3,
      IdleConnections: 2,
      TerminatedConnections: 0,
    });
    expect(series(all, application('checkout (none)'))).toMatchObject({ Connections: 1 });
  });

  it('have exactly the metrics, units and dimension sets of the contract', () => {
    const snapshot = aSnapshot({
      backends: [aBackend()],
      roles: [aRole('checkout', 4)],
    });
    const levels = { instance: new Map(), application: new Map(), role: new Map() };
    const leaked = aBackend();
    const diagnoses = [aDiagnosis({ backends: [leaked] })];
    for (const { metric, unit, dimensions } of datapoints([visited([terminated(leaked)], { snapshot, diagnoses })])) {
      const level = (['instance', 'application', 'role'] as const).find(
        (name) => JSON.stringify(DIMENSIONS[name]) === JSON.stringify(Object.keys(dimensions)),
      );
      if (level === undefined) throw new Error(`no level has the dimensions ${Object.keys(dimensions)}`);
      levels[level].set(metric, unit);
    }
    for (const level of ['instance', 'application', 'role'] as const) {
      expect(Object.fromEntries(levels[level])).toEqual(METRICS[level]);
    }
  });

  it('count connections as reapable for which the run had no time', () => {
    const late: Outcome = { backend: aBackend(), outcome: 'spared', reason: 'out_of_time' };
    expect(series(datapoints([visited([...mixed, late])]), instance)).toMatchObject({ ReapableConnections: 5 });
  });

  it('count what the diagnosis calls leaked, by service, and none where nothing leaked was terminated', () => {
    const leaked = backends(3, { stateSeconds: 900 });
    const healthy = backends(2, { applicationName: 'billing' });
    const inTransaction = backends(1, { applicationName: 'billing', state: 'idle in transaction (aborted)' });
    const diagnoses = [
      aDiagnosis({ backends: leaked }),
      aDiagnosis({ service: 'billing', verdict: 'unclear', backends: healthy }),
    ];
    const all = datapoints([
      visited([...leaked, ...healthy].map(terminated).concat(inTransaction.map(spared)), { diagnoses }),
    ]);
    expect(series(all, instance)).toMatchObject({ LeakedConnections: 3, IdleInTransactionConnections: 1 });
    expect(series(all, application('checkout'))).toMatchObject({ TerminatedLeaks: 3 });
    expect(series(all, application('billing'))).not.toHaveProperty('TerminatedLeaks');
    const rest = [...backends(4, { applicationName: 'small' }), ...leaked];
    const summed = datapoints([visited(rest.map(terminated), { diagnoses })], { maxApplications: 1 });
    expect(series(summed, application('(other)'))).toMatchObject({ TerminatedConnections: 3, TerminatedLeaks: 3 });
  });

  it('add up: the instance is the sum of its applications', () => {
    const all = datapoints([visited(mixed)], { maxApplications: 2 });
    const names = ['checkout', 'billing', '(other)'];
    const sum = (metric: string) =>
      names.reduce((total, name) => total + (series(all, application(name))[metric] ?? Number.NaN), 0);
    const whole = series(all, instance);
    for (const metric of ['Connections', 'IdleConnections']) expect(sum(metric)).toBe(whole[metric]);
  });

  it('sum the smallest applications beyond the maximum, and one that has the name of the sum', () => {
    const many = ['a', 'a', 'a', '(other)', '(other)', 'b', 'b', 'c'].map((applicationName) =>
      spared(aBackend({ applicationName })),
    );
    const all = datapoints([visited(many)], { maxApplications: 2 });
    expect(series(all, application('a'))).toMatchObject({ Connections: 3 });
    expect(series(all, application('b'))).toMatchObject({ Connections: 2 });
    expect(series(all, application('(other)'))).toMatchObject({ Connections: 3 });
    expect(series(all, application('c'))).toEqual({});
  });

  it('tell a full server, whether it was seen or only felt', () => {
    const server = aServer({ maxConnections: 5, superuserReservedConnections: 3 });
    const outcomes = backends(3).map(spared);
    const full = series(datapoints([visited(outcomes, {}, { server })]), instance);
    expect(full).toMatchObject({ ServerFull: 1, SlotsFree: 0, SlotsUsedPercent: 150 });
    const knocked = { way: 'own', attempts: 7, milliseconds: 90, refusals: ['reserved_slots'] } as const;
    expect(series(datapoints([visited([], { login: knocked })]), instance)).toMatchObject({ ServerFull: 1 });
    const ownLimit = { ...knocked, refusals: ['role_limit'] as const };
    expect(series(datapoints([visited([], { login: ownLimit })]), instance)).toMatchObject({ ServerFull: 0 });
    const felt = anInstanceResult({
      snapshot: null,
      login: { way: null, attempts: 9, milliseconds: 9, refusals: ['every_slot'] },
      errors: ['53300'],
    });
    expect(datapoints([felt])).toEqual([{ metric: 'ServerFull', unit: 'Count', dimensions: instance, value: 1 }]);
    expect(datapoints([anInstanceResult({ snapshot: null, errors: ['no route'] })])).toEqual([]);
  });

  it('count a sweep as completed only when nothing failed, and a manual reap never', () => {
    const completed = (result: InstanceResult, isSweep = true) =>
      series(datapoints([result], {}, isSweep), instance)['SweepsCompleted'];
    expect(completed(visited([]))).toBe(1);
    expect(completed(visited([], { errors: ['reaping stopped'] }))).toBeUndefined();
    expect(completed(visited([]), false)).toBeUndefined();
    expect(completed(visited([], { runAtWork: aLockHolder() }))).toBeUndefined();
  });

  it('take the fullest instance for a role, and the limit that holds after the run', () => {
    const roles = [aRole('checkout', 10), aRole('shut', 0), aRole('free', null), aRole('capped', null)];
    const on = (name: string, count: number): InstanceResult => {
      const outcomes = [...backends(count), ...backends(2, { role: 'capped' })].map(spared);
      const changed = { role: 'capped', from: null, to: 4, outcome: 'changed', reason: null } as const;
      return visited(outcomes, { instance: name, roleLimits: [changed] }, { roles });
    };
    const roleSeries = datapoints([on('writer', 2), on('reader', 9)]).filter(({ dimensions }) => 'Role' in dimensions);
    expect(roleSeries.map(({ dimensions, value }) => [dimensions['Role'], value])).toEqual([
      ['checkout', 90],
      ['capped', 50],
    ]);
  });

  it('keep a twin apart that is declared itself', () => {
    const roles = [aRole('app', 10), aRole('app_clone', 5)];
    const outcomes = [...backends(6, { role: 'app' }), ...backends(5, { role: 'app_clone' })].map(spared);
    const all = datapoints([visited(outcomes, {}, { roles })], { roleLimits: { app: 10, app_clone: 5 } });
    const ofRoles = all.filter(({ dimensions }) => 'Role' in dimensions);
    expect(ofRoles.map(({ dimensions, value }) => [dimensions['Role'], value])).toEqual([
      ['app', 60],
      ['app_clone', 100],
    ]);
  });

  it('have no more series of undeclared roles than twenty, all declared ones, and one with the fullest of the rest', () => {
    const roles = Array.from({ length: 60 }, (_, index) => aRole(`tenant_${index}`, 10));
    const outcomes = roles.slice(0, 25).flatMap(({ name }, index) => backends(index % 10, { role: name }).map(spared));
    const ofRoles = (settings: Partial<SettingsInput>) =>
      datapoints([visited(outcomes, {}, { roles })], settings).filter(({ dimensions }) => 'Role' in dimensions);
    const byRole = (all: readonly Datapoint[]) => all.map(({ dimensions, value }) => [dimensions['Role'], value]);
    expect(ofRoles({})).toHaveLength(21);
    expect(Math.min(...ofRoles({}).map(({ value }) => value))).toBeGreaterThanOrEqual(0);
    expect(byRole(ofRoles({})).at(-1)).toEqual(['(other)', 10]);
    const declared = ofRoles({ roleLimits: { tenant_59: 10 } });
    expect(declared).toHaveLength(22);
    expect(byRole(declared)).toContainEqual(['tenant_59', 0]);
  });

  it('count a twin of rotation for the role it was made of', () => {
    const roles = ['checkout', 'checkout_clone'].map((name) => aRole(name, 10));
    const outcomes = [...backends(3), ...backends(2, { role: 'checkout_clone' })].map(spared);
    const ofRoles = datapoints([visited(outcomes, {}, { roles })]).filter(({ dimensions }) => 'Role' in dimensions);
    expect(ofRoles.map(({ dimensions, value }) => [dimensions['Role'], value])).toEqual([['checkout', 50]]);
  });

  it('hold no number that CloudWatch refuses, even of a server without usable slots', () => {
    const server = aServer({ maxConnections: 3, superuserReservedConnections: 3 });
    const all = datapoints([visited([], { snapshot: aSnapshot({ server }) })]);
    expect(all.every(({ value }) => Number.isFinite(value))).toBe(true);
  });
});

describe('dimension values', () => {
  it.each([
    ['checkout', 'checkout'],
    ['', '(none)'],
    ['   ', '(none)'],
    ['caf\u00e9', 'caf\\xc3\\xa9'],
    ['a\nb\u0000', 'a\\x0ab\\x00'],
    [':leading colon', ':leading colon'],
    ['x'.repeat(2000), 'x'.repeat(1024)],
  ])('%j is published as %j', (name, want) => {
    expect(dimensionValue(name)).toBe(want);
  });
});
