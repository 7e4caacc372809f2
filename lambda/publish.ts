import { type CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { NAMESPACE } from './contract.js';
import { emfLines } from './emf.js';
import type { Log } from './log.js';
import type { Datapoint } from './metrics.js';
import { describeError } from './sqlstate.js';

/**
 * The most data one request may carry. With names of bounded length a thousand of ours are 0.4 MB at most, so the other
 * limit, 1 MB, is never near.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
 */
const MAX_DATA_PER_REQUEST = 1_000;

/** What was published, and how. */
export interface Publication {
  /** PutMetricData requests made, a failed one included. */
  readonly requests: number;
  readonly datapoints: number;
  /** `log` when any of them went out as log lines. */
  readonly via: 'api' | 'log' | 'none';
  readonly error: string | null;
}

/** Publishes a run's datapoints. */
export type Publish = (datapoints: readonly Datapoint[]) => Promise<Publication>;

/** Publishes to CloudWatch; after the first failure the rest goes out as embedded metric format log lines. */
export function publishTo(client: CloudWatchClient, log: Log): Publish {
  return async (datapoints) => {
    const timestamp = new Date();
    let requests = 0;
    for (let start = 0; start < datapoints.length; start += MAX_DATA_PER_REQUEST) {
      const batch = datapoints.slice(start, start + MAX_DATA_PER_REQUEST);
      requests += 1;
      try {
        await client.send(
          new PutMetricDataCommand({ Namespace: NAMESPACE, MetricData: batch.map(toMetricDatum(timestamp)) }),
        );
      } catch (cause) {
        writeLines(datapoints.slice(start), timestamp, log);
        const error = `CloudWatch did not take the metrics, so they are in the log: ${describeError(cause)}`;
        return { requests, datapoints: datapoints.length, via: 'log', error };
      }
    }
    return { requests, datapoints: datapoints.length, via: requests === 0 ? 'none' : 'api', error: null };
  };
}

/** Publishes as embedded metric format log lines alone, and talks to nobody: Lambda's log takes no part in the VPC. */
export function publishByLog(log: Log): Publish {
  return async (datapoints) => {
    writeLines(datapoints, new Date(), log);
    return { requests: 0, datapoints: datapoints.length, via: datapoints.length === 0 ? 'none' : 'log', error: null };
  };
}

function writeLines(datapoints: readonly Datapoint[], timestamp: Date, log: Log): void {
  for (const line of emfLines(datapoints, timestamp)) log.raw(line);
}

function toMetricDatum(timestamp: Date) {
  return ({ metric, unit, dimensions, value }: Datapoint) => ({
    MetricName: metric,
    Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
    Timestamp: timestamp,
    Unit: unit,
    Value: value,
  });
}
