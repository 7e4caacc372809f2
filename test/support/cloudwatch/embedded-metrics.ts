import * as v from 'valibot';
import type { Observation } from '../../../demo/cloudwatch/observation.js';

const directive = v.object({
  Timestamp: v.number(),
  CloudWatchMetrics: v.array(
    v.object({
      Namespace: v.string(),
      Dimensions: v.array(v.array(v.string())),
      Metrics: v.array(v.object({ Name: v.string(), Unit: v.optional(v.string(), 'None') })),
    }),
  ),
});

/**
 * What CloudWatch makes of a log line in embedded metric format: each metric, once for each of its dimension sets. Its
 * value and those of its dimensions are at the root of the line.
 *
 * @throws Error for a line that is not in the format.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function embeddedObservations(line: Readonly<Record<string, unknown>>): readonly Observation[] {
  const { Timestamp: timestamp, CloudWatchMetrics } = v.parse(directive, line['_aws']);
  return CloudWatchMetrics.flatMap(({ Namespace: namespace, Dimensions, Metrics }) =>
    Dimensions.flatMap((names) => {
      const dimensions = Object.fromEntries(names.map((name) => [name, v.parse(v.string(), line[name])]));
      return Metrics.map(({ Name: metricName, Unit: unit }) => {
        const value = v.parse(v.number(), line[metricName]);
        return { timestamp, namespace, metricName, dimensions, value, unit };
      });
    }),
  );
}
