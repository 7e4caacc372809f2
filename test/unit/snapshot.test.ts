import { describe, expect, it } from 'vitest';
import { usableSlots } from '../../lambda/policy/snapshot.js';
import { aServer } from '../support/builders.js';

describe('the slots that ordinary roles can use', () => {
  const reserves = {
    maxConnections: 100,
    superuserReservedConnections: 3,
    reservedConnections: 5,
    rdsSuperuserReservedConnections: 2,
    rdsReservedConnections: 1,
  };
  it.each([
    [180_004, 100 - 3 - 5 - 1],
    [160_000, 100 - 3 - 5 - 1],
    [159_999, 100 - 3 - 2 - 1],
    [130_023, 100 - 3 - 2 - 1],
  ])('on %d are %d of 100', (versionNumber, usable) => {
    expect(usableSlots(aServer({ ...reserves, versionNumber }))).toBe(usable);
  });

  it('are never fewer than none', () => {
    expect(usableSlots(aServer({ maxConnections: 2, superuserReservedConnections: 3 }))).toBe(0);
  });
});
