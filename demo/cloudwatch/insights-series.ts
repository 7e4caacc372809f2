import { groupBy } from '../../lambda/policy/group-by.js';
import type { InsightsQuery } from './metrics-insights.js';
import { type Datapoints, datapointsOfRange, type Observation, type Range } from './observation.js';

/** The values of the labels that a time series is grouped by, joined; of a query without GROUP BY, nothing. */
type Contributor = string;

/**
 * The time series of a query, by contributor. One exists only while there is a datapoint of it in the range: that is how
 * new applications join by themselves, and old ones leave.
 *
 * Observations of several metrics, such as those of two instances, go into one datapoint where the group is the same.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
 */
export function insightsSeries(
  query: InsightsQuery,
  observations: readonly Observation[],
  range: Range,
): ReadonlyMap<Contributor, Datapoints> {
  const groups = groupBy(
    observations.filter((observation) => isSelected(query, observation)),
    ({ dimensions }) => query.groupBy.map((label) => dimensions[label]).join(' '),
  );
  return new Map(
    [...groups]
      .map(([contributor, group]) => [contributor, datapointsOfRange(group, range, query.aggregate)] as const)
      .filter(([, datapoints]) => datapoints.some((datapoint) => datapoint !== undefined)),
  );
}

/** Whether a query takes in an observation: by its metric, exactly its dimension set, and its filter. */
export function isSelected(query: InsightsQuery, { namespace, metricName, dimensions }: Observation): boolean {
  return (
    namespace === query.namespace &&
    metricName === query.metricName &&
    Object.keys(dimensions).length === query.labels.length &&
    query.labels.every((label) => dimensions[label] !== undefined) &&
    query.conditions.every(({ label, equal, value }) => (dimensions[label] === value) === equal)
  );
}
