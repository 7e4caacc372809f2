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
