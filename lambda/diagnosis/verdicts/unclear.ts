/** What was seen has two explanations. It says both, and what would tell them apart. */
import type { Evidence } from '../evidence.js';
import type { Judgement } from '../judgement.js';
import { describeChain, leakedBy, SUSPICIOUS_CHAIN } from './leak.js';

export function unclear(evidence: Evidence): Judgement | null {
  const { hosts, backends, server } = evidence;
  const [host] = hosts;
  if (host === undefined) return null;
  if (host.chain >= SUSPICIOUS_CHAIN) {
    return {
      verdict: 'unclear',
      certainty: 'possible',
      leaked: leakedBy(evidence),
      reasons: [
        describeChain(host),
        `Either a leak has begun, or ${host.chain} processes or threads on that host have one connection each. It is a leak ` +
          'if the number grows and none of the old connections is used again.',
      ],
    };
  }
  const unknown = backends.filter(({ lastStatement }) => lastStatement === null).length;
  if (unknown * 2 < backends.length || backends.length * 10 < server.usable) return null;
  return {
    verdict: 'unclear',
    certainty: 'possible',
    leaked: [],
    reasons: [
      `The server does not show what ${unknown} of its ${backends.length} connections do: track_activities is off for ` +
        'them, or the reaper has no permission to see it.',
    ],
  };
}
