/** Makes one alarm, with its actions and its description. */
import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  type CfnAlarm,
  ComparisonOperator,
  type IAlarmAction,
  type IMetric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { AlarmCondition } from './conditions.js';
import { alarmNamePrefix } from './names.js';
import { runbookSection } from './runbook.js';

/** What an alarm does on its changes of state. */
export interface AlarmActions {
  readonly actions: readonly IAlarmAction[];
  readonly okActions: readonly IAlarmAction[];
}

/** Properties of a {@link ReaperAlarm}. */
export interface ReaperAlarmProps extends AlarmActions {
  readonly databaseLabel: string;

  /** The address of the runbook, where it has one. */
  readonly runbookUrl: string | undefined;

  /** The instance it watches. @default - the whole database */
  readonly instance?: string | undefined;

  readonly metric: IMetric;
  readonly condition: AlarmCondition;

  /** @default GREATER_THAN_OR_EQUAL_TO_THRESHOLD */
  readonly comparisonOperator?: ComparisonOperator;

  /** What the condition calls the metric. */
  readonly quantity: string;

  /** What the condition means to whoever reads it, in sentences. */
  readonly meaning: string;

  /** Whether it watches several series, each with a state of its own: a contributor. */
  readonly hasContributors: boolean;

  /** Why missing data is treated as it is, after "since". */
  readonly silence: string;

  /** Why so many periods, in a sentence. @default - nothing, where they are somebody else's choice */
  readonly window?: string | undefined;

  /** The first command to run. */
  readonly command: string;
}

/**
 * An alarm that says what to do: its description holds the condition with its numbers and what it means, what it makes of
 * missing data and why it looks at so many periods, the first command to run, and the heading in the runbook.
 *
 * It has a name of its own, since that is all that a pager shows. Two reapers of one database would claim the same names,
 * and the deployment of the second one fails: rightly, since their metrics would mix.
 */
export class ReaperAlarm extends Alarm {
  /** @param kind What the runbook calls it. */
  constructor(scope: Construct, kind: string, props: ReaperAlarmProps) {
    const { databaseLabel, instance, metric, condition, quantity } = props;
    const { threshold, datapointsToAlarm, evaluationPeriods, treatMissingData } = condition;
    const { comparisonOperator = ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD } = props;
    const sign = comparisonOperator === ComparisonOperator.LESS_THAN_THRESHOLD ? '<' : '>=';
    const subject = instance === undefined ? databaseLabel : `${databaseLabel}/${instance}`;
    super(scope, alarmId(kind, instance), {
      metric,
      threshold,
      datapointsToAlarm,
      evaluationPeriods,
      treatMissingData,
      comparisonOperator,
      alarmName: alarmName(databaseLabel, kind, instance),
      alarmDescription: describe(kind, {
        condition:
          `${subject}: ${quantity} ${sign} ${threshold} in ${datapointsToAlarm} of ${evaluationPeriods} periods of ` +
          `${Duration.minutes(condition.periodMinutes).toHumanString()}.`,
        meaning: props.meaning,
        evaluation: [
          `Without data ${props.hasContributors ? 'a contributor' : 'it'} ${SILENCE[treatMissingData]}, since ${props.silence}.`,
          props.window,
        ],
        command: props.command,
        runbookUrl: props.runbookUrl,
      }),
    });
    if (treatMissingData === TreatMissingData.BREACHING) this.waitForData(condition);
    this.addAlarmAction(...props.actions);
    this.addOkAction(...props.okActions);
  }

  /**
   * Where missing data breaches, a new alarm would go to ALARM before there can be any. CloudWatch ends the wait as soon as there
   * are enough datapoints. By the template, since aws-cdk-lib 2.252 does not know the property yet.
   *
   * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-warm-up.html
   */
  private waitForData({ periodMinutes, evaluationPeriods }: AlarmCondition): void {
    const minutes = Math.min(DEPLOYMENT_MINUTES + periodMinutes * evaluationPeriods, MAX_WARM_UP_MINUTES);
    const resource = this.node.defaultChild as CfnAlarm;
    resource.addPropertyOverride('WarmUpConfiguration', { WarmUpPeriodDurationInMinutes: minutes });
  }
}

/**
 * What may pass from an alarm to the first sweep of a deployment: endpoints are made within a few minutes, then the role of
 * the database, then the schedule.
 */
const DEPLOYMENT_MINUTES = 15;

const MAX_WARM_UP_MINUTES = 2_880;

const SILENCE = {
  [TreatMissingData.BREACHING]: 'is in ALARM',
  [TreatMissingData.NOT_BREACHING]: 'is OK',
  [TreatMissingData.IGNORE]: 'keeps its state',
  [TreatMissingData.MISSING]: 'has INSUFFICIENT_DATA',
} as const;

/** What the name of an alarm adds to the prefix of its database. */
function alarmId(kind: string, instance: string | undefined): string {
  return instance === undefined ? kind : `${kind}-${instance}`;
}

/** What an alarm is called in CloudWatch. */
export function alarmName(databaseLabel: string, kind: string, instance?: string): string {
  return `${alarmNamePrefix(databaseLabel)}${alarmId(kind, instance)}`;
}

/** Puts a description together, of 1024 characters at most. */
export function describe(
  kind: string,
  parts: {
    readonly condition: string;
    readonly meaning: string;
    readonly evaluation: readonly (string | undefined)[];
    readonly command: string;
    readonly runbookUrl: string | undefined;
  },
): string {
  return [
    `${parts.condition} ${parts.meaning}`,
    parts.evaluation.filter((sentence) => sentence !== undefined).join(' '),
    parts.command,
    runbookSection(kind, parts.runbookUrl),
  ].join('\n\n');
}
