import { Duration } from 'aws-cdk-lib';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { DIMENSIONS, METRICS, NAMESPACE } from '../../lambda/contract.js';
import { parseEvent } from '../../lambda/event.js';
import { aReaper, propertiesOf, resolved } from './a-reaper.js';

const INSTANCE = [
  { Name: 'Database', Value: 'orders' },
  { Name: 'Instance', Value: 'primary' },
];

/** What an alarm watches, where it goes off, and what it makes of silence. */
const ALARMS: readonly { name: string; runbook: string; condition: string; properties: Record<string, unknown> }[] = [
  {
    name: 'ConnectionReaper-orders-SlotsNearlyFull-primary',
    runbook: 'slotsnearlyfull',
    condition: 'orders/primary: SlotsUsedPercent >= 80 in 2 of 3 periods of 1 minute.',
    properties: {
      MetricName: 'SlotsUsedPercent',
      Namespace: NAMESPACE,
      Dimensions: INSTANCE,
      Statistic: 'Maximum',
      Period: 60,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Threshold: 80,
      DatapointsToAlarm: 2,
      EvaluationPeriods: 3,
      TreatMissingData: 'ignore',
    },
  },
  {
    name: 'ConnectionReaper-orders-ServerFull-primary',
    runbook: 'serverfull',
    condition: 'orders/primary: ServerFull >= 1 in 1 of 1 periods of 1 minute.',
    properties: {
      MetricName: 'ServerFull',
      Namespace: NAMESPACE,
      Dimensions: INSTANCE,
      Statistic: 'Maximum',
      Period: 60,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Threshold: 1,
      DatapointsToAlarm: 1,
      EvaluationPeriods: 1,
      TreatMissingData: 'ignore',
    },
  },
  {
    name: 'ConnectionReaper-orders-ApplicationHogging',
    runbook: 'applicationhogging',
    condition: "orders: an application's SlotsUsedPercent >= 50 in 2 of 3 periods of 1 minute.",
    properties: {
      Metrics: [
        {
          Id: 'expr_1',
          Label: 'SlotsUsedPercent by application',
          Period: 60,
          ReturnData: true,
          Expression:
            'SELECT MAX("SlotsUsedPercent") FROM SCHEMA("ConnectionReaper", "Database", "Instance", "Application") ' +
            `WHERE "Database" = 'orders' AND "Application" != '(other)' GROUP BY "Application" ORDER BY MAX() DESC`,
        },
      ],
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Threshold: 50,
      DatapointsToAlarm: 2,
      EvaluationPeriods: 3,
      TreatMissingData: 'notBreaching',
    },
  },
  {
    name: 'ConnectionReaper-orders-RoleNearLimit',
    runbook: 'rolenearlimit',
    condition: "orders: a role's RoleLimitUsedPercent >= 90 in 2 of 3 periods of 1 minute.",
    properties: {
      Metrics: [
        {
          Id: 'expr_1',
          Label: 'RoleLimitUsedPercent by role',
          Period: 60,
          ReturnData: true,
          Expression:
            'SELECT MAX("RoleLimitUsedPercent") FROM SCHEMA("ConnectionReaper", "Database", "Role") ' +
            `WHERE "Database" = 'orders' GROUP BY "Role" ORDER BY MAX() DESC`,
        },
      ],
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Threshold: 90,
      DatapointsToAlarm: 2,
      EvaluationPeriods: 3,
      TreatMissingData: 'notBreaching',
    },
  },
  {
    name: 'ConnectionReaper-orders-ReaperFailing',
    runbook: 'reaperfailing',
    condition: "orders: the function's Errors >= 1 in 3 of 5 periods of 1 minute.",
    properties: {
      MetricName: 'Errors',
      Namespace: 'AWS/Lambda',
      Dimensions: [{ Name: 'FunctionName', Value: { Ref: Match.stringLikeRegexp('^ReaperFunction') } }],
      Statistic: 'Sum',
      Period: 60,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Threshold: 1,
      DatapointsToAlarm: 3,
      EvaluationPeriods: 5,
      TreatMissingData: 'notBreaching',
    },
  },
  {
    name: 'ConnectionReaper-orders-ReaperNotRunning-primary',
    runbook: 'reapernotrunning',
    condition: 'orders/primary: SweepsCompleted < 1 in 3 of 3 periods of 1 minute.',
    properties: {
      MetricName: 'SweepsCompleted',
      Namespace: NAMESPACE,
      Dimensions: INSTANCE,
      Statistic: 'Sum',
      Period: 60,
      ComparisonOperator: 'LessThanThreshold',
      Threshold: 1,
      DatapointsToAlarm: 3,
      EvaluationPeriods: 3,
      TreatMissingData: 'breaching',
    },
  },
  {
    name: 'ConnectionReaper-orders-ReaperBlind-primary',
    runbook: 'reaperblind',
    condition: 'orders/primary: UnreadableBackends + RefusedTerminations >= 1 in 3 of 3 periods of 1 minute.',
    properties: {
      Metrics: [
        Match.objectLike({ Expression: 'unreadable + refused', ReturnData: true }),
        {
          Id: 'unreadable',
          ReturnData: false,
          MetricStat: {
            Metric: { MetricName: 'UnreadableBackends', Namespace: NAMESPACE, Dimensions: INSTANCE },
            Period: 60,
            Stat: 'Maximum',
          },
        },
        {
          Id: 'refused',
          ReturnData: false,
          MetricStat: {
            Metric: { MetricName: 'RefusedTerminations', Namespace: NAMESPACE, Dimensions: INSTANCE },
            Period: 60,
            Stat: 'Sum',
          },
        },
      ],
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      Threshold: 1,
      DatapointsToAlarm: 3,
      EvaluationPeriods: 3,
      TreatMissingData: 'ignore',
    },
  },
];

const { template } = aReaper();

describe.each(ALARMS)('$name', ({ name, runbook, condition, properties }) => {
  test('watches what it promises', () => {
    template.hasResourceProperties('AWS::CloudWatch::Alarm', { AlarmName: name, ...properties });
  });

  test('says its condition with the numbers, the first command and the heading in the runbook', () => {
    const [first, command, last, ...rest] = descriptionOf(template, name).split('\n\n');
    expect(first).toContain(condition);
    expect(command).toMatch(/^aws (lambda invoke --function-name \$\{ReaperFunction|logs tail \$\{ReaperLog)/);
    expect(last).toBe(`docs/runbook.md#${runbook}`);
    expect(rest).toEqual([]);
  });

  test('notifies of alarm and recovery', () => {
    const topic = { Ref: Match.stringLikeRegexp('^ReaperAlarmTopic') };
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: name,
      AlarmActions: [topic],
      OKActions: [topic],
      InsufficientDataActions: Match.absent(),
      ActionsEnabled: Match.absent(),
    });
  });
});

test('there are these alarms and no others', () => {
  expect(
    alarmsOf(template)
      .map(({ AlarmName }) => AlarmName)
      .toSorted(),
  ).toEqual(ALARMS.map(({ name }) => name).toSorted());
});

test('every alarm on a metric of ours watches one that the function publishes, by its exact dimensions', () => {
  const { template: manyInstances } = aReaper({ instances: TWO });
  const watched = alarmsOf(manyInstances).flatMap(watchedBy);
  expect(watched.length).toBe(2 + 2 * 5);
  for (const { name, dimensions } of watched) {
    const level = (['instance', 'application', 'role'] as const).find(
      (candidate) =>
        JSON.stringify([...DIMENSIONS[candidate]].toSorted()) === JSON.stringify([...dimensions].toSorted()),
    );
    expect(level, `${name} is published with the dimensions ${dimensions}`).toBeDefined();
    expect(level && Object.keys(METRICS[level])).toContain(name);
  }
});

test('each instance has alarms of its own', () => {
  const names = alarmsOf(aReaper({ instances: TWO }).template).map(({ AlarmName }) => AlarmName);
  for (const kind of ['SlotsNearlyFull', 'ServerFull', 'ReaperNotRunning', 'ReaperBlind']) {
    expect(names).toContain(`ConnectionReaper-orders-${kind}-writer`);
    expect(names).toContain(`ConnectionReaper-orders-${kind}-reader`);
  }
  expect(names.length).toBe(3 + 2 * 4);
});

test('thresholds and their descriptions are as given', () => {
  const given = { slotsNearlyFullPercent: 60, applicationHoggingPercent: 30, roleNearLimitPercent: 75 };
  const { template: strict } = aReaper(given);
  for (const [name, threshold] of [
    ['SlotsNearlyFull-primary', 60],
    ['ApplicationHogging', 30],
    ['RoleNearLimit', 75],
  ] as const) {
    const AlarmName = `ConnectionReaper-orders-${name}`;
    strict.hasResourceProperties('AWS::CloudWatch::Alarm', { AlarmName, Threshold: threshold });
    expect(descriptionOf(strict, AlarmName)).toContain(` >= ${threshold} in 2 of 3 `);
  }
});

test('periods follow the interval, since there is one datapoint a sweep', () => {
  const { template: slow } = aReaper({ interval: Duration.minutes(5) });
  for (const alarm of alarmsOf(slow)) {
    const json = JSON.stringify(alarm);
    expect(json).toMatch(/"Period":300\b/);
    expect(json).not.toMatch(/"Period":(?!300\b)/);
    expect(json).toContain('periods of 5 minutes');
  }
});

test('every command in a description sends what the function takes', () => {
  const payloads = alarmsOf(template).flatMap(
    ({ AlarmName }) => /--payload '([^']+)'/.exec(descriptionOf(template, String(AlarmName)))?.[1] ?? [],
  );
  expect(payloads.length).toBe(6);
  for (const payload of payloads) expect(() => parseEvent(JSON.parse(payload))).not.toThrow();
});

test('descriptions fit into the 1024 characters of CloudWatch, whatever the names', () => {
  const long = 'x'.repeat(64);
  const { template: wordy } = aReaper({ databaseIdentifier: long, instances: [{ name: long, host: 'db.example' }] });
  for (const { AlarmName } of alarmsOf(wordy)) {
    const description = descriptionOf(wordy, String(AlarmName)).replaceAll(/\$\{\w+\}/g, 'x'.repeat(512));
    expect(description.length).toBeLessThanOrEqual(1024);
    expect(String(AlarmName).length).toBeLessThanOrEqual(255);
  }
});

const TWO = [
  { name: 'writer', host: 'writer.example' },
  { name: 'reader', host: 'reader.example' },
];

function alarmsOf(from: Template) {
  return propertiesOf(from, 'AWS::CloudWatch::Alarm');
}

function descriptionOf(from: Template, name: string): string {
  return String(resolved(alarmsOf(from).find(({ AlarmName }) => AlarmName === name)?.['AlarmDescription']));
}

/** A metric of our namespace that an alarm watches. */
interface WatchedMetric {
  readonly name: string;
  readonly dimensions: readonly string[];
}

interface MetricProperties {
  readonly Namespace?: string;
  readonly MetricName?: string;
  readonly Dimensions?: readonly { readonly Name: string }[];
}

interface AlarmProperties extends MetricProperties {
  readonly Metrics?: readonly {
    readonly Expression?: string;
    readonly MetricStat?: { readonly Metric: MetricProperties };
  }[];
}

/** What an alarm watches: one metric, those of a formula, or that of a query. */
function watchedBy(alarm: AlarmProperties): readonly WatchedMetric[] {
  const parts = alarm.Metrics ?? [];
  const metrics = [alarm, ...parts.map(({ MetricStat }) => MetricStat?.Metric ?? {})];
  return [
    ...metrics
      .filter(({ Namespace }) => Namespace === NAMESPACE)
      .map(({ MetricName = '', Dimensions = [] }) => ({
        name: MetricName,
        dimensions: Dimensions.map(({ Name }) => Name),
      })),
    ...parts.flatMap(({ Expression = '' }) => queried(Expression)),
  ];
}

function queried(expression: string): WatchedMetric[] {
  const [, name, schema] = /^SELECT MAX\("(\w+)"\) FROM SCHEMA\("ConnectionReaper", ([^)]+)\)/.exec(expression) ?? [];
  return name && schema ? [{ name, dimensions: schema.split(', ').map((quoted) => quoted.slice(1, -1)) }] : [];
}
