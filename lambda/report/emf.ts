import { NAMESPACE } from '../contract/metrics.js';
import { groupBy } from '../policy/group-by.js';
import type { Datapoint } from './metrics.js';

/** A log line in CloudWatch's embedded metric format. */
export type EmfLine = Readonly<Record<string, unknown>>;

/**
 * Datapoints as embedded metric format, for where PutMetricData can't be reached. One line for each set of dimension
 * values, since a line can carry only one. A line may hold 100 metrics, 30 dimensions and 1 MB; ours has 11, 3 and 4 kB at
 * most.
 *
 * The lines must reach the log as they are: the runtime's JSON log format would wrap what `console.log` writes.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function emfLines(datapoints: readonly Datapoint[], timestamp: Date): readonly EmfLine[] {
  const sets = groupBy(datapoints, ({ dimensions }) => JSON.stringify(dimensions));
  return [...sets].map(([key, set]) => {
    const dimensions = JSON.parse(key) as Datapoint['dimensions'];
    return {
      _aws: {
        Timestamp: timestamp.getTime(),
        CloudWatchMetrics: [
          {
            Namespace: NAMESPACE,
            Dimensions: [Object.keys(dimensions)],
            Metrics: set.map(({ metric, unit }) => ({ Name: metric, Unit: unit })),
          },
        ],
      },
      ...dimensions,
      ...Object.fromEntries(set.map(({ metric, value }) => [metric, value])),
    };
  });
}
