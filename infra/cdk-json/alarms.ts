import type { IAlarmAction } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import * as v from 'valibot';
import { textLike } from '../../lambda/input/faults.js';
import type { AlarmOverrides } from '../alarms/overrides.js';

/** The ARN of a topic. */
export const topicArn = textLike(/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]+$/, 'the ARN of an SNS topic');

/** What an alarm of `cdk.json` does: it may have a `topicArn`, which it notifies in ALARM and when that is over. */
export const alarmActions = { topicArn: v.optional(topicArn) };

/** The overrides of an entry, with actions in place of the ARNs of topics. */
export function importAlarms(scope: Construct, alarms: AlarmOverrides): AlarmOverrides {
  return Object.fromEntries(
    Object.entries(alarms).map(([name, alarm]) => [name, alarm && withActions(scope, name, alarm)]),
  );
}

function withActions(scope: Construct, name: string, alarm: object) {
  const { topicArn, ...override } = alarm as { readonly topicArn?: string };
  if (topicArn === undefined) return override;
  const actions: readonly IAlarmAction[] = [new SnsAction(Topic.fromTopicArn(scope, `Topic-${name}`, topicArn))];
  return { ...override, actions, okActions: actions };
}
