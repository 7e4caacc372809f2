import { describe, expect, test } from 'vitest';
import type { Observation } from '../../demo/cloudwatch/observation.js';
import { timeline } from '../support/cloudwatch/alarm-history.js';
import { type AlarmResource, evaluateAlarms } from '../support/cloudwatch/evaluate-alarms.js';

const START = Date.UTC(2026, 0, 5, 10);

const METRIC = { Namespace: 'Ns', MetricName: 'Used', Dimensions: [{ Name: 'Host', Value: 'h' }] };

type Properties = Readonly<Record<string, unknown>>;

function anAlarm(overrides: Properties = {}, logicalId = 'Alarm'): AlarmResource {
  const properties = {
    AlarmName: 'alarm',
    ...METRIC,
    Statistic: 'Maximum',
    Period: 60,
    ComparisonOperator: 'GreaterThanThreshold',
    Threshold: 4,
    EvaluationPeriods: 1,
    ...overrides,
  };
  return { logicalId, type: 'AWS::CloudWatch::Alarm', properties };
}

/** An alarm on `Metrics` instead of one metric. */
function aMathAlarm(Metrics: readonly Properties[], overrides: Properties = {}): AlarmResource {
  const {
    Namespace: _,
    MetricName: __,
    Dimensions: ___,
    Statistic: ____,
    Period: _____,
    ...rest
  } = anAlarm().properties;
  return { ...anAlarm(), properties: { ...rest, Metrics, ...overrides } };
}

function aComposite(AlarmRule: string, overrides: Properties = {}, logicalId = 'Composite'): AlarmResource {
  const properties = { AlarmName: 'composite', AlarmRule, ...overrides };
  return { logicalId, type: 'AWS::CloudWatch::CompositeAlarm', properties };
}

function anObservation(value: number, seconds: number, overrides: Partial<Observation> = {}): Observation {
  const timestamp = START + seconds * 1000;
  return {
    timestamp,
    namespace: 'Ns',
    metricName: 'Used',
    dimensions: { Host: 'h' },
    value,
    unit: 'Count',
    ...overrides,
  };
}

/** One observation a digit, one digit a minute. */
function used(values: string, overrides: Partial<Observation> = {}): Observation[] {
  return [...values].flatMap((value, minute) =>
    value === '-' ? [] : [anObservation(Number(value), minute * 60, overrides)],
  );
}

function history(alarms: readonly AlarmResource[], observations: readonly Observation[], minutes = 6, name = 'alarm') {
  const found = evaluateAlarms(alarms, observations, { start: START, minutes }).get(name);
  if (found === undefined) throw new Error(`no alarm is called ${name}`);
  return found;
}

const states = (alarm: AlarmResource, observations: readonly Observation[], minutes = 6) =>
  timeline(history([alarm], observations, minutes).states);

describe('an alarm selects', () => {
  test.each<[string, Partial<Observation>, string]>([
    ['its metric', {}, 'A'],
    ['no other metric', { metricName: 'used' }, '?'],
    ['no other namespace', { namespace: 'AWS/Ns' }, '?'],
    ['no other value of a dimension', { dimensions: { Host: 'H' } }, '?'],
    ['no smaller dimension set', { dimensions: {} }, '?'],
    ['no larger dimension set', { dimensions: { Host: 'h', Role: 'r' } }, '?'],
    ['no other dimension', { dimensions: { host: 'h' } }, '?'],
  ])('%s', (_, observation, want) => {
    expect(states(anAlarm(), [anObservation(5, 0, observation)], 1)).toBe(want);
  });

  test.each([
    ['with its start', 60, 'OA'],
    ['with its last moment', 59.999, 'AA'],
    ['without its end', 120, 'OO'],
  ])('a period %s', (_, seconds, want) => {
    const alarm = anAlarm({ TreatMissingData: 'notBreaching' });
    expect(states(alarm, [anObservation(5, seconds)], 2)).toBe(want);
  });

  test('only its unit, where it has one', () => {
    expect(states(anAlarm({ Unit: 'Count' }), used('5'), 1)).toBe('A');
    expect(states(anAlarm({ Unit: 'Percent' }), used('5'), 1)).toBe('?');
  });
});

test.each([
  ['Maximum', 4],
  ['Minimum', 1],
  ['Sum', 8],
  ['Average', 8 / 3],
  ['SampleCount', 3],
])('%s of 1, 4 and 3 within a period is %d', (Statistic, worth) => {
  const observations = [anObservation(1, 1), anObservation(4, 20), anObservation(3, 59)];
  const equals = (Threshold: number) =>
    ['GreaterThanOrEqualToThreshold', 'LessThanOrEqualToThreshold'].map((ComparisonOperator) =>
      states(anAlarm({ Statistic, Threshold, ComparisonOperator }), observations, 1),
    );
  expect(equals(worth)).toEqual(['A', 'A']);
});

test.each([
  ['GreaterThanThreshold', 'OOA'],
  ['GreaterThanOrEqualToThreshold', 'OAA'],
  ['LessThanThreshold', 'AOO'],
  ['LessThanOrEqualToThreshold', 'AAO'],
])('%s 4, of 3, 4 and 5, is %s', (ComparisonOperator, want) => {
  expect(states(anAlarm({ ComparisonOperator }), used('345'), 3)).toBe(want);
});

describe('periods longer than a minute', () => {
  /** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html */
  test('slide: at the end of minute 5 minutes 1 to 5 count, at the end of minute 6 minutes 2 to 6', () => {
    const alarm = anAlarm({ Period: 300, Statistic: 'Sum', Threshold: 4 });
    expect(states(alarm, used('5000000000'), 7)).toBe('AAAAAOO');
  });

  test('are compared one with the other', () => {
    const alarm = anAlarm({ Period: 120, Statistic: 'Sum', Threshold: 5, EvaluationPeriods: 2 });
    expect(states(alarm, used('3333330000'), 10)).toBe('OOOAAAOOOO');
  });
});

test('data that comes late counts late', () => {
  const span = { start: START, minutes: 5, lateSeconds: 60 };
  const [late] = evaluateAlarms([anAlarm()], used('0550'), span).values();
  expect(timeline(late?.states ?? [])).toBe('?OAAO');
});

describe('M of N', () => {
  test('is N of N unless M is given', () => {
    expect(states(anAlarm({ EvaluationPeriods: 3 }), used('055550'))).toBe('OOOAAO');
    expect(states(anAlarm({ EvaluationPeriods: 3, DatapointsToAlarm: 2 }), used('050505'))).toBe(
      'OOOAOA'.replace('OOOAOA', 'OOOAOA'),
    );
  });
});

describe('silence', () => {
  test.each([
    ['missing', 'AAA?'],
    ['ignore', 'AAAA'],
    ['breaching', 'AAAA'],
    ['notBreaching', 'AAAO'],
    [undefined, 'AAA?'],
  ])('treated as %s', (TreatMissingData, want) => {
    expect(states(anAlarm({ TreatMissingData }), used('5---'), 4)).toBe(want);
  });
});

describe('actions', () => {
  const actions = { AlarmActions: ['page'], OKActions: ['relax'], InsufficientDataActions: ['worry'] };
  const observations = used('0550---');

  test('happen on changes of state only', () => {
    const { transitions } = history([anAlarm(actions)], observations, 7);
    expect(transitions).toEqual([
      { minute: 0, from: 'INSUFFICIENT_DATA', to: 'OK', actions: ['relax'] },
      { minute: 1, from: 'OK', to: 'ALARM', actions: ['page'] },
      { minute: 3, from: 'ALARM', to: 'OK', actions: ['relax'] },
      { minute: 6, from: 'OK', to: 'INSUFFICIENT_DATA', actions: ['worry'] },
    ]);
  });

  test('do not happen while they are turned off', () => {
    const { transitions } = history([anAlarm({ ...actions, ActionsEnabled: false })], observations, 7);
    expect(transitions.flatMap((transition) => transition.actions)).toEqual([]);
  });
});

describe('metric math', () => {
  const stat = (Id: string, MetricName: string, Period = 60) => ({
    Id,
    ReturnData: false,
    MetricStat: { Metric: { ...METRIC, MetricName }, Stat: 'Maximum', Period },
  });

  test('watches what an expression makes of metrics and other expressions', () => {
    const alarm = aMathAlarm([
      stat('used', 'Used'),
      stat('spare', 'Spare'),
      { Id: 'both', Expression: 'used + spare', ReturnData: false },
      { Id: 'watched', Expression: 'both * 2', ReturnData: true },
    ]);
    const observations = [...used('0120'), ...used('0120', { metricName: 'Spare' })];
    expect(states(alarm, observations, 4)).toBe('OOAO');
  });

  test('knows the time of each datapoint', () => {
    const alarm = aMathAlarm([
      stat('m', 'Used'),
      { Id: 'e', Expression: 'IF(EPOCH(m) - FLOOR(EPOCH(m) / 240) * 240 == 180, 0, m)' },
    ]);
    expect(states(alarm, used('555555'))).toBe('AAAOAA');
  });

  test.each<[string, readonly Properties[], RegExp]>([
    ['an id is unknown', [stat('m', 'Used'), { Id: 'e', Expression: 'm + n' }], /no entry of Metrics has the Id n/],
    ['ids go round in a circle', [stat('m', 'Used'), { Id: 'e', Expression: 'e + m' }], /made from itself/],
    ['two entries have one id', [stat('m', 'Used'), stat('m', 'Used'), { Id: 'e', Expression: 'm' }], /the same Id/],
    ['an id begins with a capital', [{ Id: 'E', Expression: 'm' }], /Invalid format/],
    ['nothing is watched', [stat('m', 'Used')], /watches exactly one entry/],
    [
      'two entries are watched',
      [
        { Id: 'e', Expression: 'm' },
        { Id: 'f', Expression: 'm' },
      ],
      /watches exactly one/,
    ],
    ['an entry is empty', [{ Id: 'e' }], /either an Expression or a MetricStat/],
    [
      'periods differ',
      [stat('m', 'Used'), stat('n', 'Used', 120), { Id: 'e', Expression: 'm+n' }],
      /one period, got 60 and 120 s/,
    ],
    ['no metric is in it', [{ Id: 'e', Expression: '1 + 1' }], /takes 1 to 10 metrics, got 0/],
    [
      'it is a SEARCH',
      [stat('m', 'Used'), { Id: 'e', Expression: "FLOOR(SEARCH('{AWS/RDS} x', 'Sum', 60))" }],
      /no alarm of a SEARCH/,
    ],
  ])('fails when %s', (_, metrics, message) => {
    expect(() => states(aMathAlarm(metrics), [])).toThrow(message);
  });

  test('fails when there are more than ten metrics', () => {
    const metrics = Array.from({ length: 11 }, (_, index) => stat(`m${index}`, 'Used'));
    expect(() => states(aMathAlarm([...metrics, { Id: 'e', Expression: 'm0 + m1' }]), [])).toThrow(/got 11/);
  });
});

describe('composite alarms', () => {
  // What `resolved` puts in place of references.
  const [REF, ARN] = ['Alarm', 'Alarm.Arn'].map((name) => `\${${name}}`);
  const alarm = anAlarm();

  test.each(['alarm', REF, ARN])('know an alarm as %s', (reference) => {
    const composite = aComposite(`ALARM("${reference}")`, { AlarmActions: ['page'] });
    const { states: found, transitions } = history([composite, alarm], used('0550'), 4, 'composite');
    expect(timeline(found)).toBe('OAAO');
    expect(transitions).toContainEqual({ minute: 1, from: 'OK', to: 'ALARM', actions: ['page'] });
  });

  test('may be made of others', () => {
    const inner = aComposite('ALARM(alarm)', { AlarmName: 'inner' }, 'Inner');
    const outer = aComposite('NOT ALARM(inner)', { AlarmName: 'outer' }, 'Outer');
    expect(timeline(history([outer, inner, alarm], used('0550'), 4, 'outer').states)).toBe('AOOA');
  });

  test('have insufficient data only before their first evaluation', () => {
    const composite = aComposite('INSUFFICIENT_DATA(alarm)');
    expect(timeline(history([composite, alarm], [], 2, 'composite').states)).toBe('AA');
    expect(timeline(history([aComposite('OK(alarm)'), alarm], [], 2, 'composite').states)).toBe('OO');
  });

  test('fail when an alarm is unknown, or they go round in a circle', () => {
    expect(() => history([aComposite('ALARM(nobody)'), alarm], [])).toThrow('no alarm is called nobody');
    expect(() => history([aComposite('ALARM(composite)')], [])).toThrow(/go round in a circle/);
  });

  test('fail when they have what is not modelled', () => {
    expect(() => history([aComposite('TRUE', { ActionsSuppressor: 'alarm' })], [])).toThrow(/ActionsSuppressor/);
  });
});

const aWarmUp = (WarmUpPeriodDurationInMinutes: number, OnlyStartEvaluatingAfterWarmUpPeriodEnds = false) => ({
  WarmUpPeriodDurationInMinutes,
  OnlyStartEvaluatingAfterWarmUpPeriodEnds,
});

describe('a warm-up', () => {
  const warming = (...warmUp: Parameters<typeof aWarmUp>) =>
    anAlarm({ EvaluationPeriods: 2, TreatMissingData: 'breaching', WarmUpConfiguration: aWarmUp(...warmUp) });

  test.each([
    ['keeps a new alarm from being evaluated for its minutes', warming(3), '------', '???AAA'],
    ['ends as soon as there are datapoints for all evaluation periods', warming(5), '-11111', '??OOOO'],
    ['does not end for datapoints that are apart', warming(5), '1-1-11', '?????O'],
    ['lasts to its end where it is told so', warming(4, true), '111111', '????OO'],
    ['does not begin again', warming(3), '11----', '?OOOOA'],
  ])('%s', (_, alarm, values, want) => {
    expect(states(alarm, used(values))).toBe(want);
  });

  test('fails on an alarm with contributors, where it is not modelled', () => {
    const Expression = 'SELECT MAX("Used") FROM SCHEMA("Ns", "Host") GROUP BY "Host" ORDER BY MAX() DESC';
    const alarm = aMathAlarm([{ Id: 'q', Expression, Period: 60 }], { WarmUpConfiguration: aWarmUp(3) });
    expect(() => states(alarm, [])).toThrow('a warm-up of an alarm with contributors is not modelled');
  });
});

describe('fails when', () => {
  test.each<[string, Properties, RegExp]>([
    ['a property is unknown', { EvaluationWindow: {} }, /EvaluationWindow/],
    ['a warm-up has no time', { WarmUpConfiguration: {} }, /WarmUpPeriodDurationInMinutes/],
    ['a warm-up is longer than two days', { WarmUpConfiguration: aWarmUp(2881) }, /<=2880 but received 2881/],
    ['a statistic is not modelled', { Statistic: 'p99' }, /Maximum.*but received "p99"/],
    [
      'a comparison is not modelled',
      { ComparisonOperator: 'GreaterThanUpperThreshold' },
      /GreaterThanThreshold.*received/,
    ],
    ['a treatment of missing data is unknown', { TreatMissingData: 'not_breaching' }, /received "not_breaching"/],
    ['a period is shorter than a minute', { Period: 30 }, />=60 but received 30/],
    ['a period is no whole minutes', { Period: 90 }, /received 90/],
    ['more datapoints must breach than count', { DatapointsToAlarm: 2 }, /2 of 1 datapoints can never breach/],
    ['it looks back more than a day', { EvaluationPeriods: 1441 }, /over 86460 s is not modelled/],
    ['a reference was not replaced', { MetricName: { Ref: 'X' } }, /Expected string but received Object/],
  ])('%s', (_, overrides, message) => {
    expect(() => states(anAlarm(overrides), [])).toThrow(message);
  });
});
