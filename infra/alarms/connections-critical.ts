/** The composite alarm that pages. */
import { type Alarm, AlarmRule, CompositeAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { type AlarmActions, alarmName, describe } from './reaper-alarm.js';

/**
 * The longest rule of a composite alarm, in characters, and how many alarms it may name.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
 */
export const MAX_RULE = { characters: 10_240, alarms: 100 } as const;

/** The rule of ConnectionsCritical: by the names of the alarms, since their ARNs are twice as long. */
export function pageRule(alarmNames: readonly string[]): string {
  return alarmNames.map((name) => `ALARM("${name}")`).join(' OR ');
}

/** What pages. */
export interface PageAlarmProps extends AlarmActions {
  readonly databaseLabel: string;

  /** The names of the alarms that set it off, as the runbook has them. */
  readonly of: readonly string[];

  /** The alarms themselves. */
  readonly alarms: readonly Alarm[];

  /** The first command to run. */
  readonly command: string;

  /** The address of the runbook, where it has one. */
  readonly runbookUrl: string | undefined;
}

/** The alarm for whoever is on call: in ALARM while any of the others is, so that several of those page once. */
export function pageAlarm(scope: Construct, props: PageAlarmProps): CompositeAlarm {
  const page = new CompositeAlarm(scope, 'ConnectionsCritical', {
    compositeAlarmName: alarmName(props.databaseLabel, 'ConnectionsCritical'),
    alarmDescription: describe('ConnectionsCritical', {
      condition: `${props.databaseLabel}: any of ${props.of.join(', ')} is in ALARM.`,
      meaning: 'Act now. The description of each alarm says what it found.',
      evaluation: [
        'It has no data and no periods of its own. It is in ALARM while any of them is, and OK when all of them are OK.',
      ],
      command: props.command,
      runbookUrl: props.runbookUrl,
    }),
    // References rather than names, so that CloudFormation makes the alarms first.
    alarmRule: AlarmRule.fromString(pageRule(props.alarms.map((alarm) => alarm.alarmName))),
  });
  page.addAlarmAction(...props.actions);
  page.addOkAction(...props.okActions);
  return page;
}
