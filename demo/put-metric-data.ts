import { StandardUnit } from '@aws-sdk/client-cloudwatch';
import { AwsRefusal } from './aws-protocol.js';
import type { Observation } from './cloudwatch/observation.js';
import { type FaultKind, faultsOf, type WireDatum, type WireRequest } from './metric-faults.js';

/** One value that a `PutMetricData` brought. */
export type PublishedMetric = Observation;

/** Of the body once unzipped: the stricter reading of "1 MB", and the one by which Amazon's own agent makes its batches. */
const REQUEST_BYTES = 1024 * 1024;

/** The kinds of fault by their names in the older query protocol. */
const QUERY_CODES: Record<FaultKind, string> = {
  InvalidParameterValue: 'InvalidParameterValue',
  MissingRequiredParameter: 'MissingParameter',
};

/**
 * What a `PutMetricData` brings. One fault anywhere in it refuses the whole request, as in CloudWatch, which tells all of
 * them.
 *
 * @param body - the request's, unzipped
 * @throws {@link AwsRefusal}
 */
export function ingestMetrics(body: Buffer): PublishedMetric[] {
  if (body.length > REQUEST_BYTES) {
    const message = `Request size ${body.length} exceeded ${REQUEST_BYTES} bytes`;
    throw new AwsRefusal(413, 'RequestEntityTooLarge', message);
  }
  const request: WireRequest = JSON.parse(body.toString());
  const faults = [...faultsOf(request)];
  const [first] = faults;
  if (first) {
    const messages = faults.slice(0, 10).map(({ message }) => message);
    throw new AwsRefusal(400, `${first.kind}Exception`, messages.join('\n'), QUERY_CODES[first.kind]);
  }
  return (request.MetricData ?? []).map((datum) => publish(request.Namespace ?? '', datum));
}

function publish(namespace: string, datum: WireDatum): PublishedMetric {
  return {
    timestamp: datum.Timestamp === undefined ? Date.now() : datum.Timestamp * 1000,
    namespace,
    metricName: datum.MetricName ?? '',
    dimensions: Object.fromEntries((datum.Dimensions ?? []).map(({ Name, Value }) => [Name, Value])),
    unit: datum.Unit ?? StandardUnit.None,
    value: datum.Value ?? Number.NaN,
  };
}
