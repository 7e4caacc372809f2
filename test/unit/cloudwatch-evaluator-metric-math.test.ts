import { describe, expect, test } from 'vitest';
import type { Datapoints } from '../../demo/cloudwatch/observation.js';
import { parseExpression } from '../support/cloudwatch/metric-math.js';

/** `[30, -, 0]`, as the documentation writes a time series. */
function series(text: string): Datapoints {
  return text.split(', ').map((datapoint) => (datapoint === '-' ? undefined : Number(datapoint)));
}

/** What an expression makes of these series, of which the first starts at 10:58 UTC. */
function worth(expression: string, given: Readonly<Record<string, string>>): string {
  const all = Object.fromEntries(Object.entries(given).map(([id, text]) => [id, series(text)]));
  const length = Object.values(all)[0]?.length ?? 0;
  const starts = Array.from({ length }, (_, index) => Date.UTC(2026, 0, 5, 10, 58 + index));
  const datapoints = parseExpression(expression).evaluate({ starts, series: (id) => all[id] ?? [] });
  return datapoints.map((datapoint) => datapoint ?? '-').join(', ');
}

/** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html */
describe('the documented examples', () => {
  const operands = { metric1: '30, 20, 0, 0', metric2: '20, -, 20, -' };

  test.each([
    ['(metric1 < metric2)', '0, 0, 1, 0'],
    ['(metric1 >= 30)', '1, 0, 0, 0'],
    ['(metric1 > 15 AND metric2 > 15)', '1, 0, 0, 0'],
  ])('%s', (expression, want) => {
    expect(worth(expression, operands)).toBe(want);
  });

  const branches = { metric1: '1, 1, 0, 0, -', metric2: '30, -, 0, 0, 30', metric3: '0, 0, 20, -, 20' };

  test.each([
    ['IF(metric1, metric2, metric3)', '30, 0, 20, -, -'],
    ['IF(metric1, 5, metric3)', '5, 5, 20, -, -'],
    ['IF(metric1, metric2, 5)', '30, 0, 5, 5, -'],
    ['IF(metric1, metric2)', '30, 0, -, -, -'],
    ['IF(metric2<30, metric2)', '-, -, 0, 0, -'],
    ['IF(1, metric2, metric3)', '30, 0, 0, 0, 30'],
    ['IF(0, metric2, metric3)', '0, 0, 20, -, 20'],
    ['IF(0, metric2)', '-, -, -, -, -'],
  ])('%s', (expression, want) => {
    expect(worth(expression, branches)).toBe(want);
  });
});

test.each([
  ['a + b', '6, 3, 4, -'],
  ['a - b', '2, 3, -4, -'],
  ['-a', '-4, -3, -, -'],
  ['a * 2 + 1', '9, 7, -, -'],
  ['1 + 2 * a', '9, 7, -, -'],
  ['(1 + 2) * a', '12, 9, -, -'],
  ['a - 1 - 1', '2, 1, -, -'],
  ['a / b', '2, -, 0, -'],
  ['a == 4', '1, 0, -, -'],
  ['a != 4', '0, 1, -, -'],
  ['a <= 3', '0, 1, -, -'],
  ['a > 3 || b > 3', '1, 0, 1, -'],
  ['a > 3 && b < 3', '1, 0, 0, -'],
  ['FLOOR(a / 2)', '2, 1, -, -'],
  ['EPOCH(a) - EPOCH(b)', '0, 0, 0, 0'],
  ['FLOOR(EPOCH(a) / 60) - 29460180', '-2, -1, 0, 1'],
])('%s is worth %s', (expression, want) => {
  expect(worth(expression, { a: '4, 3, -, -', b: '2, -, 4, -' })).toBe(want);
});

test('tells the ids that it refers to', () => {
  expect(parseExpression('IF(used > limit, FLOOR(used))').ids).toEqual(new Set(['used', 'limit']));
});

test.each([
  ['SEARCH(a)', /CloudWatch makes no alarm of a SEARCH/],
  ['RUNNING_SUM(a)', /the function RUNNING_SUM is not modelled/],
  ['a ^ 2', /begins with nothing that is known/],
  ['a +', /expected a number, an id or a function, got its end/],
  ['a b', /expected its end, got b/],
  ['(a', /expected \), got its end/],
  ['a < b < 3', /expected its end, got </],
  ['a AND b OR a', /expected its end, got OR/],
  ['a OR b AND a', /expected its end, got AND/],
  ['FLOOR(a, 1)', /FLOOR takes 1 arguments, got 2/],
  ['FLOOR(1.5)', /FLOOR takes a time series/],
  ['IF(1, 2)', /IF takes a time series/],
  ['1 + 1', /an alarm watches one time series/],
  ['1 / 0', /divides by zero/],
])('fails when it can make nothing of %s', (expression, message) => {
  expect(() => worth(expression, { a: '4, 3', b: '2, -' })).toThrow(message);
});
