import { Alarm, type AlarmProps, ComparisonOperator } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { ReaperMetrics } from './metrics.js';

/** Properties of a {@link ReaperAlarm}. */
export interface ReaperAlarmProps
  extends Required<
    Pick<AlarmProps, 'metric' | 'threshold' | 'datapointsToAlarm' | 'evaluationPeriods' | 'treatMissingData'>
  > {
  readonly reaper: ReaperMetrics;

  /** Where alarms and recoveries go. */
  readonly topic: ITopic;

  /** The instance it watches. @default - the whole database */
  readonly instance?: string;

  /** What the condition calls the metric. */
  readonly quantity: string;

  /** @default GREATER_THAN_OR_EQUAL_TO_THRESHOLD */
  readonly comparisonOperator?: ComparisonOperator;

  /** What the condition means to the person on call. */
  readonly meaning: string;

  /** The first command to run. */
  readonly command: string;
}

/**
 * An alarm that says what to do: its description holds the condition with its numbers, what it means, the first command to
 * run and the heading in the runbook.
 *
 * It has a name of its own, since that is all that a pager shows. Two reapers of one database would claim the same names,
 * and the deployment of the second one fails: rightly, since their metrics would mix.
 */
export class ReaperAlarm extends Alarm {
  /** @param kind What the runbook calls it. */
  constructor(scope: Construct, kind: string, props: ReaperAlarmProps) {
    const { reaper, topic, instance, quantity, meaning, command, ...alarm } = props;
    const suffix = instance === undefined ? '' : `-${instance}`;
    const operator = props.comparisonOperator ?? ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD;
    const sign = operator === ComparisonOperator.LESS_THAN_THRESHOLD ? '<' : '>=';
    const subject = instance === undefined ? reaper.databaseIdentifier : `${reaper.databaseIdentifier}/${instance}`;
    super(scope, `${kind}${suffix}`, {
      ...alarm,
      comparisonOperator: operator,
      alarmName: `${alarmNamePrefix(reaper.databaseIdentifier)}${kind}${suffix}`,
      alarmDescription: [
        `${subject}: ${quantity} ${sign} ${props.threshold} in ${props.datapointsToAlarm} of ${props.evaluationPeriods} ` +
          `periods of ${reaper.interval.toHumanString()}. ${meaning}`,
        command,
        `docs/runbook.md#${kind.toLowerCase()}`,
      ].join('\n\n'),
    });
    const action = new SnsAction(topic);
    this.addAlarmAction(action);
    // The recovery as well, since the reaper often is faster than the person it wakes.
    this.addOkAction(action);
  }
}

/** How the names of all alarms of a database begin. */
export function alarmNamePrefix(databaseIdentifier: string): string {
  return `ConnectionReaper-${databaseIdentifier}-`;
}
