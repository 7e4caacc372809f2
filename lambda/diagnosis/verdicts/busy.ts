/** Load, not a leak. */
import type { Evidence } from '../evidence.js';
import type { Judgement } from '../judgement.js';

export function busy({ backends, active }: Evidence): Judgement | null {
  if (active.length * 2 <= backends.length) return null;
  return {
    verdict: 'busy',
    certainty: 'almost certain',
    leaked: [],
    reasons: [`${active.length} of ${backends.length} connections are running a statement.`],
  };
}
