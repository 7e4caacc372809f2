/** Clients that reconnect as soon as they are terminated: terminating them again changes nothing. */
import type { Evidence } from '../evidence.js';
import type { Judgement } from '../judgement.js';

/** After so many sweeps it is no chance. */
const SWEEPS = 3;

/** Of the count before: as many again, give or take a few. */
const SAME_SHARE = 0.8;

/** Fewer are not worth a verdict. */
const LEAST = 3;

/** A client that reconnects does so within seconds. */
const RECONNECT_SECONDS = 10;

export function reconnects({ service, backends, looks }: Evidence): Judgement | null {
  const sweeps = looks
    .map(({ at, services }) => ({ at, count: services.get(service) }))
    .filter(({ count }) => (count?.terminated ?? 0) >= LEAST)
    .slice(-SWEEPS);
  const counts = sweeps.map(({ count }) => count?.connections ?? 0);
  const most = Math.max(...counts, backends.length);
  if (sweeps.length < SWEEPS || ![...counts, backends.length].every((count) => count >= most * SAME_SHARE)) return null;
  // A leak that fills up again opens its connections over all the time between two sweeps.
  const ages = backends
    .flatMap(({ ageSeconds }) => (ageSeconds === null ? [] : [ageSeconds]))
    .toSorted((a, b) => a - b);
  const newest = ages.slice(0, Math.ceil(ages.length * SAME_SHARE));
  if ((newest.at(-1) ?? 0) - (newest[0] ?? 0) > RECONNECT_SECONDS) return null;
  return {
    verdict: 'reconnects',
    certainty: 'likely',
    leaked: [],
    reasons: [
      `It had ${counts.join(', ')} connections before the last ${SWEEPS} sweeps terminated them, and has ` +
        `${backends.length} now. They come back within ${RECONNECT_SECONDS} s, so terminating them does not help.`,
    ],
  };
}
