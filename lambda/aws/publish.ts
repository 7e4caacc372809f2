/** Publishes metrics to CloudWatch, or as log lines. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { AWS_LIMITS, RUN_LIMITS } from '../contract/limits.js';
import { NAMESPACE } from '../contract/metrics.js';
import { emfLines } from '../report/emf.js';
import type { Datapoint } from '../report/metrics.js';
import type { Publication } from '../report/publication.js';
import { type AwsRefusal, describeAwsFailure, isAccessDenied, isSurelyUndone } from './failure.js';
import type { Log } from './log.js';

/** Publishes a run's datapoints. */
export type Publish = (datapoints: readonly Datapoint[]) => Promise<Publication>;

/** Before CloudWatch is asked again. */
const PAUSE_MS = 300;

/**
 * Publishes to CloudWatch; after the first failure the rest goes out as embedded metric format log lines.
 *
 * That is at least once: a request whose answer does not come may have been taken, and its datapoints then count twice,
 * by the request and by the log. To lose them would be worse. No more than twice, since such a request is not sent again;
 * it has all the time instead that publishing may take.
 */
export function publishTo(client: CloudWatchClient, log: Log): Publish {
  return async (datapoints) => {
    const timestamp = new Date();
    const abortSignal = AbortSignal.timeout(AWS_LIMITS.callMs);
    let requests = 0;
    for (let start = 0; start < datapoints.length; start += RUN_LIMITS.datapointsPerRequest) {
      const batch = datapoints.slice(start, start + RUN_LIMITS.datapointsPerRequest);
      const request = { Namespace: NAMESPACE, MetricData: batch.map(toMetricDatum(timestamp)) };
      try {
        await insisting(() => {
          requests += 1;
          return client.send(new PutMetricDataCommand(request), { abortSignal });
        });
      } catch (cause) {
        writeLines(datapoints.slice(start), timestamp, log);
        const failure = describeAwsFailure(cause, 'CloudWatch', adviceOn);
        const error = `CloudWatch did not take the metrics, so they are in the log: ${failure}`;
        return { requests, datapoints: datapoints.length, via: 'emf', error };
      }
    }
    return { requests, datapoints: datapoints.length, via: requests === 0 ? 'none' : 'api', error: null };
  };
}

/** Repeats what surely had no effect. */
async function insisting(send: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await send();
      return;
    } catch (error) {
      if (attempt === AWS_LIMITS.attempts || !isSurelyUndone(error)) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

function adviceOn(refusal: AwsRefusal): string | null {
  if (!isAccessDenied(refusal)) return null;
  return `allow the function's role cloudwatch:PutMetricData in namespace ${NAMESPACE}; the policy of a VPC endpoint must not deny it`;
}

/** Publishes as embedded metric format log lines alone, and talks to nobody: Lambda's log takes no part in the VPC. */
export function publishByLog(log: Log): Publish {
  return async (datapoints) => {
    writeLines(datapoints, new Date(), log);
    return { requests: 0, datapoints: datapoints.length, via: datapoints.length === 0 ? 'none' : 'emf', error: null };
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
