import { Duration } from 'aws-cdk-lib';
import type { IAlarmAction } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import * as v from 'valibot';
import { textLike } from '../../lambda/input/faults.js';
import type { ConditionOverride } from '../alarms/conditions.js';
import type { MetricAlarmName } from '../alarms/names.js';
import type { AlarmOverrides } from '../alarms/overrides.js';

/** The ARN of a topic. */
export const topicArn = textLike(/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]+$/, 'the ARN of an SNS topic');

/** What an alarm of `cdk.json` does: it may have a `topicArn`, which it notifies in ALARM and when that is over. */
export const alarmActions = { topicArn: v.optional(topicArn) };

/** An alarm of `cdk.json`, with its period in minutes. */
type AlarmInFile = ConditionOverride & { readonly topicArn?: string | undefined };

/** `alarms` of `cdk.json`. */
export type AlarmsInFile = { readonly [Name in MetricAlarmName | 'ConnectionsCritical']?: AlarmInFile | false };

/** The overrides that `cdk.json` means. */
export function importAlarms(scope: Construct, alarms: AlarmsInFile): AlarmOverrides {
  return Object.fromEntries(
    Object.entries(alarms).map(([name, alarm]) => [
      name,
      alarm === undefined || alarm === false ? alarm : inPropForm(scope, name, alarm),
    ]),
  );
}

function inPropForm(scope: Construct, name: string, { topicArn, ...alarm }: AlarmInFile) {
  const notify = topicArn === undefined ? undefined : notification(scope, `Topic-${name}`, topicArn);
  return {
    ...alarm,
    ...(alarm.period !== undefined && { period: Duration.minutes(alarm.period) }),
    ...(notify !== undefined && { actions: notify, okActions: notify }),
  };
}

function notification(scope: Construct, id: string, arn: string): readonly IAlarmAction[] {
  return [new SnsAction(Topic.fromTopicArn(scope, id, arn))];
}
