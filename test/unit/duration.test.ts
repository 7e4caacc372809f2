import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { duration, formatDuration } from '../../lambda/input/duration.js';

describe('durations', () => {
  it.each([
    ['1s', 1],
    ['90s', 90],
    ['5m', 300],
    ['2h', 7200],
    ['1d', 86_400],
  ])('%s is %d seconds', (text, seconds) => {
    expect(v.parse(duration, text)).toBe(seconds);
  });

  it.each(['', '5', '5 m', '0s', '-5m', '1.5h', '5M', '5 minutes', '100ms', 300])('fail when written %j', (text) => {
    expect(v.safeParse(duration, text).success).toBe(false);
  });

  it.each([
    [0, '0s'],
    [0.9, '0s'],
    [59.9, '59s'],
    [300, '5m'],
    [301, '5m 1s'],
    [7260, '2h 1m'],
    [7201, '2h'],
    [90_061, '1d 1h'],
  ])('%d seconds read as %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });
});
