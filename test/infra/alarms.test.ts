import { readFileSync } from 'node:fs';
import { App, Duration } from 'aws-cdk-lib';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, test } from 'vitest';
import { METRIC_ALARMS } from '../../infra/alarms/names.js';
import { MAX_RUNBOOK_URL } from '../../infra/alarms/runbook.js';
import { DIMENSIONS, METRICS, NAMESPACE } from '../../lambda/contract/metrics.js';
import { parseEvent } from '../../lambda/input/event.js';
import { aReaper, aStack, propertiesOf, resolved } from './a-reaper.js';

const PRIMARY = [{ name: 'primary', host: 'db.example', dbInstanceIdentifier: 'orders-1' }];

const TWO = [
  { name: 'writer', host: 'writer.example', dbInstanceIdentifier: 'orders-1' },
  { name: 'reader', host: 'reader.example', dbInstanceIdentifier: 'orders-2' },
];

/** Every alarm there is. */
const ALL = { instances: PRIMARY, alarms: { DatabaseConnections: { threshold: 180 } } };

const LONGEST_RUNBOOK_URL = `https://${'x'.repeat(MAX_RUNBOOK_URL - 8)}`;

const INSTANCE = [
  { Name: 'Database', Value: 'orders' },
  { Name: 'Instance', Value: 'primary' },
];

const ofInstance = (MetricName: string, Statistic: string) => ({
  MetricName,
  Statistic,
  Namespace: NAMESPACE,
  Dimensions: INSTANCE,
});

const queried = (Expression: string) => ({ Metrics: [Match.objectLike({ Expression, ReturnData: true })] });

const memberOf = (MetricName: string, Stat: string) =>
  Match.objectLike({
    ReturnData: false,
    MetricStat: Match.objectLike({ Metric: { MetricName, Namespace: NAMESPACE, Dimensions: INSTANCE }, Stat }),
  });

/** What each alarm watches, whatever its numbers. */
const WATCHED: Readonly<Record<string, object>> = {
  'ServerFull-primary': ofInstance('ServerFull', 'Maximum'),
  'SlotsNearlyFull-primary': ofInstance('SlotsUsedPercent', 'Maximum'),
  'DatabaseConnections-primary': {
    MetricName: 'DatabaseConnections',
    Statistic: 'Maximum',
    Namespace: 'AWS/RDS',
    Dimensions: [{ Name: 'DBInstanceIdentifier', Value: 'orders-1' }],
  },
  ApplicationConnectionsHigh: queried(
    'SELECT MAX("SlotsUsedPercent") FROM SCHEMA("ConnectionReaper", "Database", "Instance", "Application") ' +
      `WHERE "Database" = 'orders' GROUP BY "Application" ORDER BY MAX() DESC`,
  ),
  LeakContinues: queried(
    'SELECT SUM("TerminatedLeaks") FROM SCHEMA("ConnectionReaper", "Database", "Instance", "Application") ' +
      `WHERE "Database" = 'orders' GROUP BY "Application" ORDER BY SUM() DESC`,
  ),
  RoleNearLimit: queried(
    'SELECT MAX("RoleLimitUsedPercent") FROM SCHEMA("ConnectionReaper", "Database", "Role") ' +
      `WHERE "Database" = 'orders' GROUP BY "Role" ORDER BY MAX() DESC`,
  ),
  ReaperFailing: {
    MetricName: 'Errors',
    Statistic: 'Sum',
    Namespace: 'AWS/Lambda',
    Dimensions: [{ Name: 'FunctionName', Value: { Ref: Match.stringLikeRegexp('^ReaperFunction') } }],
  },
  'ReaperNotRunning-primary': ofInstance('SweepsCompleted', 'Sum'),
  'ReaperBlind-primary': {
    Metrics: [
      Match.objectLike({ Expression: 'unreadable + refused', ReturnData: true }),
      memberOf('UnreadableConnections', 'Maximum'),
      memberOf('RefusedTerminations', 'Sum'),
    ],
  },
};

/** The quantity, the threshold, M of N periods, their seconds, and what missing data is. */
type Numbers = readonly [string, sign: string, number, m: number, n: number, seconds: number, missing: string];

const SCHEDULE_TRIGGER: Readonly<Record<string, Numbers>> = {
  'ServerFull-primary': ['ServerFull', '>=', 1, 1, 1, 60, 'ignore'],
  'SlotsNearlyFull-primary': ['SlotsUsedPercent', '>=', 80, 2, 3, 60, 'ignore'],
  'DatabaseConnections-primary': ["RDS's own DatabaseConnections", '>=', 180, 2, 3, 60, 'notBreaching'],
  ApplicationConnectionsHigh: ["an application's SlotsUsedPercent", '>=', 50, 2, 3, 60, 'notBreaching'],
  LeakContinues: ["an application's TerminatedLeaks", '>=', 1, 5, 6, 600, 'notBreaching'],
  RoleNearLimit: ["a role's RoleLimitUsedPercent", '>=', 90, 2, 3, 60, 'notBreaching'],
  ReaperFailing: ["the function's Errors", '>=', 1, 3, 5, 60, 'notBreaching'],
  'ReaperNotRunning-primary': ['SweepsCompleted', '<', 1, 3, 3, 60, 'breaching'],
  'ReaperBlind-primary': ['UnreadableConnections + RefusedTerminations', '>=', 1, 3, 3, 60, 'ignore'],
};

/** Sweeps are few, so each counts; that none comes is no fault, and that they come again is said by the alarm they come from. */
const ALARM_TRIGGER: Readonly<Record<string, Numbers>> = {
  'ServerFull-primary': ['ServerFull', '>=', 1, 1, 1, 300, 'notBreaching'],
  'SlotsNearlyFull-primary': ['SlotsUsedPercent', '>=', 80, 1, 1, 300, 'notBreaching'],
  'DatabaseConnections-primary': ["RDS's own DatabaseConnections", '>=', 180, 2, 3, 60, 'notBreaching'],
  ApplicationConnectionsHigh: ["an application's SlotsUsedPercent", '>=', 50, 1, 1, 300, 'notBreaching'],
  RoleNearLimit: ["a role's RoleLimitUsedPercent", '>=', 90, 1, 1, 300, 'notBreaching'],
  ReaperFailing: ["the function's Errors", '>=', 1, 1, 1, 300, 'notBreaching'],
  'ReaperBlind-primary': ['UnreadableConnections + RefusedTerminations', '>=', 1, 1, 1, 300, 'notBreaching'],
};

const IN_WORDS: Readonly<Record<string, string>> = {
  ignore: 'keeps its state',
  notBreaching: 'is OK',
  breaching: 'is in ALARM',
};

describe.each([
  { trigger: 'schedule', alarms: SCHEDULE_TRIGGER },
  { trigger: 'alarm', alarms: ALARM_TRIGGER },
] as const)('with trigger: $trigger', ({ trigger, alarms }) => {
  const { template } = aReaper({ ...ALL, trigger });

  describe.each(Object.entries(alarms))('%s', (name, [quantity, sign, threshold, m, n, seconds, missing]) => {
    const AlarmName = `ConnectionReaper-orders-${name}`;

    test('has the window, threshold and missing data that its description says', () => {
      template.hasResourceProperties('AWS::CloudWatch::Alarm', {
        AlarmName,
        ...WATCHED[name],
        ComparisonOperator: sign === '<' ? 'LessThanThreshold' : 'GreaterThanOrEqualToThreshold',
        Threshold: threshold,
        DatapointsToAlarm: m,
        EvaluationPeriods: n,
        TreatMissingData: missing,
      });
      expect(periodsOf(alarmOf(template, AlarmName))).toEqual([seconds]);
    });

    test('says its numbers, what silence means, the first command, and the heading in the runbook', () => {
      const [condition, evaluation, command, link, ...rest] = descriptionOf(template, AlarmName).split('\n\n');
      const subject = name.endsWith('-primary') ? 'orders/primary' : 'orders';
      const period = { 60: '1 minute', 300: '5 minutes', 600: '10 minutes' }[seconds];
      expect(condition).toContain(
        `${subject}: ${quantity} ${sign} ${threshold} in ${m} of ${n} periods of ${period}. `,
      );
      const silent = JSON.stringify(alarmOf(template, AlarmName)).includes('GROUP BY') ? 'a contributor' : 'it';
      expect(evaluation).toMatch(
        new RegExp(`^Without data ${silent} ${IN_WORDS[missing]}, since [^.]+\\. (One|Two|Three|Five) `),
      );
      expect(command).toMatch(/^aws (lambda invoke --function-name \$\{ReaperFunction|logs tail \$\{ReaperLog)/);
      expect(link).toBe(
        `Runbook: docs/runbook.md in the package connection-reaper, heading ${name.replace('-primary', '')}.`,
      );
      expect(rest).toEqual([]);
    });

    test('notifies of alarm and recovery, and of nothing else', () => {
      const topic = { Ref: Match.stringLikeRegexp('^ReaperAlarmTopic') };
      template.hasResourceProperties('AWS::CloudWatch::Alarm', {
        AlarmName,
        AlarmActions: Match.arrayWith([topic]),
        OKActions: [topic],
        InsufficientDataActions: Match.absent(),
        ActionsEnabled: Match.absent(),
      });
    });
  });

  test('there are these alarms and no others that notify', () => {
    const names = alarmsOf(template).map(({ AlarmName }) => String(AlarmName));
    expect(names.filter((name) => !name.includes('SweepAgain')).toSorted()).toEqual(
      Object.keys(alarms)
        .map((name) => `ConnectionReaper-orders-${name}`)
        .toSorted(),
    );
  });

  test('every command in a description sends what the function takes', () => {
    const payloads = [...alarmsOf(template), ...propertiesOf(template, 'AWS::CloudWatch::CompositeAlarm')].flatMap(
      ({ AlarmDescription }) => /--payload '([^']+)'/.exec(String(resolved(AlarmDescription)))?.[1] ?? [],
    );
    // All but ReaperFailing, and ConnectionsCritical.
    expect(payloads.length).toBe(Object.keys(alarms).length);
    for (const payload of payloads) expect(() => parseEvent(JSON.parse(payload))).not.toThrow();
  });

  test.each([
    [55, false],
    [56, true],
  ])('commands wait for a run of %i s themselves, rather than start another one after 60: %s', (seconds, waits) => {
    const { template: slow } = aReaper({
      ...ALL,
      trigger,
      interval: Duration.minutes(5),
      timeout: Duration.seconds(seconds),
    });
    const commands = JSON.stringify(resolved(slow.toJSON())).match(/aws lambda invoke .*? answer\.json/g) ?? [];
    // As many as the descriptions have, and one on the dashboard.
    expect(commands.length).toBe(Object.keys(alarms).length + 1);
    for (const command of commands) expect(command.includes(' --cli-read-timeout 0 '), command).toBe(waits);
  });

  test('descriptions end in the address of the runbook that is given', () => {
    const runbookUrl = 'https://wiki.example/x?page=reaper';
    const { template: ours } = aReaper({ ...ALL, trigger, runbookUrl });
    const made = [...alarmsOf(ours), ...propertiesOf(ours, 'AWS::CloudWatch::CompositeAlarm')];
    expect(made.length).toBe(alarmsOf(template).length + 1);
    for (const { AlarmName, AlarmDescription } of made) {
      const [, kind = ''] = /^ConnectionReaper-orders-(\w+)/.exec(String(AlarmName)) ?? [];
      const heading = kind === 'SweepAgain' ? 'databaseconnections' : kind.toLowerCase();
      expect(String(resolved(AlarmDescription)).endsWith(`\n\n${runbookUrl}#${heading}`), String(AlarmName)).toBe(true);
    }
  });

  test('descriptions fit into the 1024 characters of CloudWatch, whatever the names', () => {
    const long = 'x'.repeat(64);
    const { template: wordy } = aReaper({
      databaseLabel: long,
      instances: [{ name: long, host: 'db.example', dbInstanceIdentifier: 'x'.repeat(63) }],
      trigger,
      interval: Duration.minutes(29),
      timeout: Duration.minutes(14),
      runbookUrl: LONGEST_RUNBOOK_URL,
      alarms: { DatabaseConnections: { threshold: 262_143 } },
    });
    const made = [...alarmsOf(wordy), ...propertiesOf(wordy, 'AWS::CloudWatch::CompositeAlarm')];
    expect(made.length).toBe(alarmsOf(template).length + 1);
    for (const { AlarmName, AlarmDescription } of made) {
      // CloudFormation names what has no name after the stack (128 characters), its logical id (255) and 12 of its own.
      const description = String(resolved(AlarmDescription))
        .replaceAll(/\$\{ReaperFunction\w+\}/g, 'x'.repeat(64))
        .replaceAll(/\$\{ReaperLog\w+\}/g, 'x'.repeat(128 + 1 + 255 + 1 + 12));
      expect(description).not.toContain('${');
      expect(description.length).toBeLessThanOrEqual(1024);
      expect(String(AlarmName).length).toBeLessThanOrEqual(255);
    }
  });
});

test.each([
  'docs/runbook.md',
  'https://wiki.example/runbook#top',
  'https://wiki.example/a b',
  `${LONGEST_RUNBOOK_URL}x`,
])('fails when %s is to be the address of the runbook', (runbookUrl) => {
  expect(() => aReaper({ runbookUrl })).toThrow(
    /\n- runbookUrl: expected an address that begins with https:\/\/ or http:\/\/, has no blanks and no #, and 150 char/,
  );
});

test('the runbook has a heading for every alarm, the most urgent first, and for no other', () => {
  const headings = [...RUNBOOK.matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
  expect(headings).toEqual(['ConnectionsCritical', ...METRIC_ALARMS]);
});

test('every alarm on a metric of ours watches one that the function publishes, by its exact dimensions', () => {
  const watched = alarmsOf(aReaper({ ...ALL, instances: TWO }).template).flatMap(watchedBy);
  expect(watched.length).toBe(3 + 2 * 5);
  for (const { name, dimensions } of watched) {
    const level = (['instance', 'application', 'role'] as const).find(
      (candidate) =>
        JSON.stringify([...DIMENSIONS[candidate]].toSorted()) === JSON.stringify([...dimensions].toSorted()),
    );
    expect(level, `${name} is published with the dimensions ${dimensions}`).toBeDefined();
    expect(level && Object.keys(METRICS[level])).toContain(name);
  }
});

test('each instance has alarms of its own, which are found by name', () => {
  const { reaper, template } = aReaper({ ...ALL, instances: TWO });
  const names = alarmsOf(template).map(({ AlarmName }) => AlarmName);
  for (const kind of [
    'ServerFull',
    'SlotsNearlyFull',
    'DatabaseConnections',
    'ReaperNotRunning',
    'ReaperBlind',
  ] as const) {
    expect(names).toContain(`ConnectionReaper-orders-${kind}-writer`);
    expect(names).toContain(`ConnectionReaper-orders-${kind}-reader`);
    expect(reaper.alarms.byName[kind].length).toBe(2);
  }
  for (const kind of ['ApplicationConnectionsHigh', 'LeakContinues', 'RoleNearLimit', 'ReaperFailing'] as const) {
    expect(names).toContain(`ConnectionReaper-orders-${kind}`);
    expect(reaper.alarms.byName[kind].length).toBe(1);
  }
  expect(names.length).toBe(5 * 2 + 4);
  expect(reaper.alarms.all.length).toBe(names.length + 1);
  expect(reaper.alarms.all[0]).toBe(reaper.alarms.page);
});

test('periods follow the interval, save for what does not come from sweeps, or needs them longer', () => {
  const { template } = aReaper({ ...ALL, interval: Duration.minutes(5) });
  for (const alarm of alarmsOf(template)) {
    const [, seconds] = Object.entries({ DatabaseConnections: 60, LeakContinues: 600 }).find(([name]) =>
      String(alarm['AlarmName']).includes(name),
    ) ?? ['', 300];
    expect(periodsOf(alarm)).toEqual([seconds]);
  }
});

test.each([
  ['by default', {}, 18],
  ['with a longer interval', { interval: Duration.minutes(10) }, 45],
  [
    'with a window of its own',
    { alarms: { ReaperNotRunning: { period: Duration.minutes(5), evaluationPeriods: 1 } } },
    20,
  ],
  [
    'with the longest window',
    { alarms: { ReaperNotRunning: { period: Duration.hours(1), evaluationPeriods: 168 } } },
    2880,
  ],
])('ReaperNotRunning alone waits %s for the first sweeps of a deployment', (_, props, minutes) => {
  const { template } = aReaper({ ...props, instances: PRIMARY });
  const waiting = alarmsOf(template).filter((alarm) => 'WarmUpConfiguration' in alarm);
  expect(waiting.map(({ AlarmName, WarmUpConfiguration }) => [AlarmName, WarmUpConfiguration])).toEqual([
    ['ConnectionReaper-orders-ReaperNotRunning-primary', { WarmUpPeriodDurationInMinutes: minutes }],
  ]);
});

test('LeakContinues looks back three hours at most, also with the longest interval', () => {
  const { template } = aReaper({ interval: Duration.minutes(30) });
  const leak = alarmOf(template, 'ConnectionReaper-orders-LeakContinues');
  expect(periodsOf(leak)).toEqual([1800]);
  expect(Number(leak['EvaluationPeriods']) * 1800).toBe(3 * 3600);
});

describe('the alarms that start a sweep', () => {
  test.each([
    ['schedule', ['DatabaseConnections-primary', 'SlotsNearlyFull-primary']],
    ['alarm', ['DatabaseConnections-primary', 'SweepAgain-primary']],
  ] as const)('are, with trigger: %s, %j', (trigger, expected) => {
    const { template } = aReaper({ ...ALL, trigger });
    const invoking = alarmsOf(template).filter(({ AlarmActions }) =>
      (resolved(AlarmActions) as string[]).some((action) => /^\$\{ReaperFunction\w+\.Arn\}$/.test(action)),
    );
    expect(
      invoking.map(({ AlarmName }) => String(AlarmName).slice('ConnectionReaper-orders-'.length)).toSorted(),
    ).toEqual(expected);
    for (const { OKActions = [] } of invoking) expect(JSON.stringify(OKActions)).not.toContain('Function');
  });

  test('are allowed to, each by itself, also in an app without the feature flags of CDK', () => {
    const { template } = aReaper(ALL, aStack(new App({ builtinCloudFormationValidation: false })));
    const permissions = propertiesOf(template, 'AWS::Lambda::Permission').map(resolved);
    expect(permissions).toEqual(
      ['SlotsNearlyFull', 'DatabaseConnections'].map((name) => ({
        Action: 'lambda:InvokeFunction',
        FunctionName: expect.stringMatching(/^\$\{ReaperFunction\w+\.Arn\}$/),
        Principal: 'lambda.alarms.cloudwatch.amazonaws.com',
        SourceAccount: expect.stringMatching(/^\$\{AWS::AccountId\}$/),
        SourceArn: expect.stringMatching(new RegExp(`^\\$\\{ReaperAlarms${name}primary\\w+\\.Arn\\}$`)),
      })),
    );
  });
});

describe('an override', () => {
  test('sets the threshold, the window and the description of an alarm', () => {
    const { template } = aReaper({
      alarms: {
        SlotsNearlyFull: {
          threshold: 60,
          period: Duration.minutes(10),
          evaluationPeriods: 6,
          datapointsToAlarm: 4,
        },
      },
    });
    const AlarmName = 'ConnectionReaper-orders-SlotsNearlyFull-primary';
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName,
      Threshold: 60,
      Period: 600,
      EvaluationPeriods: 6,
      DatapointsToAlarm: 4,
    });
    const [condition, evaluation] = descriptionOf(template, AlarmName).split('\n\n');
    expect(condition).toContain(' >= 60 in 4 of 6 periods of 10 minutes. ');
    // Why it was two of three is no reason for what was chosen instead.
    expect(evaluation).toBe('Without data it keeps its state, since a sweep that failed says nothing about slots.');
  });

  test('of evaluationPeriods alone never leaves more datapoints to ask for than there are', () => {
    const { template } = aReaper({ alarms: { ReaperFailing: { evaluationPeriods: 2 } } });
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'ConnectionReaper-orders-ReaperFailing',
      EvaluationPeriods: 2,
      DatapointsToAlarm: 2,
    });
  });

  test('replaces the notification by other actions, and the recovery by none', () => {
    const { template } = aReaper(({ stack }) => ({
      alarms: { SlotsNearlyFull: { actions: [new SnsAction(Topic.fromTopicArn(stack, 'Other', OTHER_TOPIC))] } },
    }));
    const alarm = alarmOf(template, 'ConnectionReaper-orders-SlotsNearlyFull-primary');
    expect(resolved(alarm['AlarmActions'])).toEqual([OTHER_TOPIC, expect.stringMatching(/ReaperFunction/)]);
    expect(alarm['OKActions']).toBeUndefined();
  });

  test('sets what happens on recovery by itself', () => {
    const { template } = aReaper(({ stack }) => ({
      alarms: { RoleNearLimit: { okActions: [new SnsAction(Topic.fromTopicArn(stack, 'Other', OTHER_TOPIC))] } },
    }));
    const alarm = alarmOf(template, 'ConnectionReaper-orders-RoleNearLimit');
    expect(resolved(alarm['AlarmActions'])).toEqual([expect.stringMatching(/ReaperAlarmTopic/)]);
    expect(alarm['OKActions']).toEqual([OTHER_TOPIC]);
  });

  test.each(METRIC_ALARMS)('leaves %s out, and nothing else', (name) => {
    const full = aReaper(ALL);
    const { reaper, template } = aReaper({ ...ALL, alarms: { ...ALL.alarms, [name]: false } });
    expect(reaper.alarms.byName[name]).toEqual([]);
    expect(alarmsOf(template).length).toBe(alarmsOf(full.template).length - 1);
    expect(JSON.stringify(alarmsOf(template))).not.toContain(`-${name}`);
  });
});

const OTHER_TOPIC = 'arn:aws:sns:eu-central-1:123456789012:other';

const RUNBOOK = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');

function alarmsOf(from: Template) {
  return propertiesOf(from, 'AWS::CloudWatch::Alarm');
}

function alarmOf(from: Template, name: string) {
  const found = alarmsOf(from).find(({ AlarmName }) => AlarmName === name);
  if (found === undefined) throw new Error(`there is no alarm ${name}`);
  return found;
}

function descriptionOf(from: Template, name: string): string {
  return String(resolved(alarmOf(from, name)['AlarmDescription']));
}

/** Every period that an alarm names, once each. */
function periodsOf(alarm: object): readonly number[] {
  return [...new Set([...JSON.stringify(alarm).matchAll(/"Period":(\d+)/g)].map(([, seconds]) => Number(seconds)))];
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
    ...parts.flatMap(({ Expression = '' }) => queriedBy(Expression)),
  ];
}

function queriedBy(expression: string): WatchedMetric[] {
  const [, name, schema] =
    /^SELECT (?:MAX|SUM)\("(\w+)"\) FROM SCHEMA\("ConnectionReaper", ([^)]+)\)/.exec(expression) ?? [];
  return name && schema ? [{ name, dimensions: schema.split(', ').map((quoted) => quoted.slice(1, -1)) }] : [];
}
