import { DEFAULT_INSTANCE_NAME } from '../../lambda/contract/names.js';
import type { Fault } from '../../lambda/input/faults.js';
import { type AlarmCondition, alarmConditions, DEFAULT_PAGE, type Sweeping } from './conditions.js';
import { MAX_RULE, pageRule } from './connections-critical.js';
import { ALARM_DEFINITIONS } from './definitions.js';
import { METRIC_ALARMS, type MetricAlarmName } from './names.js';
import { type AlarmOverrides, conditionOverrides } from './overrides.js';
import { alarmName } from './reaper-alarm.js';

/** What the deployment knows, and the alarms hang on. */
export interface AlarmContext extends Sweeping {
  /** What the names of alarms begin with; `undefined` where it is missing, which is a fault of its own. */
  readonly databaseLabel: string | undefined;

  /** The instances that are named; none where the secret names the only one. */
  readonly instances: readonly { readonly name: string; readonly dbInstanceIdentifier?: string | undefined }[];
}

/**
 * What overrides say against each other, CloudWatch's limits or the deployment. An override that is broken is left out, so
 * that the faults of the others come out with its own.
 *
 * @param overrides as their schema gives them. What an alarm does is not checked.
 * @param broken the paths of those that don't fit it, such as `alarms.RoleNearLimit`.
 */
export function alarmFaults(
  overrides: AlarmOverrides | undefined,
  broken: ReadonlySet<string>,
  context: AlarmContext,
): readonly Fault[] {
  const isBroken = (name: string) => broken.has(`alarms.${name}`);
  const sound: AlarmOverrides = Object.fromEntries(
    Object.entries(Object(overrides)).filter(([name, override]) => override !== undefined && !isBroken(name)),
  );
  const conditions = alarmConditions(conditionOverrides(sound), context);
  return [
    ...(isBroken('DatabaseConnections') ? [] : databaseConnectionsFaults(sound.DatabaseConnections, context)),
    ...METRIC_ALARMS.flatMap((name) => metricAlarmFaults(name, sound[name], conditions[name], context)),
    ...(isBroken('ConnectionsCritical')
      ? []
      : pageFaults(sound.ConnectionsCritical, (name) => conditions[name] !== undefined || isBroken(name), context)),
  ];
}

/** Why there are no such alarms without a schedule. */
const UNUSED_WITH_TRIGGER_ALARM: { readonly [Name in MetricAlarmName]?: string } = {
  LeakContinues: 'where DatabaseConnections lasts as long as the leak does',
  ReaperNotRunning: 'where no sweep is ever due',
};

function metricAlarmFaults(
  name: MetricAlarmName,
  override: AlarmOverrides[MetricAlarmName],
  condition: AlarmCondition | undefined,
  { trigger, intervalMinutes }: AlarmContext,
): readonly Fault[] {
  if (override === undefined || override === false) return [];
  if (trigger === 'alarm' && UNUSED_WITH_TRIGGER_ALARM[name] !== undefined) {
    return [
      {
        path: `alarms.${name}`,
        problem: `not supported with trigger: "alarm", ${UNUSED_WITH_TRIGGER_ALARM[name]}`,
        hint: 'Remove it',
      },
    ];
  }
  if (condition === undefined) return [];
  const { threshold, periodMinutes, evaluationPeriods, datapointsToAlarm } = condition;
  const faults: Fault[] = [];
  if (name !== 'DatabaseConnections' && periodMinutes < intervalMinutes) {
    faults.push({
      path: `alarms.${name}.period`,
      problem: `expected no less than the interval, ${intervalMinutes} minutes, since between sweeps there is no data`,
      got: `${periodMinutes}`,
    });
  }
  if (datapointsToAlarm > evaluationPeriods) {
    faults.push({
      path: `alarms.${name}.datapointsToAlarm`,
      problem: `expected no more than evaluationPeriods, ${evaluationPeriods}`,
      got: `${datapointsToAlarm}`,
    });
  }
  const longest = longestWindow(name, periodMinutes);
  if (periodMinutes * evaluationPeriods > longest) {
    faults.push({
      path: `alarms.${name}`,
      problem: `expected a window of ${longest} minutes at most, which is as far as CloudWatch looks back`,
      got: `${evaluationPeriods} periods of ${periodMinutes}`,
    });
  }
  const sweeps = Math.floor(periodMinutes / intervalMinutes);
  if (name === 'ReaperNotRunning' && periodMinutes >= intervalMinutes && threshold > sweeps) {
    faults.push({
      path: 'alarms.ReaperNotRunning.threshold',
      problem: `expected no more than the ${sweeps} sweeps of a period`,
      got: `${threshold}`,
    });
  }
  return faults;
}

/**
 * How far back CloudWatch looks for an alarm, in minutes: least for those on a query of Metrics Insights.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html
 */
function longestWindow(name: MetricAlarmName, periodMinutes: number): number {
  if (ALARM_DEFINITIONS[name].hasContributors) return 180;
  return periodMinutes < 60 ? 1_440 : 10_080;
}

function databaseConnectionsFaults(
  override: AlarmOverrides['DatabaseConnections'],
  { trigger, instances }: AlarmContext,
): readonly Fault[] {
  if (override === undefined || override === false) {
    const got = override === undefined ? 'nothing' : 'false';
    return trigger === 'schedule'
      ? []
      : [
          {
            path: 'alarms.DatabaseConnections',
            problem: 'expected a threshold with trigger: "alarm", since nothing else starts sweeps',
            got,
          },
        ];
  }
  const faults: Fault[] = [];
  if (override.threshold === undefined) {
    faults.push({
      path: 'alarms.DatabaseConnections.threshold',
      problem: 'missing',
      hint: 'Set a number of connections below max_connections, which is not known at synth',
    });
  }
  const unknown = instances.filter(({ dbInstanceIdentifier }) => dbInstanceIdentifier === undefined);
  if (unknown.length > 0 || instances.length === 0) {
    faults.push({
      path: 'alarms.DatabaseConnections',
      problem: "expected instances with a dbInstanceIdentifier, which RDS's metric goes by",
      got: unknown.length > 0 ? `none for ${unknown.map(({ name }) => name).join(', ')}` : 'no instances',
    });
  }
  return faults;
}

function pageFaults(
  override: AlarmOverrides['ConnectionsCritical'],
  exists: (name: MetricAlarmName) => boolean,
  context: AlarmContext,
): readonly Fault[] {
  if (override === false) return [];
  const path = 'alarms.ConnectionsCritical';
  const missing = override?.of?.filter((name) => !exists(name)) ?? [];
  if (missing.length > 0) {
    return [{ path: `${path}.of`, problem: 'expected alarms that exist', got: missing.join(', ') }];
  }
  const of = (override?.of ?? DEFAULT_PAGE[context.trigger]).filter(exists);
  if (of.length === 0) {
    return [{ path, problem: 'expected false, or alarms in `of`, since the alarms that page by default are left out' }];
  }
  const names = memberNames(of, context);
  const { length: characters } = pageRule(names);
  if (names.length <= MAX_RULE.alarms && characters <= MAX_RULE.characters) return [];
  return [
    {
      path: `${path}.of`,
      problem: `expected a rule of ${MAX_RULE.alarms} alarms and ${MAX_RULE.characters} characters at most, which is CloudWatch's limit`,
      got: `${names.length} with ${characters}`,
      hint:
        'Name fewer alarms here, give the database and its instances shorter names, or several reapers fewer instances ' +
        'each',
    },
  ];
}

/** The names of the alarms that set off ConnectionsCritical, as they will be deployed. */
function memberNames(
  of: readonly MetricAlarmName[],
  { databaseLabel = '', instances }: AlarmContext,
): readonly string[] {
  const instanceNames = instances.length === 0 ? [DEFAULT_INSTANCE_NAME] : instances.map(({ name }) => name);
  return [...new Set(of)].flatMap((kind) =>
    ALARM_DEFINITIONS[kind].ofInstance
      ? instanceNames.map((instance) => alarmName(databaseLabel, kind, instance))
      : [alarmName(databaseLabel, kind)],
  );
}
