/** How fast connections are opened, and how long the free slots last. */
import type { Seconds } from '../input/duration.js';
import type { Backend } from '../policy/snapshot.js';

/** The growth of a leak, from the times at which its connections were opened. */
export interface Growth {
  readonly perMinute: number;
  /** Whether it goes on: the newest one is younger than three times the usual pause. */
  readonly goesOn: boolean;
  readonly newestSeconds: Seconds;
}

/** A pause of three times the mean is chance in one of twenty cases. */
const PAUSES = 3;

/** `null` of fewer than three connections, which are no series. */
export function growthOf(backends: readonly Backend[]): Growth | null {
  const ages = backends.flatMap(({ ageSeconds }) => (ageSeconds === null ? [] : [ageSeconds]));
  if (ages.length < 3) return null;
  const newest = Math.min(...ages);
  const span = Math.max(...ages) - newest;
  const pause = Math.max(span, 0.001) / (ages.length - 1);
  return { perMinute: 60 / pause, goesOn: newest < PAUSES * pause, newestSeconds: newest };
}
