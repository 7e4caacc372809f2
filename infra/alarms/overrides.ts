/** What a deployment may change of an alarm, and the faults of that. */
import type { Duration } from 'aws-cdk-lib';
import type { IAlarmAction } from 'aws-cdk-lib/aws-cloudwatch';
import { withoutUndefined } from '../props/without-undefined.js';
import type { ConditionOverrides } from './conditions.js';
import { METRIC_ALARMS, type MetricAlarmName } from './names.js';

/** What an alarm does. */
export interface AlarmActionsOverride {
  /** What it does in ALARM, in place of a notification: 4 at most. @default - it notifies */
  readonly actions?: readonly IAlarmAction[];

  /**
   * What it does when it is over, in place of a notification: 4 at most.
   *
   * @default - it notifies, or nothing where `actions` are given
   */
  readonly okActions?: readonly IAlarmAction[];
}

/** What differs from an alarm's defaults, which docs/metrics-and-alarms.md lists. */
export interface AlarmOverride extends AlarmActionsOverride {
  /** From where on it is in ALARM, in the unit of its metric. @default - see docs/metrics-and-alarms.md */
  readonly threshold?: number;

  /**
   * How long each datapoint is: whole minutes, and no less than `interval`, since between sweeps there is no data.
   *
   * @default - `interval`; ten minutes at least for LeakContinues; one minute for DatabaseConnections
   */
  readonly period?: Duration;

  /**
   * How many of the latest periods count: together a day at most, a week where a period is an hour or longer, and three
   * hours for ApplicationConnectionsHigh, LeakContinues and RoleNearLimit.
   *
   * @default - see docs/metrics-and-alarms.md
   */
  readonly evaluationPeriods?: number;

  /** How many of them must breach the threshold. @default - see docs/metrics-and-alarms.md; no more than `evaluationPeriods` */
  readonly datapointsToAlarm?: number;
}

/** What differs for the alarm that pages. */
export interface PageOverride extends AlarmActionsOverride {
  /**
   * The alarms that set it off.
   *
   * @default - ServerFull, SlotsNearlyFull and ReaperNotRunning, the last of which there is not with `trigger: alarm`;
   * of those the ones that are not left out
   */
  readonly of?: readonly MetricAlarmName[];
}

/** What differs for each alarm, by its name; `false` leaves the alarm out. */
export type AlarmOverrides = {
  /** Its metric is 0 or 1, so it has no threshold to set. */
  readonly ServerFull?: Omit<AlarmOverride, 'threshold'> | false;

  /** RDS's own count. Without a `threshold`, a number of connections, it is not made: nobody knows max_connections at synth. */
  readonly DatabaseConnections?: AlarmOverride | false;

  /** The composite alarm, for whoever is on call. It notifies `pageTopic`, all others `alarmTopic`. */
  readonly ConnectionsCritical?: PageOverride | false;
} & { readonly [Name in Exclude<MetricAlarmName, 'ServerFull' | 'DatabaseConnections'>]?: AlarmOverride | false };

/** The conditions that overrides ask for. */
export function conditionOverrides(overrides: AlarmOverrides): ConditionOverrides {
  return Object.fromEntries(
    METRIC_ALARMS.map((name) => {
      const override: AlarmOverride | false | undefined = overrides[name];
      return [name, override && conditionOverride(override)];
    }),
  );
}

function conditionOverride({ threshold, period, evaluationPeriods, datapointsToAlarm }: AlarmOverride) {
  return withoutUndefined({ threshold, periodMinutes: period?.toMinutes(), evaluationPeriods, datapointsToAlarm });
}
