import { describe, expect, test } from 'vitest';
import type { Observation } from '../../demo/cloudwatch/observation.js';
import { timeline } from '../support/cloudwatch/alarm-history.js';
import { evaluateAlarms } from '../support/cloudwatch/evaluate-alarms.js';

const START = Date.UTC(2026, 0, 5, 10);

const QUERY = `SELECT MAX("Used") FROM SCHEMA("Ns", "Role", "Host") GROUP BY "Host" ORDER BY MAX() DESC`;

function anAlarm(expression: string, overrides: Readonly<Record<string, unknown>> = {}) {
  return {
    logicalId: 'Alarm',
    type: 'AWS::CloudWatch::Alarm',
    properties: {
      AlarmName: 'alarm',
      Metrics: [{ Id: 'q', Expression: expression, Period: 60 }],
      ComparisonOperator: 'GreaterThanThreshold',
      Threshold: 0,
      EvaluationPeriods: 2,
      TreatMissingData: 'notBreaching',
      ...overrides,
    },
  } as const;
}

/** One observation of metric `Used` a digit, one digit a minute; nothing is published where there is none. */
function used(values: string, dimensions: Record<string, string>, overrides: Partial<Observation> = {}): Observation[] {
  return [...values].flatMap((value, minute) => {
    if (value === '-') return [];
    const timestamp = START + minute * 60_000 + 5_000;
    return {
      timestamp,
      namespace: 'Ns',
      metricName: 'Used',
      dimensions,
      value: Number(value),
      unit: 'None',
      ...overrides,
    };
  });
}

function history(observations: readonly Observation[], alarm = anAlarm(QUERY), minutes = 8) {
  const found = evaluateAlarms([alarm], observations, { start: START, minutes }).get('alarm');
  if (found === undefined) throw new Error('no such alarm');
  const contributors = [...found.contributors].map(([name, states]) => [name, timeline(states)] as const);
  return { ...found, alarm: timeline(found.states), contributors: Object.fromEntries(contributors) };
}

describe('contributors', () => {
  test('have a state each, and the alarm that of the worst', () => {
    const { alarm, contributors } = history([
      ...used('00000000', { Role: 'r', Host: 'calm' }),
      ...used('00111100', { Role: 'r', Host: 'busy' }),
    ]);
    expect(contributors).toEqual({ calm: 'OOOOOOOO', busy: 'OOOAAAOO' });
    expect(alarm).toBe('OOOAAAOO');
  });

  test('join with their first datapoint, and leave when the range has none of theirs', () => {
    const { contributors, transitions } = history([
      ...used('00000000', { Role: 'r', Host: 'old' }),
      ...used('--11----', { Role: 'r', Host: 'new' }),
    ]);
    expect(contributors['new']).toBe('--OAAAO-');
    expect(transitions.map(({ minute, contributor, to }) => [minute, contributor, to])).toEqual([
      [3, 'new', 'ALARM'],
      [6, 'new', 'OK'],
    ]);
  });

  test('leave as OK even where missing data breaches', () => {
    const alarm = anAlarm(QUERY, { TreatMissingData: 'breaching' });
    const { contributors, transitions } = history(
      [...used('00000000', { Role: 'r', Host: 'old' }), ...used('-11-----', { Role: 'r', Host: 'new' })],
      alarm,
    );
    expect(contributors['new']).toBe('-AAAAA--');
    expect(transitions.at(-1)).toMatchObject({ minute: 6, contributor: 'new', to: 'OK' });
  });

  test('come back as new ones', () => {
    const alarm = anAlarm(QUERY, { TreatMissingData: 'ignore' });
    const { contributors } = history(used('11-----1', { Role: 'r', Host: 'h' }), alarm);
    expect(contributors).toEqual({ h: 'OAAAA--O' });
  });

  test('leave the alarm with INSUFFICIENT_DATA when there are none', () => {
    expect(history(used('--0-----', { Role: 'r', Host: 'h' })).alarm).toBe('??OOOO??');
  });

  test('take what is published of several metrics together', () => {
    const both = [...used('1', { Role: 'a', Host: 'h' }), ...used('3', { Role: 'b', Host: 'h' })];
    const inAlarm = (aggregate: string, Threshold: number) =>
      history(
        both,
        anAlarm(QUERY.replace('MAX("', `${aggregate}("`), {
          Threshold,
          EvaluationPeriods: 1,
          ComparisonOperator: 'GreaterThanOrEqualToThreshold',
        }),
        1,
      ).alarm;
    for (const [aggregate, worth] of Object.entries({ MAX: 3, MIN: 1, SUM: 4, AVG: 2, COUNT: 2 })) {
      expect([inAlarm(aggregate, worth), inAlarm(aggregate, worth + 1)], aggregate).toEqual(['A', 'O']);
    }
  });

  test('are named by all the labels of GROUP BY', () => {
    const alarm = anAlarm(QUERY.replace('GROUP BY "Host"', 'GROUP BY "Role", "Host"'));
    expect(history(used('0', { Role: 'r', Host: 'h' }), alarm, 1).contributors).toEqual({ 'r h': 'O' });
  });
});

describe('a query selects', () => {
  const selects = (observation: Partial<Observation>, expression = QUERY) =>
    Object.keys(history(used('1', { Role: 'r', Host: 'h' }, observation), anAlarm(expression), 1).contributors).length >
    0;

  test.each<[string, Partial<Observation>, boolean]>([
    ['its metric', {}, true],
    ['its metric with the labels in another order', { dimensions: { Host: 'h', Role: 'r' } }, true],
    ['no other metric', { metricName: 'used' }, false],
    ['no other namespace', { namespace: 'ns' }, false],
    ['no smaller dimension set', { dimensions: { Host: 'h' } }, false],
    ['no larger dimension set', { dimensions: { Role: 'r', Host: 'h', Zone: 'z' } }, false],
    ['no other dimension set', { dimensions: { Role: 'r', host: 'h' } }, false],
  ])('%s', (_, observation, want) => {
    expect(selects(observation)).toBe(want);
  });

  test.each([
    [`"Role" = 'r'`, true],
    [`"Role" = 'R'`, false],
    [`"Role" != 'r'`, false],
    [`"Role" != 'x'`, true],
    [`"Role" = 'r' AND "Host" != 'h'`, false],
    [`"Role" = 'r' and "Host" = 'h'`, true],
  ])('WHERE %s', (where, want) => {
    expect(selects({}, QUERY.replace('GROUP BY', `WHERE ${where} GROUP BY`))).toBe(want);
  });

  test('values with quotes in them', () => {
    const expression = QUERY.replace('GROUP BY', `WHERE "Role" = 'it\\'s' group by`);
    expect(selects({ dimensions: { Role: "it's", Host: 'h' } }, expression)).toBe(true);
  });
});

test("a query without GROUP BY is one time series, and missing data is the alarm's to judge", () => {
  const alarm = anAlarm('SELECT SUM("Used") FROM SCHEMA("Ns", "Host")', { TreatMissingData: 'breaching' });
  const { alarm: states, contributors } = history(used('000-----', { Host: 'h' }), alarm);
  expect(states).toBe('OOOOOOAA');
  expect(contributors).toEqual({});
});

describe('fails when', () => {
  test.each([
    ['GROUP BY has no ORDER BY', QUERY.replace(/ ORDER.*/, ''), /GROUP BY needs an ORDER BY/],
    [
      'a name is not quoted',
      QUERY.replace('"Role"', 'Role'),
      /expected a name in double quotes \(it may be a reserved word\), got ROLE/,
    ],
    [
      'a value is in double quotes',
      QUERY.replace('GROUP', 'WHERE "Role" = "r" GROUP'),
      /expected a value in single quotes/,
    ],
    [
      'a comparison is unknown',
      QUERY.replace('GROUP', `WHERE "Role" < 'r' GROUP`),
      /begins with nothing that is known/,
    ],
    ['conditions are joined by OR', QUERY.replace('GROUP', `WHERE "Role" = 'r' OR "Role" = 's' GROUP`), /got OR/],
    ['the aggregate is unknown', QUERY.replace('MAX("', 'P99("'), /expected one of AVG, COUNT, MAX, MIN, SUM, got P99/],
    ['the source is no SCHEMA', 'SELECT MAX("Used") FROM "Ns"', /expected SCHEMA, got Ns/],
    ['it groups by what SCHEMA lacks', QUERY.replace('GROUP BY "Host"', 'GROUP BY "Zone"'), /and no Zone/],
    ['it filters by what SCHEMA lacks', QUERY.replace('GROUP', `WHERE "Zone" = 'z' GROUP`), /and no Zone/],
    ['it is limited', `${QUERY} LIMIT 5`, /expected its end, got LIMIT/],
  ])('%s', (_, expression, message) => {
    expect(() => history([], anAlarm(expression))).toThrow(message);
  });

  test('the alarm looks back more than three hours', () => {
    const over = (EvaluationPeriods: number) => () => history([], anAlarm(QUERY, { EvaluationPeriods }));
    expect(over(180)).not.toThrow();
    expect(over(181)).toThrow('MetricsInsights monitors cannot be checked across more than 3 hours');
  });

  test('there is no period, or more than the query', () => {
    const query = { Id: 'q', Expression: QUERY, Period: 60 };
    const { Period: _, ...withoutPeriod } = query;
    expect(() => history([], anAlarm(QUERY, { Metrics: [withoutPeriod] }))).toThrow(/needs a Period/);
    const sum = { Id: 'e', Expression: 'q + 1', ReturnData: false };
    expect(() => history([], anAlarm(QUERY, { Metrics: [query, sum] }))).toThrow(/beside other entries/);
  });
});
