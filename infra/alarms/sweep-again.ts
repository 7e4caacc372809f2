/** The alarm that starts a sweep again and again while connections are many. */
import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { LambdaAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { Construct } from 'constructs';
import type { ReaperMetrics } from '../metrics/metrics.js';
import { alarmName, describe } from './reaper-alarm.js';

/**
 * An alarm that starts sweeps where no schedule does, one an interval for as long as connections are many.
 *
 * CloudWatch acts when an alarm changes its state, and never again while that lasts. So this one watches the clock too:
 * while connections are at the threshold its value is how many seconds of the interval have passed, else 0. It goes to ALARM
 * in the second half of each interval and is OK in the first, which is long enough to be seen by one evaluation a minute.
 *
 * The condition is on the metric and not on the clock, so that a minute that RDS has not published yet is missing, and
 * the latest one that it has published counts. The clock's time series is never missing a minute: it would put a 0 in
 * front of every late datapoint, and it would never go to ALARM.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */
export function sweepAgain(
  scope: Construct,
  reaper: ReaperMetrics,
  {
    instance,
    threshold,
    runbookUrl,
  }: { readonly instance: string; readonly threshold: number; readonly runbookUrl: string | undefined },
): Alarm {
  const seconds = reaper.interval.toSeconds();
  const passed = `EPOCH(connections) - ${seconds} * FLOOR(EPOCH(connections) / ${seconds})`;
  const name = alarmName(reaper.databaseLabel, 'SweepAgain', instance);
  const alarm = new Alarm(scope, `SweepAgain-${instance}`, {
    alarmName: name,
    alarmDescription: describe('DatabaseConnections', {
      condition:
        `${reaper.databaseLabel}/${instance}: starts a sweep every ${reaper.interval.toHumanString()} while ` +
        `DatabaseConnections >= ${threshold}.`,
      meaning:
        'It goes to ALARM and back to OK every interval, because an alarm acts only when its state changes. It notifies nobody.',
      evaluation: ['Without data it is OK, since a database that is paused or stopped publishes no data.'],
      command: `aws cloudwatch describe-alarm-history --alarm-name ${name} --history-item-type Action`,
      runbookUrl,
    }),
    metric: new MathExpression({
      label: 'seconds of the interval, while connections are many',
      expression: `IF(connections >= ${threshold}, ${passed}, 0)`,
      usingMetrics: { connections: reaper.metricDatabaseConnections({ instance }) },
      period: Duration.minutes(1),
    }),
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    threshold: seconds / 2,
    datapointsToAlarm: 1,
    evaluationPeriods: 1,
    treatMissingData: TreatMissingData.NOT_BREACHING,
  });
  alarm.addAlarmAction(new LambdaAction(reaper.handler, { useUniquePermissionId: true }));
  return alarm;
}
