/** When an alarm is in ALARM: its threshold, window and missing data. */
import { TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { METRIC_ALARMS, type MetricAlarmName } from './names.js';

const { BREACHING, IGNORE, NOT_BREACHING } = TreatMissingData;

/** When an alarm is in ALARM. */
export interface AlarmCondition {
  readonly threshold: number;
  readonly periodMinutes: number;
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
  readonly treatMissingData: TreatMissingData;
}

/** What differs from the defaults of a condition. */
export type ConditionOverride = Partial<Omit<AlarmCondition, 'treatMissingData'>>;

/** The overrides of all conditions; `false` leaves an alarm out. */
export type ConditionOverrides = { readonly [Name in MetricAlarmName]?: ConditionOverride | false };

/** What the defaults depend on. */
export interface Sweeping {
  readonly trigger: 'schedule' | 'alarm';
  /** The time between two sweeps. */
  readonly intervalMinutes: number;
}

type Defaults = { readonly [Name in MetricAlarmName]?: Omit<AlarmCondition, 'threshold'> & { threshold?: number } };

/** Two of three: one is a deployment, but a leak fills the server within minutes. */
const SOON = { datapointsToAlarm: 2, evaluationPeriods: 3 };

const AT_ONCE = { datapointsToAlarm: 1, evaluationPeriods: 1 };

/** RDS publishes once a minute, whenever the sweeps are. */
const DATABASE_CONNECTIONS = { periodMinutes: 1, ...SOON, treatMissingData: NOT_BREACHING };

/**
 * The conditions of the alarms that there are, by name.
 *
 * What missing data means follows from what silence means. Alarms on the server's state keep theirs (IGNORE), since a
 * sweep that did not get through says nothing about slots. Silence as such is ReaperNotRunning's alone.
 */
export function alarmConditions(
  overrides: ConditionOverrides,
  sweeping: Sweeping,
): { readonly [Name in MetricAlarmName]?: AlarmCondition } {
  const defaults = sweeping.trigger === 'alarm' ? alarmDefaults(sweeping) : scheduleDefaults(sweeping);
  return Object.fromEntries(
    METRIC_ALARMS.flatMap((name) => {
      const condition = overridden(defaults[name], overrides[name]);
      return condition === undefined ? [] : [[name, condition]];
    }),
  );
}

function scheduleDefaults({ intervalMinutes: periodMinutes }: Sweeping): Defaults {
  return {
    ServerFull: { threshold: 1, periodMinutes, ...AT_ONCE, treatMissingData: IGNORE },
    SlotsNearlyFull: { threshold: 80, periodMinutes, ...SOON, treatMissingData: IGNORE },
    DatabaseConnections: DATABASE_CONNECTIONS,
    ApplicationConnectionsHigh: { threshold: 50, periodMinutes, ...SOON, treatMissingData: NOT_BREACHING },
    LeakContinues: {
      threshold: 1,
      // Six of the longest interval are the three hours that Metrics Insights looks back at most.
      periodMinutes: Math.max(10, periodMinutes),
      datapointsToAlarm: 5,
      evaluationPeriods: 6,
      treatMissingData: NOT_BREACHING,
    },
    RoleNearLimit: { threshold: 90, periodMinutes, ...SOON, treatMissingData: NOT_BREACHING },
    ReaperFailing: {
      threshold: 1,
      periodMinutes,
      datapointsToAlarm: 3,
      evaluationPeriods: 5,
      treatMissingData: NOT_BREACHING,
    },
    ReaperNotRunning: {
      threshold: 1,
      periodMinutes,
      datapointsToAlarm: 3,
      evaluationPeriods: 3,
      treatMissingData: BREACHING,
    },
    ReaperBlind: { threshold: 1, periodMinutes, datapointsToAlarm: 3, evaluationPeriods: 3, treatMissingData: IGNORE },
  };
}

/**
 * Without a schedule sweeps are few, so each one counts, and one that nothing asked for is no fault. What watches that
 * they come is left out, and so is what they would find again and again: DatabaseConnections says both.
 */
function alarmDefaults({ intervalMinutes: periodMinutes }: Sweeping): Defaults {
  const atOnce = { periodMinutes, ...AT_ONCE, treatMissingData: NOT_BREACHING };
  return {
    ServerFull: { threshold: 1, ...atOnce },
    SlotsNearlyFull: { threshold: 80, ...atOnce },
    DatabaseConnections: DATABASE_CONNECTIONS,
    ApplicationConnectionsHigh: { threshold: 50, ...atOnce },
    RoleNearLimit: { threshold: 90, ...atOnce },
    ReaperFailing: { threshold: 1, ...atOnce },
    ReaperBlind: { threshold: 1, ...atOnce },
  };
}

function overridden(
  defaults: Defaults[MetricAlarmName],
  override: ConditionOverride | false = {},
): AlarmCondition | undefined {
  if (defaults === undefined || override === false) return undefined;
  const { threshold = defaults.threshold, periodMinutes, evaluationPeriods = defaults.evaluationPeriods } = override;
  if (threshold === undefined) return undefined;
  return {
    threshold,
    periodMinutes: periodMinutes ?? defaults.periodMinutes,
    evaluationPeriods,
    // Whoever gives the one number alone, does not mean the other one to be more than that.
    datapointsToAlarm: override.datapointsToAlarm ?? Math.min(defaults.datapointsToAlarm, evaluationPeriods),
    treatMissingData: defaults.treatMissingData,
  };
}

/**
 * The alarms that ConnectionsCritical watches by default, as far as they exist. Not DatabaseConnections: with
 * `alarm` its threshold is low on purpose, since reaching it is what starts sweeps, and no reason to wake anybody.
 */
export const DEFAULT_PAGE: Readonly<Record<Sweeping['trigger'], readonly MetricAlarmName[]>> = {
  schedule: ['ServerFull', 'SlotsNearlyFull', 'ReaperNotRunning'],
  alarm: ['ServerFull', 'SlotsNearlyFull'],
};

/** The alarms that start a sweep when they go to ALARM. Without a schedule it is those on RDS's own metric alone. */
export const STARTS_SWEEP: Readonly<Record<Sweeping['trigger'], readonly MetricAlarmName[]>> = {
  schedule: ['SlotsNearlyFull', 'DatabaseConnections'],
  alarm: ['DatabaseConnections'],
};
