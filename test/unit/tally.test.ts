import { describe, expect, it } from 'vitest';
import { formatTally, parseTally, sumTallies } from '../support/tally.js';

describe('a tally', () => {
  it.each([
    { passed: 12, failed: 0, skipped: 0, line: '12 passed, 0 failed' },
    { passed: 3, failed: 2, skipped: 1, line: '3 passed, 2 failed, 1 skipped' },
  ])('is one line: $line', ({ line, ...tally }) => {
    expect(formatTally(tally)).toBe(line);
    expect(parseTally(`1 passed, 1 failed\nmore output\n${line}\n`)).toEqual(tally);
  });

  it('fails when the run did not end with one', () => {
    expect(parseTally('out of memory')).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  it('sums up', () => {
    expect(sumTallies([parseTally('1 passed, 2 failed'), parseTally('3 passed, 0 failed, 4 skipped')])).toEqual({
      passed: 4,
      failed: 2,
      skipped: 4,
    });
  });
});
