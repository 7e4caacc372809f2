/** The alarms on a metric, by their names in alarm names, overrides and the runbook; the most urgent first. */
export const METRIC_ALARMS = [
  'ServerFull',
  'SlotsNearlyFull',
  'DatabaseConnections',
  'ApplicationConnectionsHigh',
  'LeakContinues',
  'RoleNearLimit',
  'ReaperFailing',
  'ReaperNotRunning',
  'ReaperBlind',
] as const;

/** The name of an alarm on a metric. */
export type MetricAlarmName = (typeof METRIC_ALARMS)[number];

/** How the names of all alarms of a database begin. */
export function alarmNamePrefix(databaseLabel: string): string {
  return `ConnectionReaper-${databaseLabel}-`;
}
