import { DIMENSIONS, type MetricLevel, type MetricName, NAMESPACE } from './metrics.js';

/** Which metric of all the applications or roles of one database. */
export interface Fleet<Level extends MetricLevel> {
  readonly level: Level;
  readonly metricName: MetricName<Level>;
  readonly database: string;
}

/** How a query makes one series of each application or role. */
export interface Grouping<Level extends MetricLevel> {
  /** What it makes of the values of one period. */
  readonly aggregate: 'COUNT' | 'MAX' | 'SUM';
  readonly groupBy: (typeof DIMENSIONS)[Level][number];
}

/**
 * A Metrics Insights query: one series for each application or role.
 *
 * Names are quoted, since Database, Instance and Role are reserved words of its language. CloudWatch demands ORDER BY of
 * alarms on more than one series; elsewhere it decides which 500 series come back where there are more.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
 */
export function insightsQuery<Level extends MetricLevel>(
  { level, metricName, database }: Fleet<Level>,
  { aggregate, groupBy }: Grouping<Level>,
): string {
  const schema = [NAMESPACE, ...DIMENSIONS[level]].map((name) => `"${name}"`).join(', ');
  return (
    `SELECT ${aggregate}("${metricName}") FROM SCHEMA(${schema}) WHERE "Database" = '${database}' ` +
    `GROUP BY "${groupBy}" ORDER BY ${aggregate}() DESC`
  );
}
