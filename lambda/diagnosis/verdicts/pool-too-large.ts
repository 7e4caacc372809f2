/** No leak: pools that are larger, all together, than what the server has. */
import type { Evidence } from '../evidence.js';
import type { Judgement } from '../judgement.js';

/** One service alone holds so much. */
const ALONE_PERCENT = 50;

/** The server is so full that the largest services count, each from its fair share on. */
const FULL_PERCENT = 80;

/** Fewer connections are no pool worth to make smaller. */
const LEAST = 5;

export function poolTooLarge({ backends, hosts, active, server }: Evidence): Judgement | null {
  const count = backends.length;
  const isLarge =
    count * 100 >= server.usable * ALONE_PERCENT ||
    (server.usedPercent >= FULL_PERCENT && count >= server.usable / Math.max(2, server.services));
  if (count < LEAST || !isLarge || active.length * 2 > count) return null;
  const largest = Math.max(...hosts.map(({ backends: own }) => own.length));
  const unused = backends.filter(({ lastStatement }) => lastStatement === 'none' || lastStatement === 'setup').length;
  return {
    verdict: 'pool_too_large',
    certainty: 'likely',
    leaked: [],
    reasons: [
      hosts.length === 1
        ? `One host holds ${count} of ${server.usable} usable slots. ${active.length} of its connections are active.`
        : `${hosts.length} hosts hold up to ${largest} connections each: ${count} of ${server.usable} usable slots. ` +
          `${active.length} of them are active. A rolling deployment needs up to ${2 * count}.`,
      ...(unused * 2 > count ? [`${unused} of them were opened in advance and never used.`] : []),
      'It gives its connections back: it opened none while another one was idle.',
    ],
  };
}
