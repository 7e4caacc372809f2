import {
  type Alarm,
  type AlarmProps,
  ComparisonOperator,
  MathExpression,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { invokeCommand, tailCommand } from './commands.js';
import type { ReaperMetrics } from './metrics.js';
import { ReaperAlarm } from './reaper-alarm.js';

/** What the alarms watch, where they go off and where they go. */
export interface ReaperAlarmsProps {
  readonly reaper: ReaperMetrics;
  readonly logGroup: ILogGroup;
  readonly topic: ITopic;
  readonly slotsNearlyFullPercent: number;
  readonly applicationHoggingPercent: number;
  readonly roleNearLimitPercent: number;
}

/**
 * The alarms of a reaper, one an instance where it is a list.
 *
 * What they do without data follows from what silence means. Alarms on the server's state keep theirs (IGNORE), since a
 * sweep that did not get through says nothing about slots. Silence as such is ReaperNotRunning's alone.
 */
export class ReaperAlarms extends Construct {
  readonly slotsNearlyFull: readonly Alarm[];
  readonly serverFull: readonly Alarm[];
  readonly applicationHogging: Alarm;
  readonly roleNearLimit: Alarm;
  readonly reaperFailing: Alarm;
  readonly reaperNotRunning: readonly Alarm[];
  readonly reaperBlind: readonly Alarm[];

  constructor(scope: Construct, id: string, props: ReaperAlarmsProps) {
    super(scope, id);
    const { instanceNames } = props.reaper;
    this.serverFull = instanceNames.map((instance) => serverFull(this, instance, props));
    this.slotsNearlyFull = instanceNames.map((instance) => slotsNearlyFull(this, instance, props));
    this.applicationHogging = applicationHogging(this, props);
    this.roleNearLimit = roleNearLimit(this, props);
    this.reaperFailing = reaperFailing(this, props);
    this.reaperNotRunning = instanceNames.map((instance) => reaperNotRunning(this, instance, props));
    this.reaperBlind = instanceNames.map((instance) => reaperBlind(this, instance, props));
  }

  /** Every one of them, the most urgent first. */
  get all(): readonly Alarm[] {
    return [
      ...this.serverFull,
      ...this.slotsNearlyFull,
      this.applicationHogging,
      this.roleNearLimit,
      this.reaperFailing,
      ...this.reaperNotRunning,
      ...this.reaperBlind,
    ];
  }
}

/** Two datapoints of three: one is a deployment, but a leak fills the server within minutes. */
const SOON = { datapointsToAlarm: 2, evaluationPeriods: 3 } as const satisfies Partial<AlarmProps>;

function slotsNearlyFull(scope: Construct, instance: string, props: ReaperAlarmsProps): Alarm {
  return new ReaperAlarm(scope, 'SlotsNearlyFull', {
    ...props,
    ...SOON,
    instance,
    metric: props.reaper.metricSlotsUsedPercent({ instance }),
    quantity: 'SlotsUsedPercent',
    threshold: props.slotsNearlyFullPercent,
    treatMissingData: TreatMissingData.IGNORE,
    meaning: 'The connection slots run out. The report names the application that holds most of them.',
    command: invokeCommand(props.reaper.handler, { action: 'report' }),
  });
}

/** One datapoint: applications are being turned away already. */
function serverFull(scope: Construct, instance: string, props: ReaperAlarmsProps): Alarm {
  return new ReaperAlarm(scope, 'ServerFull', {
    ...props,
    instance,
    metric: props.reaper.metricServerFull({ instance }),
    quantity: 'ServerFull',
    threshold: 1,
    datapointsToAlarm: 1,
    evaluationPeriods: 1,
    treatMissingData: TreatMissingData.IGNORE,
    meaning: 'The server takes no more connections ("too many clients"). This ends what has been idle for a minute:',
    command: invokeCommand(props.reaper.handler, { action: 'reap', idleAfter: '1m', dryRun: false }),
  });
}

/**
 * One alarm for all applications: each is a contributor with a state and notifications of its own, and new ones join by
 * themselves. An application without data has left, hence NOT_BREACHING.
 */
function applicationHogging(scope: Construct, props: ReaperAlarmsProps): Alarm {
  return new ReaperAlarm(scope, 'ApplicationHogging', {
    ...props,
    ...SOON,
    metric: props.reaper.insightsSlotsUsedPercentByApplication(),
    quantity: "an application's SlotsUsedPercent",
    threshold: props.applicationHoggingPercent,
    treatMissingData: TreatMissingData.NOT_BREACHING,
    meaning: 'One application holds most slots, named as the contributor: fix its leak, which the report describes.',
    command: invokeCommand(props.reaper.handler, { action: 'report' }),
  });
}

/** One alarm for all roles, like {@link applicationHogging}. */
function roleNearLimit(scope: Construct, props: ReaperAlarmsProps): Alarm {
  return new ReaperAlarm(scope, 'RoleNearLimit', {
    ...props,
    ...SOON,
    metric: props.reaper.insightsRoleLimitUsedPercentByRole(),
    quantity: "a role's RoleLimitUsedPercent",
    threshold: props.roleNearLimitPercent,
    treatMissingData: TreatMissingData.NOT_BREACHING,
    meaning: 'A role, named as the contributor, will soon be refused connections: find its leak, or raise its limit.',
    command: invokeCommand(props.reaper.handler, { action: 'report' }),
  });
}

/**
 * Three of five, since the next sweep is the retry of one that failed, and a failover or a wrong event by hand should wake
 * nobody. A function that did not run did not fail, hence NOT_BREACHING.
 */
function reaperFailing(scope: Construct, props: ReaperAlarmsProps): Alarm {
  return new ReaperAlarm(scope, 'ReaperFailing', {
    ...props,
    metric: props.reaper.metricErrors(),
    quantity: "the function's Errors",
    threshold: 1,
    datapointsToAlarm: 3,
    evaluationPeriods: 5,
    treatMissingData: TreatMissingData.NOT_BREACHING,
    meaning: 'Sweeps fail, wholly or in part. The log says why.',
    command: tailCommand(props.logGroup),
  });
}

/**
 * The only alarm that takes silence for a breach. Three in a row, since the scheduler may start one sweep late in its
 * minute and the next one early. It may go off once at the first deployment, before the first sweep.
 */
function reaperNotRunning(scope: Construct, instance: string, props: ReaperAlarmsProps): Alarm {
  return new ReaperAlarm(scope, 'ReaperNotRunning', {
    ...props,
    instance,
    metric: props.reaper.metricSweepsCompleted({ instance }),
    quantity: 'SweepsCompleted',
    comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
    threshold: 1,
    datapointsToAlarm: 3,
    evaluationPeriods: 3,
    treatMissingData: TreatMissingData.BREACHING,
    meaning: 'No sweep gets through: schedule, network or secret. A sweep by hand says which:',
    command: invokeCommand(props.reaper.handler, { action: 'sweep' }),
  });
}

/** Three in a row: a missing grant is missing every time, but a role may be a minute old. */
function reaperBlind(scope: Construct, instance: string, props: ReaperAlarmsProps): Alarm {
  return new ReaperAlarm(scope, 'ReaperBlind', {
    ...props,
    instance,
    metric: new MathExpression({
      label: 'unreadable backends and refused terminations',
      expression: 'unreadable + refused',
      usingMetrics: {
        unreadable: props.reaper.metricUnreadableBackends({ instance }),
        refused: props.reaper.metricRefusedTerminations({ instance }),
      },
      period: props.reaper.interval,
    }),
    quantity: 'UnreadableBackends + RefusedTerminations',
    threshold: 1,
    datapointsToAlarm: 3,
    evaluationPeriods: 3,
    treatMissingData: TreatMissingData.IGNORE,
    meaning: "The reaper's login lacks rights. The report prints the grants.",
    command: invokeCommand(props.reaper.handler, { action: 'report' }),
  });
}
