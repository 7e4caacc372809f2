/** The datapoints of a run: which metrics it publishes, with which dimensions and values. */
import {
  type DIMENSIONS,
  MAX_UNDECLARED_ROLES,
  METRICS,
  type MetricLevel,
  type MetricName,
  OTHER_APPLICATIONS,
  OTHER_ROLES,
  UNNAMED_APPLICATION,
} from '../contract/metrics.js';
import { isInTransaction } from '../diagnosis/chain.js';
import { leakedConnections } from '../diagnosis/diagnosis.js';
import type { InstanceResult } from '../diagnosis/instance-result.js';
import { isServerFull } from '../diagnosis/login-refusal.js';
import { countBy } from '../policy/group-by.js';
import { wasChosen, withOutcome } from '../policy/outcome.js';
import type { Attribution } from '../policy/service.js';
import { type ApplicationUse, applicationUse, countIdle, limitedRoles, percentOf, slotUse } from '../policy/slots.js';
import { identity, isUnreadable } from '../policy/snapshot.js';
import { type Allowance, admit, type Candidate, type SeriesMemory, type SeriesState } from './series.js';

/** One value of one metric, in CloudWatch's terms. */
export interface Datapoint {
  readonly metric: string;
  readonly unit: 'Count' | 'Percent' | 'Seconds';
  /** Exactly the dimension set of its level in the contract. */
  readonly dimensions: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What shapes a run's datapoints besides the results. */
export interface MetricsShape {
  readonly database: string;
  readonly maxApplications: number;
  /** The names that the settings give to applications. */
  readonly declaredApplications: readonly string[];
  readonly attribute: Attribution;
  /** The roles with a declared limit; they have a series whenever they have a limit. */
  readonly declaredRoles: readonly string[];
  /** A manual reap publishes what it did, but is no sign that the schedule works. */
  readonly isSweep: boolean;
}

/** A run's datapoints, and what the next run is to know about names. */
export interface RunMetrics {
  readonly datapoints: readonly Datapoint[];
  readonly memory: SeriesMemory;
}

/**
 * The datapoints of a run. Slots are counted as they were before anything was ended, so that alarms see the leak.
 *
 * @param now epoch milliseconds.
 */
export function datapointsOf(
  results: readonly InstanceResult[],
  shape: MetricsShape,
  memory: SeriesMemory,
  now: number,
): RunMetrics {
  const uses = results.flatMap((result) => instanceUse(result, shape.attribute));
  const applications = admit(memory.applications, applicationCandidates(uses), applicationAllowance(shape), now);
  const leaks = recentLeaks(uses, memory.leaks, now);
  const roles = roleDatapoints(results, shape, memory.roles, now);
  return {
    datapoints: [
      ...results.flatMap((result) => [
        ...instanceDatapoints(result, shape),
        ...uses
          .filter(({ instance }) => instance === result.instance)
          .flatMap((use) => applicationDatapoints(use, shape.database, applications.admitted, leaks)),
      ]),
      ...roles.datapoints,
    ],
    memory: {
      applications: applications.state,
      roles: roles.state,
      leaks,
      ranAt: now,
    },
  };
}

function instanceDatapoints(result: InstanceResult, { database, isSweep }: MetricsShape): readonly Datapoint[] {
  const at = atLevel('instance', { Database: database, Instance: result.instance });
  const { snapshot, outcomes, errors } = result;
  const refused = result.login?.refusals.some(isServerFull) === true;
  if (snapshot === null) return refused ? [at('ServerFull', 1)] : [];
  const { used, free, usedPercent } = slotUse(snapshot);
  const { idle, oldestIdleSeconds } = countIdle(outcomes);
  return [
    at('SlotsUsedPercent', usedPercent),
    at('SlotsFree', free),
    at('Connections', used),
    at('IdleConnections', idle),
    at('IdleInTransactionConnections', snapshot.backends.filter(isInTransaction).length),
    at('LeakedConnections', leakedConnections(result.diagnoses).length),
    at('TerminatedConnections', withOutcome(outcomes, 'terminated').length),
    at('ReapableConnections', outcomes.filter(wasChosen).length),
    at('RefusedTerminations', withOutcome(outcomes, 'refused').length),
    at('UnreadableConnections', snapshot.backends.filter(isUnreadable).length),
    at('ServerFull', free === 0 || refused ? 1 : 0),
    ...(isSweep && errors.length === 0 && result.runAtWork === null ? [at('SweepsCompleted', 1)] : []),
    at('OldestIdleSeconds', oldestIdleSeconds ?? 0),
  ];
}

/** What the applications hold of one instance, by the names that their series would have. */
interface InstanceUse {
  readonly instance: string;
  readonly usable: number;
  readonly applications: readonly ApplicationUse[];
  /** How many leaked connections of each were terminated. */
  readonly terminatedLeaks: ReadonlyMap<string, number>;
}

function instanceUse(result: InstanceResult, attribute: Attribution): readonly InstanceUse[] {
  const { instance, snapshot, outcomes, diagnoses } = result;
  if (snapshot === null) return [];
  const named: Attribution = (backend) => dimensionValue(attribute(backend));
  const leaked = new Set(leakedConnections(diagnoses).map(identity));
  const leaks = withOutcome(outcomes, 'terminated').filter(({ backend }) => leaked.has(identity(backend)));
  return [
    {
      instance,
      usable: slotUse(snapshot).usable,
      applications: applicationUse(outcomes, named),
      terminatedLeaks: countBy(leaks, ({ backend }) => named(backend)),
    },
  ];
}

/** One set of names serves all instances, so an application counts as on the instance on which it holds the most. */
function applicationCandidates(uses: readonly InstanceUse[]): readonly Candidate[] {
  const percents = new Map<string, number>();
  for (const { usable, applications } of uses) {
    for (const { name, connections } of applications) {
      percents.set(name, Math.max(percents.get(name) ?? 0, percentOf(connections, usable)));
    }
  }
  return candidatesOf(percents, OTHER_APPLICATIONS);
}

/** A client or a role may be called by the name of the rest, and then belongs to it. */
function candidatesOf(percents: ReadonlyMap<string, number>, rest: string): readonly Candidate[] {
  return [...percents].filter(([name]) => name !== rest).map(([name, percent]) => ({ name, percent }));
}

function applicationAllowance({ maxApplications, declaredApplications }: MetricsShape): Allowance {
  return { places: maxApplications, declared: new Set(declaredApplications) };
}

function applicationDatapoints(
  { instance, usable, applications, terminatedLeaks }: InstanceUse,
  database: string,
  admitted: ReadonlySet<string>,
  recent: ReadonlyMap<string, number>,
): readonly Datapoint[] {
  const at = (name: string) => atLevel('application', { Database: database, Instance: instance, Application: name });
  const rest = applications.filter(({ name }) => !admitted.has(name));
  return [
    ...applications
      .filter(({ name }) => admitted.has(name))
      .flatMap(({ name, connections, idle, terminated }) => [
        at(name)('Connections', connections),
        at(name)('IdleConnections', idle),
        at(name)('TerminatedConnections', terminated),
        ...leakDatapoints([name], terminatedLeaks, recent, at(name)),
        at(name)('SlotsUsedPercent', percentOf(connections, usable)),
      ]),
    ...(rest.length === 0 ? [] : restDatapoints(rest, usable, { terminatedLeaks, recent }, at(OTHER_APPLICATIONS))),
  ];
}

/**
 * The applications without a series of their own, in one. How many connections there are is a sum. What alarms watch is the
 * most of any one application, so that many small ones are no alarm and a large one can't hide among them.
 */
function restDatapoints(
  rest: readonly ApplicationUse[],
  usable: number,
  { terminatedLeaks, recent }: Pick<InstanceUse, 'terminatedLeaks'> & { readonly recent: ReadonlyMap<string, number> },
  at: AtApplication,
): readonly Datapoint[] {
  return [
    at('Connections', sumOf(rest.map(({ connections }) => connections))),
    at('IdleConnections', sumOf(rest.map(({ idle }) => idle))),
    at('TerminatedConnections', sumOf(rest.map(({ terminated }) => terminated))),
    ...leakDatapoints(
      rest.map(({ name }) => name),
      terminatedLeaks,
      recent,
      at,
    ),
    at('SlotsUsedPercent', percentOf(Math.max(...rest.map(({ connections }) => connections)), usable)),
  ];
}

type AtApplication = (metric: MetricName<'application'>, value: number) => Datapoint;

/**
 * Most applications never leak, and each series costs money in the hours in which it has data. After a leak there are zeros
 * for as long as LeakContinues looks back, or it would stay in ALARM until it has no data.
 */
function leakDatapoints(
  names: readonly string[],
  terminatedLeaks: ReadonlyMap<string, number>,
  recent: ReadonlyMap<string, number>,
  at: AtApplication,
): readonly Datapoint[] {
  if (!names.some((name) => recent.has(name))) return [];
  return [at('TerminatedLeaks', Math.max(0, ...names.map((name) => terminatedLeaks.get(name) ?? 0)))];
}

/** Six periods of ten minutes, or of the longest interval between sweeps. */
const LEAK_MEMORY_MS = 3 * 60 * 60_000;

function recentLeaks(
  uses: readonly InstanceUse[],
  before: SeriesMemory['leaks'],
  now: number,
): ReadonlyMap<string, number> {
  const recent = new Map([...before].filter(([, last]) => last > now - LEAK_MEMORY_MS));
  for (const name of uses.flatMap(({ terminatedLeaks }) => [...terminatedLeaks.keys()])) recent.set(name, now);
  return recent;
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/**
 * A limit holds on each instance by itself, so the fullest instance speaks for the role. All declared roles have a series.
 * The others are admitted as applications are: a database with a role for each tenant would otherwise pay for thousands.
 */
function roleDatapoints(
  results: readonly InstanceResult[],
  { database, declaredRoles }: MetricsShape,
  state: SeriesState,
  now: number,
): { readonly datapoints: readonly Datapoint[]; readonly state: SeriesState } {
  const percents = new Map<string, number>();
  for (const { snapshot, roleLimits } of results) {
    if (snapshot === null) continue;
    for (const { role, limit, used } of limitedRoles(snapshot, roleLimits, declaredRoles)) {
      const name = dimensionValue(role);
      percents.set(name, Math.max(percents.get(name) ?? 0, percentOf(used, limit)));
    }
  }
  const declared = new Set(declaredRoles.map(dimensionValue));
  const candidates = candidatesOf(percents, OTHER_ROLES);
  const others = admit(
    state,
    candidates.filter(({ name }) => !declared.has(name)),
    { places: MAX_UNDECLARED_ROLES, declared: NOBODY },
    now,
  );
  const hasSeries = (name: string) => name !== OTHER_ROLES && (declared.has(name) || others.admitted.has(name));
  const rest = [...percents].filter(([name]) => !hasSeries(name)).map(([, percent]) => percent);
  const at = (name: string) => atLevel('role', { Database: database, Role: name });
  return {
    datapoints: [
      ...candidates
        .filter(({ name }) => hasSeries(name))
        .map(({ name, percent }) => at(name)('RoleLimitUsedPercent', percent)),
      ...(rest.length === 0 ? [] : [at(OTHER_ROLES)('RoleLimitUsedPercent', Math.max(...rest))]),
    ],
    state: others.state,
  };
}

const NOBODY: ReadonlySet<string> = new Set();

const UNITS: { readonly [Level in MetricLevel]: Readonly<Record<MetricName<Level>, Datapoint['unit']>> } = METRICS;

/** Makes datapoints of one level; only the contract's metrics and dimensions pass the compiler. */
function atLevel<Level extends MetricLevel>(
  level: Level,
  names: Readonly<Record<(typeof DIMENSIONS)[Level][number], string>>,
): (metric: MetricName<Level>, value: number) => Datapoint {
  const dimensions = Object.fromEntries(
    Object.entries<string>(names).map(([key, name]) => [key, dimensionValue(name)]),
  );
  return (metric, value) => ({ metric, unit: UNITS[level][metric], dimensions, value });
}

/**
 * Writes a name the way CloudWatch takes it: printable ASCII, not blank. Other bytes become `\xHH`, as PostgreSQL 16
 * writes them in application_name, so that different names stay different. One bad name would sink a whole request.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
 */
export function dimensionValue(name: string): string {
  const ascii = name.replace(/[^ -~]+/gu, (others) =>
    [...Buffer.from(others)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
  );
  return ascii.trim() === '' ? UNNAMED_APPLICATION : ascii.slice(0, 1024);
}
