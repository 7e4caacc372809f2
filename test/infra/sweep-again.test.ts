import { Duration } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { aReaper, propertiesOf, resolved } from './a-reaper.js';

const INSTANCES = ['writer', 'reader'].map((name, index) => ({
  name,
  host: `${name}.example`,
  dbInstanceIdentifier: `orders-${index + 1}`,
}));

const alarms = { DatabaseConnections: { threshold: 180 } };

test.each([
  [2, 120, 60],
  [5, 300, 150],
  [30, 1800, 900],
])('starts a sweep every %i minutes while connections are many, by its formula', (minutes, seconds, half) => {
  const { template, reaper } = aReaper({
    instances: INSTANCES,
    schedule: 'onAlarm',
    interval: Duration.minutes(minutes),
    alarms,
  });
  expect(reaper.alarms.sweepAgain.length).toBe(2);
  for (const { name, dbInstanceIdentifier } of INSTANCES) {
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: `ConnectionReaper-orders-SweepAgain-${name}`,
      Metrics: [
        Match.objectLike({
          Expression: `IF(connections >= 180, EPOCH(connections) - ${seconds} * FLOOR(EPOCH(connections) / ${seconds}), 0)`,
          ReturnData: true,
        }),
        {
          Id: 'connections',
          ReturnData: false,
          MetricStat: {
            Metric: {
              Namespace: 'AWS/RDS',
              MetricName: 'DatabaseConnections',
              Dimensions: [{ Name: 'DBInstanceIdentifier', Value: dbInstanceIdentifier }],
            },
            Stat: 'Maximum',
            // The clock is told by whole minutes, whatever the interval.
            Period: 60,
          },
        },
      ],
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Threshold: half,
      DatapointsToAlarm: 1,
      EvaluationPeriods: 1,
      TreatMissingData: 'notBreaching',
    });
  }
});

test('notifies nobody, and says what it is for', () => {
  const { template } = aReaper({ instances: INSTANCES, schedule: 'onAlarm', alarms });
  const found = propertiesOf(template, 'AWS::CloudWatch::Alarm').filter(({ AlarmName }) =>
    String(AlarmName).includes('SweepAgain'),
  );
  expect(found.length).toBe(2);
  for (const { AlarmActions, OKActions, AlarmDescription } of found) {
    expect(resolved(AlarmActions)).toEqual([expect.stringMatching(/^\$\{ReaperFunction\w+\.Arn\}$/)]);
    expect(OKActions).toBeUndefined();
    expect(AlarmDescription).toMatch(
      /^orders\/\w+: starts a sweep every 5 minutes while DatabaseConnections >= 180\. /,
    );
    expect(AlarmDescription).toMatch(/docs\/runbook\.md#databaseconnections$/);
  }
});

test('is not there where a schedule is', () => {
  const { reaper } = aReaper({ instances: INSTANCES, alarms });
  expect(reaper.alarms.sweepAgain).toEqual([]);
});
