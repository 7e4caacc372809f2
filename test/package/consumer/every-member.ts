/** Compiled, never run: what a reaper is made of, to build on. A member left out here doesn't compile. */
import type { IAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { IGrantable } from 'aws-cdk-lib/aws-iam';
import type { ConnectionReaper, MetricAlarmName, ReaperAlarms } from 'connection-reaper';
import type { Construct } from 'constructs';

type Member = Exclude<keyof ConnectionReaper, `metric${string}` | `insights${string}` | keyof Construct>;

export const everyMember = (reaper: ConnectionReaper, team: IGrantable): Record<Member, unknown> => ({
  databaseLabel: reaper.databaseLabel.toUpperCase(),
  instanceNames: reaper.instanceNames.join(),
  dbInstanceIdentifiers: reaper.dbInstanceIdentifiers['writer']?.toUpperCase(),
  interval: reaper.interval.toMinutes(),
  timeout: reaper.timeout.toSeconds(),
  handler: reaper.handler.grantInvoke(team),
  secret: reaper.secret?.grantRead(team),
  bootstrap: reaper.bootstrap?.node.addDependency(reaper.secret ?? reaper.handler),
  logGroup: reaper.logGroup.grantRead(team),
  deadLetterQueue: reaper.deadLetterQueue.metricApproximateNumberOfMessagesVisible(),
  alarmTopic: reaper.alarmTopic.grantSubscribe(team),
  pageTopic: reaper.pageTopic?.grantSubscribe(team),
  alarms: reaper.alarms.all.map(({ alarmArn }) => alarmArn),
  dashboard: reaper.dashboard.dashboardName,
});

type AlarmMember = Exclude<keyof ReaperAlarms, keyof Construct>;

const NAMES = {
  ServerFull: true,
  SlotsNearlyFull: true,
  DatabaseConnections: true,
  ApplicationConnectionsHigh: true,
  LeakContinues: true,
  RoleNearLimit: true,
  ReaperFailing: true,
  ReaperNotRunning: true,
  ReaperBlind: true,
} as const satisfies Record<MetricAlarmName, true>;

export const everyAlarm = ({ alarms }: ConnectionReaper): Record<AlarmMember, readonly (IAlarm | undefined)[]> => ({
  all: alarms.all,
  byName: (Object.keys(NAMES) as MetricAlarmName[]).flatMap((name) => alarms.byName[name]),
  notifying: alarms.notifying,
  page: [alarms.page],
  sweepAgain: alarms.sweepAgain,
});
