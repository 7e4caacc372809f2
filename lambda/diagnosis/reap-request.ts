/** The manual reap that ends what a suspect has lost, and nothing else. */
import type { Seconds } from '../input/duration.js';
import { isInTransaction } from './chain.js';
import type { Diagnosis } from './diagnosis.js';

/** The event of a manual reap, as a person sends it. */
export interface ReapEvent {
  readonly action: 'reap';
  readonly applications: readonly string[];
  readonly idleTimeout: string;
  readonly includeIdleInTransaction?: true;
  /** Needed where the deployed mode is `preview`. */
  readonly dryRun?: false;
}

/** From the longest on: the longest that reaches nearly all leaves those alone that were used a moment ago. */
const TIMEOUTS: readonly (readonly [Seconds, string])[] = [
  [3600, '1h'],
  [900, '15m'],
  [300, '5m'],
  [120, '2m'],
  [60, '1m'],
  [30, '30s'],
  [10, '10s'],
  [5, '5s'],
];

const NEARLY_ALL = 0.9;

/** The request that reaches nearly all that a suspect has leaked; `null` where terminating does not help. */
export function reapRequest({ service, leaked }: Diagnosis, isPreview: boolean): ReapEvent | null {
  const reachable = leaked.filter(({ state }) => state !== 'active');
  if (reachable.length === 0) return null;
  const reached = (timeout: Seconds) => reachable.filter(({ stateSeconds }) => (stateSeconds ?? 0) >= timeout).length;
  const [, idleTimeout] = TIMEOUTS.find(([timeout]) => reached(timeout) >= reachable.length * NEARLY_ALL) ?? [1, '1s'];
  return {
    action: 'reap',
    applications: [escapeGlob(service)],
    idleTimeout,
    ...(reachable.some(isInTransaction) && { includeIdleInTransaction: true }),
    ...(isPreview && { dryRun: false }),
  };
}

/** The service's own name: unescaped, the `*` of `checkout-*` would also reach checkout-admin. */
function escapeGlob(name: string): string {
  return name.replace(/[\\*?]/g, '\\$&');
}
