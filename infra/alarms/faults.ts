import * as v from 'valibot';
import { DEFAULT_INSTANCE_NAME } from '../../lambda/contract/names.js';
import {
  type AlarmCondition,
  alarmConditions,
  type ConditionOverrides,
  DEFAULT_PAGE,
  type Sweeping,
} from './conditions.js';
import { MAX_RULE, pageRule } from './connections-critical.js';
import { ALARM_DEFINITIONS } from './definitions.js';
import { METRIC_ALARMS, type MetricAlarmName } from './names.js';
import { alarmName } from './reaper-alarm.js';

/** What the deployment knows, and the alarms hang on. */
export interface AlarmContext extends Sweeping {
  /** What the names of alarms begin with; `undefined` where it is missing, which is a fault of its own. */
  readonly databaseLabel: string | undefined;

  /** The instances that are named; none where the secret names the only one. */
  readonly instances: readonly { readonly name: string; readonly dbInstanceIdentifier?: string | undefined }[];
}

/** The overrides as their schemas give them: what an alarm does is left to CDK. */
interface ParsedOverrides extends ConditionOverrides {
  readonly ConnectionsCritical?: { readonly of?: readonly MetricAlarmName[] } | false;
}

/**
 * What overrides that fit their schemas say against each other, CloudWatch's limits or the deployment. One that doesn't
 * fit its schema is passed over here, so that the others' faults come out with its own.
 *
 * @param given as the props or `cdk.json` write them.
 * @param entries their schemas, by the alarms' names.
 */
export function contextFaults(
  given: unknown,
  entries: Readonly<Record<MetricAlarmName | 'ConnectionsCritical', v.GenericSchema>>,
  context: AlarmContext,
): readonly string[] {
  const parsed = Object.entries(entries).map(
    ([name, schema]) => [name, v.safeParse(schema, Object(given)[name])] as const,
  );
  const broken = new Set<string>(parsed.flatMap(([name, { success }]) => (success ? [] : [name])));
  const overrides: ParsedOverrides = Object.fromEntries(
    parsed.flatMap(([name, { success, output }]) => (success && output !== undefined ? [[name, output]] : [])),
  );
  const conditions = alarmConditions(overrides, context);
  return [
    ...(broken.has('DatabaseConnections') ? [] : databaseConnectionsFaults(overrides.DatabaseConnections, context)),
    ...METRIC_ALARMS.flatMap((name) => metricAlarmFaults(name, overrides[name], conditions[name], context)),
    ...(broken.has('ConnectionsCritical')
      ? []
      : pageFaults(
          overrides.ConnectionsCritical,
          (name) => conditions[name] !== undefined || broken.has(name),
          context,
        )),
  ];
}

/** Why there are no such alarms without a schedule. */
const NOT_ON_ALARM: { readonly [Name in MetricAlarmName]?: string } = {
  LeakContinues: 'where DatabaseConnections lasts as long as the leak does',
  ReaperNotRunning: 'where no sweep is ever due',
};

function metricAlarmFaults(
  name: MetricAlarmName,
  override: ConditionOverrides[MetricAlarmName],
  condition: AlarmCondition | undefined,
  { trigger, intervalMinutes }: AlarmContext,
): readonly string[] {
  if (override === undefined || override === false) return [];
  if (trigger === 'alarm' && NOT_ON_ALARM[name] !== undefined) {
    return [`alarms.${name}: expected nothing with trigger: alarm, ${NOT_ON_ALARM[name]}`];
  }
  if (condition === undefined) return [];
  const { threshold, period, evaluationPeriods, datapointsToAlarm } = condition;
  const faults: string[] = [];
  if (name !== 'DatabaseConnections' && period < intervalMinutes) {
    faults.push(
      `alarms.${name}.period: expected no less than the interval, ${intervalMinutes} minutes, since between sweeps there ` +
        `is no data, got ${period}`,
    );
  }
  if (datapointsToAlarm > evaluationPeriods) {
    faults.push(
      `alarms.${name}.datapointsToAlarm: expected no more than evaluationPeriods, ${evaluationPeriods}, got ` +
        `${datapointsToAlarm}`,
    );
  }
  const longest = longestWindow(name, period);
  if (period * evaluationPeriods > longest) {
    faults.push(
      `alarms.${name}: expected a window of ${longest} minutes at most, which is as far as CloudWatch looks back, got ` +
        `${evaluationPeriods} periods of ${period}`,
    );
  }
  const sweeps = Math.floor(period / intervalMinutes);
  if (name === 'ReaperNotRunning' && period >= intervalMinutes && threshold > sweeps) {
    faults.push(
      `alarms.ReaperNotRunning.threshold: expected no more than the ${sweeps} sweeps of a period, got ${threshold}`,
    );
  }
  return faults;
}

/**
 * How far back CloudWatch looks for an alarm, in minutes: least for those on a query of Metrics Insights.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html
 */
function longestWindow(name: MetricAlarmName, period: number): number {
  if (ALARM_DEFINITIONS[name].hasContributors) return 180;
  return period < 60 ? 1_440 : 10_080;
}

function databaseConnectionsFaults(
  override: ConditionOverrides['DatabaseConnections'],
  { trigger, instances }: AlarmContext,
): readonly string[] {
  if (override === undefined || override === false) {
    const got = override === undefined ? 'nothing' : 'false';
    return trigger === 'schedule'
      ? []
      : [
          'alarms.DatabaseConnections: expected a threshold with trigger: alarm, since nothing else starts sweeps, ' +
            `got ${got}`,
        ];
  }
  const faults: string[] = [];
  if (override.threshold === undefined) {
    faults.push(
      'alarms.DatabaseConnections.threshold: missing: a number of connections below max_connections, which is not known here',
    );
  }
  const unknown = instances.filter(({ dbInstanceIdentifier }) => dbInstanceIdentifier === undefined);
  if (unknown.length > 0 || instances.length === 0) {
    faults.push(
      "alarms.DatabaseConnections: expected instances with a dbInstanceIdentifier, which RDS's metric goes by, got " +
        (unknown.length > 0 ? `none for ${unknown.map(({ name }) => name).join(', ')}` : 'no instances'),
    );
  }
  return faults;
}

function pageFaults(
  override: ParsedOverrides['ConnectionsCritical'],
  exists: (name: MetricAlarmName) => boolean,
  context: AlarmContext,
): readonly string[] {
  if (override === false) return [];
  const lacking = override?.of?.filter((name) => !exists(name)) ?? [];
  if (lacking.length > 0)
    return [`alarms.ConnectionsCritical.of: expected alarms that there are, got ${lacking.join(', ')}`];
  const of = (override?.of ?? DEFAULT_PAGE[context.trigger]).filter(exists);
  if (of.length === 0) {
    return [
      'alarms.ConnectionsCritical: expected false, or alarms in `of`, since those that page by default are left out',
    ];
  }
  const names = memberNames(of, context);
  const { length: characters } = pageRule(names);
  if (names.length <= MAX_RULE.alarms && characters <= MAX_RULE.characters) return [];
  return [
    `alarms.ConnectionsCritical.of: expected a rule of ${MAX_RULE.alarms} alarms and ${MAX_RULE.characters} characters at most, which is all ` +
      `that CloudWatch takes, got ${names.length} with ${characters}: name fewer alarms here, give the database and its ` +
      'instances shorter names, or several reapers fewer instances each',
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
