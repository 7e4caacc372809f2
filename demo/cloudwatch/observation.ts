/**
 * One value published for a metric, by PutMetricData, by an embedded metric format line, or by a service of AWS itself.
 * The word is Metrics Insights' own; a *datapoint* is what a statistic makes of a period's observations.
 */
export interface Observation {
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly value: number;
  readonly unit: string;
}

/** The datapoints of a time series, one a period, the oldest first; `undefined` is a missing one. */
export type Datapoints = readonly (number | undefined)[];

/** The periods that an evaluation looks at. */
export interface Range {
  /** Where the last period ends, exclusive: epoch milliseconds. */
  readonly end: number;
  readonly periodSeconds: number;
  readonly periods: number;
}

/**
 * When each period of a range starts, the oldest first: epoch milliseconds, which is the timestamp of its datapoint.
 *
 * Ranges slide with the evaluation, so a period of five minutes starts at any minute.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation-window.html
 */
export function periodStarts({ end, periodSeconds, periods }: Range): readonly number[] {
  return Array.from({ length: periods }, (_, index) => end - (periods - index) * periodSeconds * 1000);
}

/** Makes datapoints of observations: those of each period, start included and end excluded, by a statistic. */
export function datapointsOfRange(
  observations: readonly Observation[],
  range: Range,
  statistic: (values: readonly number[]) => number,
): Datapoints {
  return periodStarts(range).map((start) => {
    const end = start + range.periodSeconds * 1000;
    const values = observations
      .filter(({ timestamp }) => timestamp >= start && timestamp < end)
      .map(({ value }) => value);
    return values.length === 0 ? undefined : statistic(values);
  });
}
