import { MAX_UNDECLARED_ROLES, METRICS, type MetricLevel, type MetricName } from '../../lambda/contract/metrics.js';
import type { Assumptions } from './assumptions.js';
import type { Deployed } from './deployed.js';
import type { InsightsQuery } from './deployed-alarm.js';

/** Published in the hours in which a leak is terminated, which are few. */
const ONLY_OF_LEAKS: MetricName<'application'> = 'TerminatedLeaks';

/** What a sweep publishes. A series is one set of dimension values, with all metrics of its level. */
export interface PublishedSeries {
  readonly series: Readonly<Record<MetricLevel, number>>;
  /** What CloudWatch counts as metrics. */
  readonly metrics: Readonly<Record<MetricLevel, number>>;
  /** How many metrics a query matches. */
  matchedBy(query: InsightsQuery): number;
}

/** Counts what a sweep publishes: nothing without a schedule, since nobody knows whether there will be sweeps. */
export function publishedSeries(deployed: Deployed, { applications, otherRoles }: Assumptions): PublishedSeries {
  const { instances, maxApplications, roles, minutesBetweenSweeps } = deployed;
  const sweptInstances = minutesBetweenSweeps === null ? 0 : instances;
  const named = Math.min(applications, maxApplications) * sweptInstances;
  // One more stands for the applications that have no series of their own.
  const others = applications > maxApplications ? sweptInstances : 0;
  // And one for such roles.
  const undeclared = Math.min(otherRoles, MAX_UNDECLARED_ROLES + 1);
  const series = {
    instance: sweptInstances,
    application: named + others,
    role: sweptInstances === 0 ? 0 : roles + undeclared,
  };
  const metricsOf = (level: MetricLevel) =>
    series[level] * Object.keys(METRICS[level]).filter((name) => name !== ONLY_OF_LEAKS).length;
  return {
    series,
    metrics: { instance: metricsOf('instance'), application: metricsOf('application'), role: metricsOf('role') },
    matchedBy: ({ level }) => series[level],
  };
}
