import { describe, expect, it } from 'vitest';
import { aPolicy } from '../support/builders.js';

describe('whether a run acts', () => {
  it.each([
    ['enforce', { action: 'sweep' }, true],
    ['preview', { action: 'sweep' }, false],
    ['enforce', {}, true],
    ['enforce', { action: 'report' }, false],
    ['enforce', { action: 'reap' }, true],
    ['enforce', { action: 'reap', dryRun: true }, false],
    ['preview', { action: 'reap' }, false],
    ['preview', { action: 'reap', dryRun: false }, true],
  ] as const)('mode %s and %j: %s', (mode, event, acts) => {
    expect(aPolicy({ mode }, event).acts).toBe(acts);
  });
});

describe('the patience of a run with another one', () => {
  it.each([
    [{ action: 'sweep' }, 0],
    [{ action: 'report' }, 0],
    [{ action: 'reap' }, 10_000],
  ] as const)('%j waits %d ms', (event, patience) => {
    expect(aPolicy({}, event).lockPatienceMs).toBe(patience);
  });
});

describe('the threshold of idle transactions', () => {
  it.each([
    [{}, { action: 'sweep' }, null],
    [{ idleInTransactionTimeout: '10m' }, { action: 'sweep' }, 600],
    [{ idleInTransactionTimeout: '10m' }, { action: 'reap' }, null],
    [{ idleInTransactionTimeout: '10m' }, { action: 'reap', includeIdleInTransaction: true }, 600],
    [{ idleInTransactionTimeout: '10m' }, { action: 'reap', includeIdleInTransaction: true, idleTimeout: '1m' }, 60],
    [{}, { action: 'reap', includeIdleInTransaction: true }, 300],
  ] as const)('of %j and %j: %s', (settings, event, threshold) => {
    expect(aPolicy(settings, event).idleInTransactionTimeout).toBe(threshold);
  });
});
