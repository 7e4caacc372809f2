import type { GetMetricDataInput, MetricDataQuery } from '@aws-sdk/client-cloudwatch';
import { groupBy } from '../lambda/policy/group-by.js';
import { AwsRefusal } from './aws-protocol.js';
import { isSelected } from './cloudwatch/insights-series.js';
import { type InsightsQuery, parseInsightsQuery } from './cloudwatch/metrics-insights.js';
import type { PublishedMetric } from './put-metric-data.js';

/** What CloudWatch's documentation leaves open. */
export interface CloudWatchHabits {
  /** How long metrics take to be found once they were ingested. @default 0 */
  readonly lagMs?: number;
  /** The most datapoints in a page, if that is less than a request allows. @default - as many as it allows */
  readonly pageDatapoints?: number;
}

/** A `GetMetricData` on the wire: times are epoch seconds. */
type WireRequest = Omit<GetMetricDataInput, 'StartTime' | 'EndTime'> & {
  readonly StartTime?: number;
  readonly EndTime?: number;
};

/** A series of the answer. */
interface WireResult {
  readonly Id: string;
  readonly Label: string;
  readonly Timestamps: readonly number[];
  readonly Values: readonly number[];
  readonly StatusCode: 'Complete' | 'PartialData';
}

/** A `GetMetricData` as it is answered. */
export interface MetricDataAnswer {
  readonly MetricDataResults: readonly WireResult[];
  readonly NextToken?: string;
  readonly Messages: readonly [];
}

/**
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-limits.html
 */
const LIMITS = {
  datapoints: 100_800,
  series: 500,
  metrics: 10_000,
  /** Metrics Insights looks back two weeks by one page, and by another one, which is the stricter, three hours. */
  pastSeconds: 3 * 60 * 60,
};

/**
 * Answers a `GetMetricData` that holds one query of Metrics Insights, which is all that the function asks for. Answers come
 * in pages of `MaxDatapoints`.
 *
 * @param body - the request's, unzipped
 * @param published - all that was ingested
 * @throws {@link AwsRefusal}
 */
export function metricData(
  body: Buffer,
  published: readonly PublishedMetric[],
  { lagMs = 0, pageDatapoints = LIMITS.datapoints }: CloudWatchHabits,
): MetricDataAnswer {
  const request: WireRequest = JSON.parse(body.toString());
  const { query, Id, periodSeconds } = onlyQuery(request.MetricDataQueries ?? []);
  const range = rangeOf(request);
  const found = published.filter(
    (metric) =>
      isSelected(query, metric) &&
      metric.timestamp >= range.start &&
      metric.timestamp < Math.min(range.end, Date.now() - lagMs + 1),
  );
  const all = seriesOf(query, firstMetrics(found), periodSeconds).slice(0, LIMITS.series);
  return pageOf(all, Id, Math.min(pageDatapoints, pageSize(request)), offsetOf(request));
}

function onlyQuery(queries: readonly MetricDataQuery[]) {
  const [first, ...others] = queries;
  if (first === undefined) throw refusal('The parameter MetricDataQueries is required.');
  if (others.length > 0) throw refusal('Only one Metrics Insights query is allowed in a request.');
  const { Id = '', Expression = '', Period, MetricStat } = first;
  if (!/^[a-z]\w{0,254}$/.test(Id))
    throw refusal(`The value ${Id} for parameter MetricDataQueries.member.1.Id is invalid.`);
  if (MetricStat !== undefined) throw refusal('This stand-in knows no MetricStat.');
  if (Expression.length > 2048) throw refusal('Expression must be at most 2048 characters long.');
  if (Period === undefined || Period < 1 || Period % 60 !== 0) throw refusal('Period must be a multiple of 60.');
  return { query: parsed(Expression), Id, periodSeconds: Period };
}

function parsed(expression: string): InsightsQuery {
  try {
    return parseInsightsQuery(expression);
  } catch (error) {
    throw refusal(`Error in expression: ${error instanceof Error ? error.message : error}`);
  }
}

/** In milliseconds; the start is rounded down to a whole minute. */
function rangeOf({ StartTime, EndTime }: WireRequest): { readonly start: number; readonly end: number } {
  if (StartTime === undefined || EndTime === undefined) throw refusal('StartTime and EndTime are required.');
  if (StartTime >= EndTime) throw refusal('The parameter StartTime must be less than the parameter EndTime.');
  if (StartTime < Date.now() / 1000 - LIMITS.pastSeconds) {
    throw refusal('Metrics Insights can query only the most recent three hours of metric data.');
  }
  return { start: Math.floor(StartTime / 60) * 60_000, end: EndTime * 1000 };
}

/** What a query processes, where its filter matches more metrics than it may. */
function firstMetrics(found: readonly PublishedMetric[]): readonly PublishedMetric[] {
  const metrics = [...groupBy(found, ({ dimensions }) => JSON.stringify(dimensions)).values()];
  return metrics.slice(0, LIMITS.metrics).flat();
}

/** The time series by label, those with the highest values first, each with its newest datapoint first. */
function seriesOf(
  { groupBy: groupLabel, aggregate }: InsightsQuery,
  found: readonly PublishedMetric[],
  periodSeconds: number,
) {
  const groups = groupBy(found, ({ dimensions }) => `${dimensions[groupLabel]}`);
  const series = [...groups].map(([label, metrics]) => {
    const periods = groupBy(
      metrics,
      ({ timestamp }) => `${Math.floor(timestamp / 1000 / periodSeconds) * periodSeconds}`,
    );
    const datapoints = [...periods]
      .map(([start, values]) => [Number(start), aggregate(values.map(({ value }) => value))] as const)
      .sort(([a], [b]) => b - a);
    return { label, datapoints, rank: aggregate(metrics.map(({ value }) => value)) };
  });
  return series.sort((a, b) => b.rank - a.rank);
}

/** Where a series goes on in the next page, its data are partial in this one. */
function pageOf(series: ReturnType<typeof seriesOf>, Id: string, size: number, offset: number): MetricDataAnswer {
  let [skip, room] = [offset, size];
  const results: WireResult[] = [];
  for (const { label, datapoints } of series) {
    const shown = datapoints.slice(skip, skip + room);
    const isLast = skip + shown.length >= datapoints.length;
    skip = Math.max(0, skip - datapoints.length);
    room -= shown.length;
    if (shown.length === 0) continue;
    results.push({
      Id,
      Label: label,
      Timestamps: shown.map(([start]) => start),
      Values: shown.map(([, value]) => value),
      StatusCode: isLast ? 'Complete' : 'PartialData',
    });
  }
  const total = series.reduce((sum, { datapoints }) => sum + datapoints.length, 0);
  const next = offset + size;
  return { MetricDataResults: results, ...(next < total && { NextToken: `page-${next}` }), Messages: [] };
}

function pageSize({ MaxDatapoints = LIMITS.datapoints }: WireRequest): number {
  if (MaxDatapoints > LIMITS.datapoints) throw refusal(`MaxDatapoints must be at most ${LIMITS.datapoints}.`);
  return MaxDatapoints;
}

function offsetOf({ NextToken = 'page-0' }: WireRequest): number {
  const [, offset] = /^page-(\d+)$/.exec(NextToken) ?? [];
  if (offset === undefined) throw new AwsRefusal(400, 'InvalidNextToken', 'The next token is invalid.');
  return Number(offset);
}

function refusal(message: string): AwsRefusal {
  return new AwsRefusal(400, 'ValidationError', message);
}
