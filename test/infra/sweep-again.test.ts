import { Duration } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import type { Observation } from '../../demo/cloudwatch/observation.js';
import { type AlarmProperties, alarmHistory } from '../support/cloudwatch/evaluate-alarms.js';
import { aReaper, propertiesOf, resolved } from './a-reaper.js';

const INSTANCES = ['writer', 'reader'].map((name, index) => ({
  name,
  host: `${name}.example`,
  dbInstanceIdentifier: `orders-${index + 1}`,
}));

const MANY = 180;

const alarms = { DatabaseConnections: { threshold: MANY } };

/** Minutes with as many connections as the threshold, or one fewer. */
const many = (minutes: number) => Array.from({ length: minutes }, () => MANY);
const few = (minutes: number) => Array.from({ length: minutes }, () => MANY - 1);

test.each([
  [2, 120, 60],
  [5, 300, 150],
  [30, 1800, 900],
])('starts a sweep every %i minutes while connections are many, by its formula', (minutes, seconds, half) => {
  const { template, reaper } = aReaper({
    instances: INSTANCES,
    trigger: 'alarm',
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

test.each<[string, interval: number, connections: readonly number[], sweeps: readonly number[]]>([
  ['again and again while connections are many', 5, [...few(5), ...many(20), ...few(5)], [8, 13, 18, 23]],
  ['not once while connections are few', 5, few(20), []],
  ['never again once it has helped', 5, [...many(8), ...few(6)], [3]],
  ['every other minute with the shortest interval', 2, [...few(1), ...many(8), ...few(2)], [1, 3, 5, 7]],
  ['once in the longest interval', 30, many(60), [15, 45]],
])('starts a sweep %s, also when RDS publishes late', (_, interval, connections, sweeps) => {
  for (const minutesLate of [0, 1, 2]) {
    const { started, last } = followed([...connections, ...few(minutesLate)], { interval, minutesLate });
    expect(started, `${minutesLate} minutes late`).toEqual(sweeps.map((minute) => minute + minutesLate));
    expect(last).toBe(connections.at(-1) === MANY ? 'ALARM' : 'OK');
  }
});

test('is OK once the database pauses and RDS publishes nothing', () => {
  const { started, last } = followed([...few(3), ...many(2)], { interval: 5, minutesLate: 0, minutes: 16 });
  expect(started).toEqual([3]);
  expect(last).toBe('OK');
});

test('notifies nobody, and says what it is for', () => {
  const { template } = aReaper({ instances: INSTANCES, trigger: 'alarm', alarms });
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
    expect(AlarmDescription).toMatch(/heading DatabaseConnections\.$/);
  }
});

test('is not there where a schedule is', () => {
  const { reaper } = aReaper({ instances: INSTANCES, alarms });
  expect(reaper.alarms.sweepAgain).toEqual([]);
});

/** The minutes in which the writer's alarm goes to ALARM, and its last state. */
function followed(
  connections: readonly number[],
  span: { readonly interval: number; readonly minutesLate: number; readonly minutes?: number },
) {
  const start = Date.UTC(2026, 0, 5, 10);
  const { minutes = connections.length, minutesLate } = span;
  const interval = Duration.minutes(span.interval);
  const { template } = aReaper({ instances: INSTANCES, trigger: 'alarm', interval, alarms });
  const alarm = propertiesOf(template, 'AWS::CloudWatch::Alarm')
    .map((properties) => resolved(properties) as AlarmProperties)
    .find(({ AlarmName }) => AlarmName === 'ConnectionReaper-orders-SweepAgain-writer');
  if (alarm === undefined) throw new Error('there is no alarm SweepAgain of the writer');
  const observations = connections.map(
    (value, minute): Observation => ({
      timestamp: start + minute * 60_000,
      namespace: 'AWS/RDS',
      metricName: 'DatabaseConnections',
      dimensions: { DBInstanceIdentifier: 'orders-1' },
      value,
      unit: 'Count',
    }),
  );
  const { states } = alarmHistory(alarm, observations, { start, minutes, minutesLate });
  const started = states.flatMap((state, minute) => {
    return state === 'ALARM' && states[minute - 1] !== 'ALARM' ? [minute] : [];
  });
  return { started, last: states.at(-1) };
}
