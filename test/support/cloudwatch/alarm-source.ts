import { insightsSeries } from '../../../demo/cloudwatch/insights-series.js';
import { type MetricStat, metricDatapoints } from '../../../demo/cloudwatch/metric-stat.js';
import { parseInsightsQuery } from '../../../demo/cloudwatch/metrics-insights.js';
import { type Datapoints, type Observation, periodStarts, type Range } from '../../../demo/cloudwatch/observation.js';
import type { MetricDataQuery } from './metric-alarm.js';
import { type Expression, parseExpression } from './metric-math.js';

/** Where an alarm's datapoints come from. */
export type AlarmSource = { readonly periodSeconds: number } & (
  | {
      /** One time series. */
      readonly kind: 'series';
      readonly read: (observations: readonly Observation[], range: Range) => Datapoints;
    }
  | {
      /** One time series a contributor, each with a state of its own. */
      readonly kind: 'contributors';
      readonly read: (observations: readonly Observation[], range: Range) => ReadonlyMap<string, Datapoints>;
    }
);

/** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html */
const MAX_METRICS = 10;

/** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html */
const MAX_SECONDS = 24 * 60 * 60;

/** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-limits.html */
const MAX_INSIGHTS_SECONDS = 3 * 60 * 60;

/**
 * Makes out what an alarm watches: a metric, an expression over metrics, or a Metrics Insights query.
 *
 * @param periods N, which decides how far back the alarm looks.
 * @throws Error for what CloudWatch refuses, and for what is not modelled: an alarm that looks back more than a day, which
 *   CloudWatch evaluates once an hour.
 */
export function alarmSource(queries: readonly MetricDataQuery[], periods: number): AlarmSource {
  const [watched, ...others] = queries.filter(({ ReturnData }) => ReturnData);
  if (watched === undefined || others.length > 0) throw new Error('an alarm watches exactly one entry of its Metrics');
  const isQuery = /^\s*SELECT\b/i.test(watched.Expression ?? '');
  const source = isQuery ? queried(watched, queries, periods) : computed(watched, queries);
  const seconds = source.periodSeconds * periods;
  if (seconds > MAX_SECONDS) throw new Error(`an alarm over ${seconds} s is not modelled, over a day at most`);
  return source;
}

/** One time series or several, of a Metrics Insights query. */
function queried(
  { Expression = '', Period }: MetricDataQuery,
  queries: readonly MetricDataQuery[],
  periods: number,
): AlarmSource {
  if (queries.length > 1) throw new Error('a Metrics Insights query beside other entries is not modelled');
  if (Period === undefined) throw new Error('a Metrics Insights query needs a Period');
  if (Period * periods > MAX_INSIGHTS_SECONDS) {
    throw new Error('MetricsInsights monitors cannot be checked across more than 3 hours');
  }
  const query = parseInsightsQuery(Expression);
  if (query.groupBy.length === 0) {
    const read = (observations: readonly Observation[], range: Range) =>
      insightsSeries(query, observations, range).get('') ?? periodStarts(range).map(() => undefined);
    return { kind: 'series', periodSeconds: Period, read };
  }
  if (!query.ordered) throw new Error('a Metrics Insights query with GROUP BY needs an ORDER BY in an alarm');
  return { kind: 'contributors', periodSeconds: Period, read: (...given) => insightsSeries(query, ...given) };
}

/** One time series, of a metric or by an expression. */
function computed(watched: MetricDataQuery, queries: readonly MetricDataQuery[]): AlarmSource {
  const entries = new Map(queries.map((query) => [query.Id, prepared(query)]));
  if (entries.size < queries.length) throw new Error('two entries of Metrics have the same Id');
  const metrics = [...entries.values()].filter((entry) => 'Metric' in entry);
  if (metrics.length === 0 || metrics.length > MAX_METRICS) {
    throw new Error(`an expression of an alarm takes 1 to ${MAX_METRICS} metrics, got ${metrics.length}`);
  }
  const periods = new Set(metrics.map(({ Period }) => Period));
  const [periodSeconds = 0] = periods;
  if (periods.size > 1) throw new Error(`all metrics of an alarm have one period, got ${[...periods].join(' and ')} s`);
  demandOrder(watched.Id, entries);
  return {
    kind: 'series',
    periodSeconds,
    read: (observations, range) => {
      const starts = periodStarts(range);
      const series = (id: string): Datapoints => {
        const entry = entries.get(id);
        if (entry === undefined) throw new Error(`no entry of Metrics has the Id ${id}`);
        return 'Metric' in entry ? metricDatapoints(entry, observations, range) : entry.evaluate({ starts, series });
      };
      return series(watched.Id);
    },
  };
}

function prepared({ Id, Expression, MetricStat }: MetricDataQuery): MetricStat | Expression {
  if (MetricStat !== undefined && Expression === undefined) return MetricStat;
  if (Expression !== undefined && MetricStat === undefined) return parseExpression(Expression);
  throw new Error(`${Id}: an entry of Metrics has either an Expression or a MetricStat`);
}

/** Every id that is referred to exists, and none leads back to itself. */
function demandOrder(id: string, entries: ReadonlyMap<string, MetricStat | Expression>, above: readonly string[] = []) {
  const entry = entries.get(id);
  if (entry === undefined) throw new Error(`no entry of Metrics has the Id ${id}`);
  if (above.includes(id)) throw new Error(`the entry ${id} of Metrics is made from itself`);
  if ('ids' in entry) for (const other of entry.ids) demandOrder(other, entries, [...above, id]);
}
