import {
  type DIMENSIONS,
  MAX_UNDECLARED_ROLES,
  METRICS,
  type MetricLevel,
  type MetricName,
  OTHER_APPLICATIONS,
  UNNAMED_APPLICATION,
} from './contract.js';
import { wasChosen, withOutcome } from './outcome.js';
import { isServerFull } from './refusal.js';
import { type ApplicationUse, applicationUse, countIdle, limitedRoles, percentOf, slotUse } from './slots.js';
import type { Attribution } from './snapshot.js';
import type { Visit } from './visit.js';

/** One value of one metric, in CloudWatch's terms. */
export interface Datapoint {
  readonly metric: string;
  readonly unit: 'Count' | 'Percent' | 'Seconds';
  /** Exactly the dimension set of its level in the contract. */
  readonly dimensions: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What shapes a run's datapoints besides the visits. */
export interface MetricsShape {
  readonly database: string;
  readonly maxApplications: number;
  readonly attribute: Attribution;
  /** The roles with a declared limit; they have a series whenever they have a limit. */
  readonly declaredRoles: readonly string[];
  /** A manual reap publishes what it did, but is no sign that the schedule works. */
  readonly isSweep: boolean;
}

/** The datapoints of a run. Slots are counted as they were before anything was ended, so that alarms see the leak. */
export function datapointsOf(visits: readonly Visit[], shape: MetricsShape): readonly Datapoint[] {
  return [
    ...visits.flatMap((visit) => [...instanceDatapoints(visit, shape), ...applicationDatapoints(visit, shape)]),
    ...roleDatapoints(visits, shape),
  ];
}

function instanceDatapoints(visit: Visit, { database, isSweep }: MetricsShape): readonly Datapoint[] {
  const at = atLevel('instance', { Database: database, Instance: visit.instance });
  const { snapshot, outcomes, errors } = visit;
  const refused = visit.login?.refusals.some(isServerFull) === true;
  if (snapshot === null) return refused ? [at('ServerFull', 1)] : [];
  const { used, free, usedPercent } = slotUse(snapshot);
  const { idle, oldestIdleSeconds } = countIdle(outcomes);
  return [
    at('SlotsUsedPercent', usedPercent),
    at('SlotsFree', free),
    at('Backends', used),
    at('IdleBackends', idle),
    at('TerminatedBackends', withOutcome(outcomes, 'terminated').length),
    at('ReapableBackends', outcomes.filter(wasChosen).length),
    at('RefusedTerminations', withOutcome(outcomes, 'refused').length),
    at('UnreadableBackends', snapshot.backends.filter(({ readable }) => !readable).length),
    at('ServerFull', free === 0 || refused ? 1 : 0),
    ...(isSweep && errors.length === 0 && visit.runAtWork === null ? [at('SweepsCompleted', 1)] : []),
    at('OldestIdleSeconds', oldestIdleSeconds ?? 0),
  ];
}

function applicationDatapoints(visit: Visit, shape: MetricsShape): readonly Datapoint[] {
  if (visit.snapshot === null) return [];
  const { usable } = slotUse(visit.snapshot);
  return bounded(applicationUse(visit.outcomes, shape.attribute), shape.maxApplications).flatMap((application) => {
    const at = atLevel('application', {
      Database: shape.database,
      Instance: visit.instance,
      Application: application.name,
    });
    return [
      at('Backends', application.backends),
      at('IdleBackends', application.idle),
      at('TerminatedBackends', application.terminated),
      at('SlotsUsedPercent', percentOf(application.backends, usable)),
    ];
  });
}

type ApplicationCounts = Pick<ApplicationUse, 'name' | 'backends' | 'idle' | 'terminated'>;

/** The largest applications, and the rest in one sum: every series costs money, and anyone can make up names. */
function bounded(applications: readonly ApplicationUse[], most: number): readonly ApplicationCounts[] {
  // A client may call itself by the name of the sum, and then belongs to it.
  const named = applications.filter(({ name }) => name !== OTHER_APPLICATIONS);
  const own = named.slice(0, most);
  const rest = applications.filter((application) => !own.includes(application));
  if (rest.length === 0) return own;
  const sum = (count: (application: ApplicationUse) => number) =>
    rest.reduce((total, application) => total + count(application), 0);
  return [
    ...own,
    {
      name: OTHER_APPLICATIONS,
      backends: sum(({ backends }) => backends),
      idle: sum(({ idle }) => idle),
      terminated: sum(({ terminated }) => terminated),
    },
  ];
}

/**
 * A limit holds on each instance by itself, so the fullest instance speaks for the role. All declared roles, and of the
 * others the fullest: a database with a role for each tenant would otherwise pay for thousands of series.
 */
function roleDatapoints(visits: readonly Visit[], { database, declaredRoles }: MetricsShape): readonly Datapoint[] {
  const percents = new Map<string, number>();
  for (const { snapshot, roleLimits } of visits) {
    if (snapshot === null) continue;
    for (const { role, limit, used } of limitedRoles(snapshot, roleLimits, declaredRoles)) {
      percents.set(role, Math.max(percents.get(role) ?? 0, percentOf(used, limit)));
    }
  }
  const declared = [...percents].filter(([role]) => declaredRoles.includes(role));
  const others = [...percents].filter(([role]) => !declaredRoles.includes(role)).sort(([, a], [, b]) => b - a);
  return [...declared, ...others.slice(0, MAX_UNDECLARED_ROLES)].map(([role, percent]) =>
    atLevel('role', { Database: database, Role: role })('RoleLimitUsedPercent', percent),
  );
}

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
