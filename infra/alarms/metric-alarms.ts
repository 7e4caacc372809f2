/** Makes the alarms on metrics, as defined and overridden. */
import { Duration } from 'aws-cdk-lib';
import type { Alarm, IAlarmAction } from 'aws-cdk-lib/aws-cloudwatch';
import { LambdaAction, SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { type AlarmCondition, STARTS_SWEEP, type Sweeping } from './conditions.js';
import { ALARM_DEFINITIONS, type AlarmDefinition, type Watched } from './definitions.js';
import type { MetricAlarmName } from './names.js';
import type { AlarmActionsOverride, AlarmOverride } from './overrides.js';
import { type AlarmActions, ReaperAlarm } from './reaper-alarm.js';

/** What the alarms on a metric share. */
export interface MetricAlarmsProps extends Watched {
  /** Where they go. */
  readonly topic: ITopic;

  readonly trigger: Sweeping['trigger'];

  /** The address of the runbook, where it has one. */
  readonly runbookUrl: string | undefined;
}

/** Makes an alarm: one for each instance, or one for the whole database. */
export function metricAlarms(
  scope: Construct,
  name: MetricAlarmName,
  { condition, override }: { readonly condition: AlarmCondition; readonly override: AlarmOverride },
  props: MetricAlarmsProps,
): readonly Alarm[] {
  const { reaper, trigger, topic } = props;
  const definition = ALARM_DEFINITIONS[name];
  const period = Duration.minutes(condition.periodMinutes);
  const actions = actionsOf(override, topic);
  const invocation: readonly IAlarmAction[] = STARTS_SWEEP[trigger].includes(name)
    ? // Without an id of its own the second alarm would take over the first one's permission in apps without CDK's flag.
      [new LambdaAction(reaper.handler, { useUniquePermissionId: true })]
    : [];
  return (definition.ofInstance ? reaper.instanceNames : [undefined]).map(
    (instance) =>
      new ReaperAlarm(scope, name, {
        ...definition,
        ...wordsOf(name, definition, props),
        ...(setsWindow(override) && { window: undefined }),
        databaseLabel: reaper.databaseLabel,
        runbookUrl: props.runbookUrl,
        instance,
        metric: definition.metric(reaper, instance === undefined ? { period } : { instance, period }),
        condition,
        command: definition.command(props),
        okActions: actions.okActions,
        actions: [...actions.actions, ...invocation],
      }),
  );
}

/** Whether an alarm notifies its topic: it is not left out, and has no actions in place of that. */
export function notifiesTopic(override: AlarmActionsOverride | false = {}): boolean {
  return override !== false && override.actions === undefined;
}

/**
 * Notifies of alarm and recovery, unless it is told other actions. The recovery as well, since the reaper often is faster
 * than the person it wakes.
 */
export function actionsOf(override: AlarmActionsOverride, topic: ITopic | undefined): AlarmActions {
  const notify = notifiesTopic(override) && topic !== undefined ? [new SnsAction(topic)] : [];
  return { actions: override.actions ?? notify, okActions: override.okActions ?? notify };
}

/** The words that hang on what starts sweeps. */
function wordsOf(
  name: MetricAlarmName,
  { meaning, silence, window }: AlarmDefinition,
  { reaper, trigger }: MetricAlarmsProps,
): Pick<AlarmDefinition, 'meaning' | 'silence' | 'window'> {
  if (trigger === 'schedule') {
    return {
      meaning: STARTS_SWEEP.schedule.includes(name) ? `${meaning} It starts a sweep.` : meaning,
      silence,
      window,
    };
  }
  if (name === 'DatabaseConnections') {
    const again = `one every ${reaper.interval.toHumanString()} while it lasts`;
    return { meaning: `${meaning} It starts a sweep, and SweepAgain ${again}.`, silence, window };
  }
  return { meaning, silence: 'nothing asked for a sweep', window: 'One is enough, since sweeps are few.' };
}

/** Whether the reasons for our window are not those of the one that is set. */
function setsWindow({ period, evaluationPeriods, datapointsToAlarm }: AlarmOverride): boolean {
  return [period, evaluationPeriods, datapointsToAlarm].some((given) => given !== undefined);
}
