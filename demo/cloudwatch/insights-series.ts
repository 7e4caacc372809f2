import { groupBy } from '../../lambda/policy/group-by.js';
import type { InsightsQuery } from './metrics-insights.js';
import { type Datapoints, datapointsOfRange, type Observation, type Range } from './observation.js';

/**
 * The time series of a query, by contributor: the value of the label that it is grouped by. A contributor exists only
 * while the range has a datapoint of it: that is how new applications join and old ones leave.
 *
 * Observations of several metrics, such as those of two instances, go into one datapoint where the contributor is the same.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
 */
export function insightsSeries(
  query: InsightsQuery,
  observations: readonly Observation[],
  range: Range,
): ReadonlyMap<string, Datapoints> {
  const groups = groupBy(
    observations.filter((observation) => isSelected(query, observation)),
    ({ dimensions }) => `${dimensions[query.groupBy]}`,
  );
  return new Map(
    [...groups]
      .map(([contributor, group]) => [contributor, datapointsOfRange(group, range, query.aggregate)] as const)
      .filter(([, datapoints]) => datapoints.some((datapoint) => datapoint !== undefined)),
  );
}

/** Whether a query selects an observation: by its metric, exactly its dimension set, and its filter. */
export function isSelected(query: InsightsQuery, { namespace, metricName, dimensions }: Observation): boolean {
  return (
    namespace === query.namespace &&
    metricName === query.metricName &&
    Object.keys(dimensions).length === query.labels.length &&
    query.labels.every((label) => dimensions[label] !== undefined) &&
    dimensions[query.where.label] === query.where.value
  );
}
