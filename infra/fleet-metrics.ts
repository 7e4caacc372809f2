import type { Duration } from 'aws-cdk-lib';
import { DIMENSIONS, type MetricLevel, type MetricName, NAMESPACE } from '../lambda/contract.js';

/** Which metric of all the applications or roles of one database. */
export interface Fleet<Level extends MetricLevel> {
  readonly level: Level;
  readonly metricName: MetricName<Level>;
  readonly database: string;
}

/** How a query makes one series of each application or role. */
export interface Grouping<Level extends MetricLevel> {
  /** What it makes of the values of one period. */
  readonly aggregate: 'MAX' | 'SUM';
  readonly groupBy: (typeof DIMENSIONS)[Level][number];
  /** A value of `groupBy` to leave out. @default - none */
  readonly except?: string;
}

/**
 * A Metrics Insights query for alarms: one series for each application or role.
 *
 * Names are quoted, since Database, Instance and Role are words of its language. ORDER BY is there because CloudWatch
 * demands it of alarms on more than one series.
 */
export function insightsQuery<Level extends MetricLevel>(
  { level, metricName, database }: Fleet<Level>,
  { aggregate, groupBy, except }: Grouping<Level>,
): string {
  const schema = [NAMESPACE, ...DIMENSIONS[level]].map((name) => `"${name}"`).join(', ');
  const filter = except === undefined ? '' : ` AND "${groupBy}" != '${except}'`;
  return (
    `SELECT ${aggregate}("${metricName}") FROM SCHEMA(${schema}) WHERE "Database" = '${database}'${filter} ` +
    `GROUP BY "${groupBy}" ORDER BY ${aggregate}() DESC`
  );
}

/** A search for graphs, which finds applications or roles that nobody knew at deployment. Alarms can't be made of it. */
export function searchExpression<Level extends MetricLevel>(
  { level, metricName, database }: Fleet<Level>,
  statistic: string,
  period: Duration,
): string {
  const schema = [NAMESPACE, ...DIMENSIONS[level]].join(',');
  return `SEARCH('{${schema}} MetricName="${metricName}" Database="${database}"', '${statistic}', ${period.toSeconds()})`;
}
