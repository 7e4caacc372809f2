/** Command lines that a script opened and left open. */
import type { Evidence } from '../evidence.js';
import type { Judgement } from '../judgement.js';

/** A few people with a command line open are no script. */
const SEVERAL = 5;

export function scriptLoop({ backends, idle }: Evidence): Judgement | null {
  if (idle.length < SEVERAL || !backends.every(({ applicationName }) => applicationName === 'psql')) return null;
  return {
    verdict: 'script_loop',
    certainty: 'likely',
    leaked: idle,
    reasons: [
      `${idle.length} sessions of psql are open and idle. A script starts psql again and again and does not end it.`,
    ],
  };
}
