/** All alarms of one reaper, as the construct offers them. */
import type { Alarm, AlarmBase, CompositeAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { alarmConditions, DEFAULT_PAGE } from './conditions.js';
import { pageAlarm } from './connections-critical.js';
import { reportCommand } from './definitions.js';
import { watchInsightsQuota } from './insights-quota.js';
import { actionsOf, type MetricAlarmsProps, metricAlarms, notifiesTopic } from './metric-alarms.js';
import { METRIC_ALARMS, type MetricAlarmName } from './names.js';
import { type AlarmOverrides, conditionOverrides } from './overrides.js';
import { sweepAgain } from './sweep-again.js';

/** What the alarms watch, what differs from their defaults, and where they go. */
export interface ReaperAlarmsProps extends MetricAlarmsProps {
  /** Where ConnectionsCritical goes; `undefined` where it is left out, or has actions in place of that. */
  readonly pageTopic: ITopic | undefined;

  /** Overrides that hold: `alarmFaults` finds nothing in them. @default - every alarm as docs/metrics-and-alarms.md describes it */
  readonly overrides?: AlarmOverrides | undefined;
}

/** The alarms of a reaper. */
export class ReaperAlarms extends Construct {
  /** Those on a metric, by name: one for each instance, one for the whole database, or none where it is left out. */
  readonly byName: Readonly<Record<MetricAlarmName, readonly Alarm[]>>;

  /** Those of them that notify `alarmTopic`. */
  readonly notifying: readonly Alarm[];

  /** The composite one, for whoever is on call, unless it is left out. */
  readonly page?: CompositeAlarm;

  /** With `trigger: alarm` one for each instance, which start sweeps and notify nobody. */
  readonly sweepAgain: readonly Alarm[];

  constructor(scope: Construct, id: string, props: ReaperAlarmsProps) {
    super(scope, id);
    const { reaper, trigger, runbookUrl, overrides = {} } = props;
    const conditions = alarmConditions(conditionOverrides(overrides), {
      trigger,
      intervalMinutes: reaper.interval.toMinutes(),
    });
    const made = (name: MetricAlarmName): readonly Alarm[] => {
      const condition = conditions[name];
      return condition === undefined
        ? []
        : metricAlarms(this, name, { condition, override: overrides[name] || {} }, props);
    };
    this.byName = Object.fromEntries(METRIC_ALARMS.map((name) => [name, made(name)])) as typeof this.byName;

    this.notifying = METRIC_ALARMS.filter((name) => notifiesTopic(overrides[name])).flatMap(
      (name) => this.byName[name],
    );

    watchInsightsQuota(this);

    const { DatabaseConnections } = conditions;
    this.sweepAgain =
      trigger === 'schedule' || DatabaseConnections === undefined
        ? []
        : reaper.instanceNames.map((instance) =>
            sweepAgain(this, reaper, { ...DatabaseConnections, instance, runbookUrl }),
          );

    const { ConnectionsCritical = {} } = overrides;
    if (ConnectionsCritical === false) return;
    const { of = DEFAULT_PAGE[trigger] } = ConnectionsCritical;
    const members = METRIC_ALARMS.filter((name) => of.includes(name) && this.byName[name].length > 0);
    this.page = pageAlarm(this, {
      databaseLabel: reaper.databaseLabel,
      of: members,
      alarms: members.flatMap((name) => this.byName[name]),
      command: reportCommand(props),
      runbookUrl,
      ...actionsOf(ConnectionsCritical, props.pageTopic),
    });
  }

  /** Every one that notifies, the most urgent first. */
  get all(): readonly AlarmBase[] {
    return [...(this.page === undefined ? [] : [this.page]), ...METRIC_ALARMS.flatMap((name) => this.byName[name])];
  }
}
