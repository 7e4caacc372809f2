import { type Datapoints, datapointsOfRange, type Observation, type Range } from './observation.js';

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/**
 * The statistics of an alarm on a metric. Percentiles are not modelled: CloudWatch approximates them.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
 */
export const STATISTICS = {
  Maximum: (values: readonly number[]) => Math.max(...values),
  Minimum: (values: readonly number[]) => Math.min(...values),
  Sum: sum,
  Average: (values: readonly number[]) => sum(values) / values.length,
  SampleCount: (values: readonly number[]) => values.length,
} as const;

/** A metric and the statistic to read it by, in CloudFormation's names. */
export interface MetricStat {
  readonly Metric: {
    readonly Namespace: string;
    readonly MetricName: string;
    readonly Dimensions: readonly { readonly Name: string; readonly Value: string }[];
  };
  readonly Stat: keyof typeof STATISTICS;
  readonly Period: number;
  /** Only observations of this unit count, when it is given. */
  readonly Unit?: string | undefined;
}

/**
 * The datapoints of one metric. A metric is its namespace, its name and exactly its dimension set: what was published with
 * one dimension more or less belongs to another metric, which nothing adds up.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#dimension-combinations
 */
export function metricDatapoints(
  { Metric, Stat, Unit }: MetricStat,
  observations: readonly Observation[],
  range: Range,
): Datapoints {
  const { Namespace, MetricName, Dimensions } = Metric;
  const own = observations.filter(
    ({ namespace, metricName, dimensions, unit }) =>
      namespace === Namespace &&
      metricName === MetricName &&
      (Unit === undefined || unit === Unit) &&
      Object.keys(dimensions).length === Dimensions.length &&
      Dimensions.every(({ Name, Value }) => dimensions[Name] === Value),
  );
  return datapointsOfRange(own, range, STATISTICS[Stat]);
}
