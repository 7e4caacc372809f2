/** The table of alarms in docs/metrics-and-alarms.md. */
import { ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { type AlarmCondition, alarmConditions, DEFAULT_PAGE, STARTS_SWEEP } from '../infra/alarms/conditions.js';
import { ALARM_DEFINITIONS } from '../infra/alarms/definitions.js';
import type { MetricAlarmName } from '../infra/alarms/names.js';
import { markdownTable } from './generated-block.js';

/** An alarm without a default threshold is made only if the deployment sets one. */
const NOT_SET = -1;

const MISSING: Readonly<Record<string, string>> = {
  [TreatMissingData.BREACHING]: 'counts as breaching',
  [TreatMissingData.IGNORE]: 'the alarm keeps its state',
  [TreatMissingData.NOT_BREACHING]: 'counts as OK',
};

/** An interval that no alarm has as its own period, so that periods of the interval can be told from fixed ones. */
const INTERVAL_MINUTES = 7;

/** Every alarm with its condition, as it is with a schedule. */
export function alarmsTable(): string {
  const sweeping = { trigger: 'schedule', intervalMinutes: INTERVAL_MINUTES } as const;
  const conditions = alarmConditions({ DatabaseConnections: { threshold: NOT_SET } }, sweeping);
  const rows = (Object.entries(conditions) as [MetricAlarmName, AlarmCondition][]).map(([name, condition]) => [
    `\`${name}\``,
    conditionText(name, condition),
    windowText(condition),
    MISSING[condition.treatMissingData] ?? '',
    effectsOf(name),
  ]);
  const pages = DEFAULT_PAGE.schedule.map((name) => `\`${name}\``);
  const critical = ['`ConnectionsCritical`', `any of ${pages.join(', ')} is in ALARM`, '', '', 'pages'];
  return markdownTable([['alarm', 'condition', 'how often', 'missing data', 'also'], critical, ...rows]);
}

function conditionText(name: MetricAlarmName, { threshold }: AlarmCondition): string {
  const { quantity, comparisonOperator, hasContributors } = ALARM_DEFINITIONS[name];
  const sign = comparisonOperator === ComparisonOperator.LESS_THAN_THRESHOLD ? '<' : '≥';
  const contributors = hasContributors ? ', for each contributor' : '';
  return `${quantity} ${sign} ${threshold === NOT_SET ? 'a threshold that you set' : threshold}${contributors}`;
}

function windowText({ periodMinutes, datapointsToAlarm, evaluationPeriods }: AlarmCondition): string {
  const share = `${datapointsToAlarm} of ${evaluationPeriods}`;
  if (periodMinutes === INTERVAL_MINUTES) return `${share} ${evaluationPeriods === 1 ? 'period' : 'periods'}`;
  return periodMinutes === 1 ? `${share} minutes` : `${share} periods of ${periodMinutes} minutes`;
}

function effectsOf(name: MetricAlarmName): string {
  return STARTS_SWEEP.schedule.includes(name) ? 'starts a sweep' : '';
}
