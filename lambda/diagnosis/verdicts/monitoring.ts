/** A tool that reads the server's statistics. */
import type { Evidence } from '../evidence.js';
import type { Judgement } from '../judgement.js';

/** Nearly all that it runs. */
const SHARE = 0.8;

/** A monitoring tool needs one connection, and a second one while the first is slow. */
export const MONITORING_POOL = 2;

export function monitoring({ backends }: Evidence): Judgement | null {
  const own = backends.filter(
    ({ lastStatement }) => lastStatement === 'monitoring' || lastStatement === 'business' || lastStatement === 'ping',
  );
  const reading = own.filter(({ lastStatement }) => lastStatement === 'monitoring');
  if (reading.length === 0 || reading.length < own.length * SHARE) return null;
  return {
    verdict: 'monitoring',
    certainty: 'likely',
    leaked: [],
    reasons: [
      `The last statement of ${reading.length} of its ${backends.length} connections read the server's statistics (pg_stat_…).`,
    ],
  };
}
