import { Duration } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import type { Observation } from '../../demo/cloudwatch/observation.js';
import { timeline } from '../support/cloudwatch/alarm-history.js';
import { evaluateAlarms } from '../support/cloudwatch/evaluate-alarms.js';
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

describe.each([0, 1, 2])('where RDS publishes %i minutes late, it goes off', (minutesLate) => {
  const late = (padding: string) => padding.repeat(minutesLate);

  test.each([
    [
      'again and again while connections are many',
      5,
      '.....####################.....',
      'OOOOOOOOAAOOOAAOOOAAOOOAAOOOOO',
    ],
    ['not once while connections are few', 5, '....................', 'OOOOOOOOOOOOOOOOOOOO'],
    ['never again once it has helped', 5, '########......', 'OOOAAOOOOOOOOO'],
    ['every other minute where the interval is the shortest there is', 2, '.########..', 'OAOAOAOAOOO'],
    ['once in the longest interval', 30, '#'.repeat(60), `${'O'.repeat(15)}${'A'.repeat(15)}`.repeat(2)],
  ])('%s', (_, interval, connections, states) => {
    expect(statesOf(connections + late('.'), { interval, minutesLate })).toBe(late('O') + states);
  });
});

test('it goes off no more once the database pauses, and RDS publishes nothing', () => {
  expect(statesOf('---##-----------', { interval: 5, minutesLate: 0 })).toBe('OOOAAAAOOOOOOOOO');
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
    expect(AlarmDescription).toMatch(/docs\/runbook\.md#databaseconnections$/);
  }
});

test('is not there where a schedule is', () => {
  const { reaper } = aReaper({ instances: INSTANCES, alarms });
  expect(reaper.alarms.sweepAgain).toEqual([]);
});

const START = Date.UTC(2026, 0, 5, 10);

/** The states of the writer's alarm, a letter a minute. `#` is a minute of many connections, `.` of few, `-` of no data. */
function statesOf(
  connections: string,
  { interval, minutesLate }: { readonly interval: number; readonly minutesLate: number },
): string {
  const { template } = aReaper({
    instances: INSTANCES,
    trigger: 'alarm',
    interval: Duration.minutes(interval),
    alarms,
  });
  const [properties = {}] = propertiesOf(template, 'AWS::CloudWatch::Alarm')
    .map((alarm) => resolved(alarm) as Readonly<Record<string, unknown>>)
    .filter(({ AlarmName }) => AlarmName === 'ConnectionReaper-orders-SweepAgain-writer');
  const alarm = { logicalId: 'SweepAgain', type: 'AWS::CloudWatch::Alarm', properties } as const;
  const observations = [...connections].flatMap((many, minute): readonly Observation[] =>
    many === '-'
      ? []
      : [
          {
            timestamp: START + minute * 60_000,
            namespace: 'AWS/RDS',
            metricName: 'DatabaseConnections',
            dimensions: { DBInstanceIdentifier: 'orders-1' },
            value: many === '#' ? 180 : 179,
            unit: 'Count',
          },
        ],
  );
  // A minute by itself, since its state does not hang on the one before.
  const states = [...connections].flatMap((_, minute) => {
    const start = START + minute * 60_000;
    const published = observations.filter(({ timestamp }) => timestamp <= start - minutesLate * 60_000);
    return evaluateAlarms([alarm], published, { start, minutes: 1 }).get(String(properties['AlarmName']))?.states ?? [];
  });
  return timeline(states);
}
