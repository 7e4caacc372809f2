import type { Duration } from 'aws-cdk-lib';
import type { Fleet } from '../../lambda/contract/insights-query.js';
import { DIMENSIONS, type MetricLevel, NAMESPACE } from '../../lambda/contract/metrics.js';

/** A search for graphs, which finds applications or roles that nobody knew at deployment. Alarms can't be made of it. */
export function searchExpression<Level extends MetricLevel>(
  { level, metricName, database }: Fleet<Level>,
  statistic: string,
  period: Duration,
): string {
  const schema = [NAMESPACE, ...DIMENSIONS[level]].join(',');
  return `SEARCH('{${schema}} MetricName="${metricName}" Database="${database}"', '${statistic}', ${period.toSeconds()})`;
}
