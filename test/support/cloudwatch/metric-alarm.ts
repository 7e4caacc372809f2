import * as v from 'valibot';
import { STATISTICS } from '../../../demo/cloudwatch/metric-stat.js';
import { type Judgement, MISSING_DATA_TREATMENTS, type WarmUp } from './alarm-state.js';

/** How a datapoint breaches a threshold. */
export const COMPARISONS = {
  GreaterThanOrEqualToThreshold: (datapoint: number, threshold: number) => datapoint >= threshold,
  GreaterThanThreshold: (datapoint: number, threshold: number) => datapoint > threshold,
  LessThanThreshold: (datapoint: number, threshold: number) => datapoint < threshold,
  LessThanOrEqualToThreshold: (datapoint: number, threshold: number) => datapoint <= threshold,
} as const;

const whole = v.pipe(v.number(), v.integer(), v.minValue(1));
const period = v.pipe(v.number(), v.integer(), v.minValue(60), v.multipleOf(60));
const statistic = v.picklist(Object.keys(STATISTICS) as (keyof typeof STATISTICS)[]);
const dimensions = v.optional(v.array(v.strictObject({ Name: v.string(), Value: v.string() })), []);
const actions = v.optional(v.array(v.string()), []);

/** What all alarms have: a name, and what happens on a change of state. */
export const ALARM_ENTRIES = {
  AlarmName: v.string(),
  AlarmDescription: v.optional(v.string()),
  ActionsEnabled: v.optional(v.boolean(), true),
  AlarmActions: actions,
  OKActions: actions,
  InsufficientDataActions: actions,
  Tags: v.optional(v.unknown()),
};

const judgementEntries = {
  Threshold: v.number(),
  ComparisonOperator: v.picklist(Object.keys(COMPARISONS) as (keyof typeof COMPARISONS)[]),
  EvaluationPeriods: whole,
  DatapointsToAlarm: v.optional(whole),
  TreatMissingData: v.optional(v.picklist(MISSING_DATA_TREATMENTS), 'missing'),
  WarmUpConfiguration: v.optional(
    v.strictObject({
      WarmUpPeriodDurationInMinutes: v.pipe(whole, v.maxValue(2_880)),
      OnlyStartEvaluatingAfterWarmUpPeriodEnds: v.optional(v.boolean(), false),
    }),
  ),
};

const metricAlarm = v.strictObject({
  ...ALARM_ENTRIES,
  ...judgementEntries,
  Namespace: v.string(),
  MetricName: v.string(),
  Dimensions: dimensions,
  Statistic: statistic,
  Period: period,
  Unit: v.optional(v.string()),
});

const queriesAlarm = v.strictObject({
  ...ALARM_ENTRIES,
  ...judgementEntries,
  Metrics: v.array(
    v.strictObject({
      Id: v.pipe(v.string(), v.regex(/^[a-z]\w*$/)),
      Label: v.optional(v.string()),
      ReturnData: v.optional(v.boolean(), true),
      Period: v.optional(period),
      Expression: v.optional(v.string()),
      MetricStat: v.optional(
        v.strictObject({
          Metric: v.strictObject({ Namespace: v.string(), MetricName: v.string(), Dimensions: dimensions }),
          Stat: statistic,
          Period: period,
          Unit: v.optional(v.string()),
        }),
      ),
    }),
  ),
});

/** An entry of an alarm's `Metrics`. */
export type MetricDataQuery = v.InferOutput<typeof queriesAlarm>['Metrics'][number];

/** An alarm on datapoints, as CloudWatch would have taken it. */
export interface MetricAlarm extends v.InferOutput<v.StrictObjectSchema<typeof ALARM_ENTRIES, undefined>> {
  readonly queries: readonly MetricDataQuery[];
  readonly judgement: Judgement;
  /** How long it waits before its first evaluation. @default - it does not */
  readonly warmUp: WarmUp | undefined;
}

/**
 * Reads the properties of an `AWS::CloudWatch::Alarm`, references replaced. A property that the model does not know is an
 * error, since it might change everything.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html
 */
export function parseMetricAlarm(properties: Readonly<Record<string, unknown>>): MetricAlarm {
  const alarm =
    'Metrics' in properties ? v.parse(queriesAlarm, properties) : asQueries(v.parse(metricAlarm, properties));
  const { Threshold, ComparisonOperator, EvaluationPeriods, DatapointsToAlarm, TreatMissingData, Metrics } = alarm;
  const { WarmUpConfiguration: warmUp } = alarm;
  const datapointsToAlarm = DatapointsToAlarm ?? EvaluationPeriods;
  if (datapointsToAlarm > EvaluationPeriods) {
    throw new Error(`${alarm.AlarmName}: ${datapointsToAlarm} of ${EvaluationPeriods} datapoints can never breach`);
  }
  return {
    ...alarm,
    queries: Metrics,
    warmUp: warmUp && {
      minutes: warmUp.WarmUpPeriodDurationInMinutes,
      toTheEnd: warmUp.OnlyStartEvaluatingAfterWarmUpPeriodEnds,
    },
    judgement: {
      isBreaching: (datapoint) => COMPARISONS[ComparisonOperator](datapoint, Threshold),
      evaluationPeriods: EvaluationPeriods,
      datapointsToAlarm,
      treatMissingData: TreatMissingData,
    },
  };
}

/** An alarm on one metric is an alarm on a list of one. */
function asQueries({
  Namespace,
  MetricName,
  Dimensions,
  Statistic: Stat,
  Period,
  Unit,
  ...alarm
}: v.InferOutput<typeof metricAlarm>): v.InferOutput<typeof queriesAlarm> {
  const MetricStat = { Metric: { Namespace, MetricName, Dimensions }, Stat, Period, Unit };
  return { ...alarm, Metrics: [{ Id: 'metric', ReturnData: true, MetricStat }] };
}
