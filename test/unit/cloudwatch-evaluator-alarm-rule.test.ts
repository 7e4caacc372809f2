import { describe, expect, test } from 'vitest';
import { parseAlarmRule } from '../support/cloudwatch/alarm-rule.js';
import type { AlarmState } from '../support/cloudwatch/alarm-state.js';

const ARN = 'arn:aws:cloudwatch:eu-central-1:123456789012:alarm:bad';

const STATES: Readonly<Record<string, AlarmState>> = {
  bad: 'ALARM',
  worse: 'ALARM',
  good: 'OK',
  silent: 'INSUFFICIENT_DATA',
  'with blanks, (signs) and "quotes"': 'ALARM',
  [ARN]: 'ALARM',
};

const holds = (rule: string) => parseAlarmRule(rule).holds((alarm) => STATES[alarm]);

test.each([
  ['ALARM("bad")', true],
  ['ALARM(bad)', true],
  ['ALARM("good")', false],
  ['OK("good")', true],
  ['OK("silent")', false],
  ['INSUFFICIENT_DATA("silent")', true],
  [`ALARM("${ARN}")`, true],
  ['ALARM("with blanks, (signs) and \\"quotes\\"")', true],
  ['TRUE', true],
  ['FALSE', false],
  ['NOT ALARM("bad")', false],
  ['NOT (OK("bad") OR OK("silent"))', true],
  ['ALARM("bad") AND ALARM("worse")', true],
  ['ALARM("bad") AND ALARM("worse") AND ALARM("good")', false],
  ['ALARM("good") OR ALARM("silent") OR ALARM("bad")', true],
  ['ALARM("bad") AND NOT ALARM("good")', true],
  ['(ALARM("bad") OR ALARM("good")) AND OK("silent")', false],
  ['(ALARM(bad) OR (NOT (ALARM(good))))', true],
])('%s is %s', (rule, want) => {
  expect(holds(rule)).toBe(want);
});

test('tells the alarms that it refers to', () => {
  const rule = parseAlarmRule('(ALARM("bad") OR OK(good)) AND NOT ALARM("bad")');
  expect(rule.alarms).toEqual(new Set(['bad', 'good']));
});

describe('fails when', () => {
  test.each([
    ['it is empty', '', /expected a function of an alarm, got its end/],
    ['a function is not modelled', 'AT_LEAST(2, ALARM, (a, b))', /AT_LEAST is not modelled/],
    ['a state has no such name', 'BROKEN("bad")', /BROKEN is not modelled/],
    ['AND and OR stand side by side', 'ALARM(bad) AND ALARM(good) OR ALARM(worse)', /expected its end, got OR/],
    ['a parenthesis is missing', '(ALARM("bad")', /expected \), got its end/],
    ['something follows', 'ALARM("bad") ALARM("good")', /expected its end, got ALARM/],
  ])('%s', (_, rule, message) => {
    expect(() => holds(rule)).toThrow(message);
  });
});
