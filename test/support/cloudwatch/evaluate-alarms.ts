import { compileFunction } from 'node:vm';
import { insightsSeries } from '../../../demo/cloudwatch/insights-series.js';
import { parseInsightsQuery } from '../../../demo/cloudwatch/metrics-insights.js';
import {
  type Datapoints,
  datapointsOfRange,
  type Observation,
  periodStarts,
  type Range,
} from '../../../demo/cloudwatch/observation.js';
import { type AlarmState, alarmState, EXTRA_DATAPOINTS, type Judgement } from './alarm-state.js';

interface MetricName {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions: readonly { readonly Name: string; readonly Value: string }[];
}

type Statistic = keyof typeof STATISTICS;

interface MetricStat {
  readonly Metric: MetricName;
  readonly Stat: Statistic;
  readonly Period: number;
}

/** An entry of an alarm's `Metrics`. */
interface Query {
  readonly Id: string;
  readonly ReturnData: boolean;
  readonly Expression?: string;
  readonly Period?: number;
  readonly MetricStat?: MetricStat;
}

/** The properties of an `AWS::CloudWatch::Alarm`, with names in place of references. */
export interface AlarmProperties extends Partial<MetricName> {
  readonly AlarmName: string;
  readonly Statistic?: Statistic;
  readonly Period?: number;
  readonly Metrics?: readonly Query[];
  readonly Threshold: number;
  readonly ComparisonOperator: keyof typeof COMPARISONS;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm: number;
  readonly TreatMissingData: Judgement['treatMissingData'];
  readonly WarmUpConfiguration?: { readonly WarmUpPeriodDurationInMinutes: number };
}

/** When alarms are evaluated: at the end of each minute. */
export interface Span {
  /** Epoch milliseconds. */
  readonly start: number;
  readonly minutes: number;
  /** How late CloudWatch learns of an observation. @default 0: once its minute is over */
  readonly minutesLate?: number;
}

/** The states of an alarm at the end of each minute, and of each contributor; `undefined` while it has no data. */
export interface History {
  readonly states: readonly AlarmState[];
  readonly contributors: Readonly<Record<string, readonly (AlarmState | undefined)[]>>;
}

const STATISTICS = {
  Maximum: (values: readonly number[]) => Math.max(...values),
  Sum: (values: readonly number[]) => values.reduce((total, value) => total + value, 0),
} as const;

const COMPARISONS = {
  GreaterThanOrEqualToThreshold: (datapoint: number, threshold: number) => datapoint >= threshold,
  LessThanThreshold: (datapoint: number, threshold: number) => datapoint < threshold,
} as const;

/**
 * What CloudWatch's documentation says becomes of an alarm, as far as our alarms use it. An alarm that has contributors is
 * in ALARM while any of them is, and has INSUFFICIENT_DATA while there are none.
 *
 * @throws TypeError or ReferenceError for a statistic, comparison or function that is not modelled.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
 */
export function alarmHistory(alarm: AlarmProperties, observations: readonly Observation[], span: Span): History {
  const { start, minutes, minutesLate = 0 } = span;
  const source = sourceOf(alarm);
  const found = Array.from({ length: minutes }, (_, minute) => {
    const end = start + (minute + 1) * 60_000;
    const known = observations.filter(({ timestamp }) => timestamp < end - minutesLate * 60_000);
    return source.read(known, {
      end,
      periodSeconds: source.periodSeconds,
      periods: alarm.EvaluationPeriods + EXTRA_DATAPOINTS,
    });
  });
  if (!source.hasContributors) {
    const ranges = found.map((series) => series.get(ONLY) ?? []);
    return { states: statesOf(alarm, ranges, warmAt(alarm, ranges)), contributors: {} };
  }
  const names = [...new Set(found.flatMap((series) => [...series.keys()]))];
  const contributors = Object.fromEntries(
    names.map((name) => [
      name,
      contributorStates(
        alarm,
        found.map((series) => series.get(name)),
      ),
    ]),
  );
  const states = found.map(({ size }, minute): AlarmState => {
    if (size === 0) return 'INSUFFICIENT_DATA';
    return Object.values(contributors).some((own) => own[minute] === 'ALARM') ? 'ALARM' : 'OK';
  });
  return { states, contributors };
}

/**
 * The states of a composite alarm that is in ALARM while any of its alarms is.
 *
 * @param rule `ALARM("name") OR ALARM("name") …`
 */
export function compositeStates(
  rule: string,
  statesByName: (alarm: string) => readonly AlarmState[],
): readonly AlarmState[] {
  const operands = rule.split(' OR ').map((operand) => /^ALARM\("([^"]+)"\)$/.exec(operand)?.[1]);
  const parts = operands.map((name) => {
    if (name === undefined) throw new Error(`rule: expected ALARM("name") OR ALARM("name"), got ${rule}`);
    return statesByName(name);
  });
  return (parts[0] ?? []).map((_, minute) => (parts.some((states) => states[minute] === 'ALARM') ? 'ALARM' : 'OK'));
}

/** The name of the series of an alarm without contributors. */
const ONLY = '';

interface Source {
  readonly periodSeconds: number;
  readonly hasContributors: boolean;
  readonly read: (observations: readonly Observation[], range: Range) => ReadonlyMap<string, Datapoints>;
}

/** What an alarm watches: a metric, a formula of metrics, or a query with one series a contributor. */
function sourceOf({ Metrics = [], ...alarm }: AlarmProperties): Source {
  const watched = Metrics.find(({ ReturnData }) => ReturnData);
  const formula = watched?.Expression;
  if (formula?.startsWith('SELECT ')) {
    const query = parseInsightsQuery(formula);
    const read: Source['read'] = (observations, range) => insightsSeries(query, observations, range);
    return { periodSeconds: Number(watched?.Period), hasContributors: true, read };
  }
  const members = formula === undefined ? [['metric', ownMetric(alarm)] as const] : membersOf(Metrics);
  const evaluate = formulaOf(
    formula ?? 'metric',
    members.map(([id]) => id),
  );
  return {
    periodSeconds: Number(members[0]?.[1].Period),
    hasContributors: false,
    read: (observations, range) => {
      const series = members.map(([, stat]) => metricDatapoints(stat, observations, range));
      return new Map([
        [
          ONLY,
          periodStarts(range).map((start, at) =>
            evaluate(
              start,
              series.map((one) => one[at]),
            ),
          ),
        ],
      ]);
    },
  };
}

function ownMetric({
  Namespace = '',
  MetricName = '',
  Dimensions = [],
  Statistic,
  Period,
}: AlarmProperties): MetricStat {
  if (Statistic === undefined || Period === undefined)
    throw new Error('expected a metric with a statistic and a period');
  return { Metric: { Namespace, MetricName, Dimensions }, Stat: Statistic, Period };
}

function membersOf(queries: readonly Query[]): readonly (readonly [string, MetricStat])[] {
  return queries.flatMap(({ Id, MetricStat }) => (MetricStat === undefined ? [] : [[Id, MetricStat] as const]));
}

/**
 * A formula of metric math, whose operators and calls JavaScript evaluates just so. A missing datapoint is 0 beside
 * another one; where all are missing, so is the result.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */
function formulaOf(formula: string, ids: readonly string[]) {
  const compiled = compileFunction(`return ${formula}`, ['IF', 'FLOOR', 'EPOCH', ...ids]);
  const IF = (condition: boolean, whenTrue: number, whenFalse: number) => (condition ? whenTrue : whenFalse);
  return (start: number, values: Datapoints): number | undefined => {
    if (values.every((value) => value === undefined)) return undefined;
    return compiled(IF, Math.floor, () => start / 1000, ...values.map((value) => value ?? 0));
  };
}

/** The datapoints of the metric that has exactly these dimensions: one more or fewer makes another metric. */
function metricDatapoints(
  { Metric, Stat }: MetricStat,
  observations: readonly Observation[],
  range: Range,
): Datapoints {
  const own = observations.filter(
    ({ namespace, metricName, dimensions }) =>
      namespace === Metric.Namespace &&
      metricName === Metric.MetricName &&
      Object.keys(dimensions).length === Metric.Dimensions.length &&
      Metric.Dimensions.every(({ Name, Value }) => dimensions[Name] === Value),
  );
  return datapointsOfRange(own, range, STATISTICS[Stat]);
}

/**
 * The first minute in which a new alarm is evaluated: once its warm-up is over, or its window is full of data.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-warm-up.html
 */
function warmAt({ WarmUpConfiguration, EvaluationPeriods }: AlarmProperties, ranges: readonly Datapoints[]): number {
  if (WarmUpConfiguration === undefined) return 0;
  const { WarmUpPeriodDurationInMinutes: warmUp } = WarmUpConfiguration;
  const isFull = (range: Datapoints) => range.slice(-EvaluationPeriods).every((datapoint) => datapoint !== undefined);
  const full = ranges.findIndex(isFull);
  return full === -1 ? warmUp : Math.min(warmUp, full);
}

function statesOf(alarm: AlarmProperties, ranges: readonly Datapoints[], warm: number): readonly AlarmState[] {
  let current: AlarmState = 'INSUFFICIENT_DATA';
  return ranges.map((range, minute) => {
    if (minute >= warm) current = alarmState(range, judgementOf(alarm), current);
    return current;
  });
}

/** A new contributor is taken to have been OK before. */
function contributorStates(alarm: AlarmProperties, ranges: readonly (Datapoints | undefined)[]) {
  let current: AlarmState = 'OK';
  return ranges.map((range) => {
    current = range === undefined ? 'OK' : alarmState(range, judgementOf(alarm), current);
    return range && current;
  });
}

function judgementOf(alarm: AlarmProperties): Judgement {
  return {
    isBreaching: (datapoint) => COMPARISONS[alarm.ComparisonOperator](datapoint, alarm.Threshold),
    evaluationPeriods: alarm.EvaluationPeriods,
    datapointsToAlarm: alarm.DatapointsToAlarm,
    treatMissingData: alarm.TreatMissingData,
  };
}
