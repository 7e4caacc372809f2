import { describe, expect, it } from 'vitest';
import { formatTally } from '../support/tally.js';

describe('a tally', () => {
  it.each([
    { passed: 12, failed: 0, skipped: 0, line: '12 passed, 0 failed' },
    { passed: 3, failed: 2, skipped: 1, line: '3 passed, 2 failed, 1 skipped' },
  ])('is one line: $line', ({ line, ...tally }) => {
    expect(formatTally(tally)).toBe(line);
  });
});
