/** Nothing is the matter. */
import type { Evidence } from '../evidence.js';
import type { Judgement } from '../judgement.js';

export function poolAtRest({ backends, chain }: Evidence): Judgement {
  return {
    verdict: 'pool_at_rest',
    certainty: chain < 2 ? 'almost certain' : 'likely',
    leaked: [],
    reasons: [
      `${backends.length} connections, and none was opened while another one was idle` +
        (chain < 2 ? '.' : `, except in up to ${chain} processes with a pool each.`),
    ],
  };
}
