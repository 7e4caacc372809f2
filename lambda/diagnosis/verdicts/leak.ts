/** Connections that are opened and never given back, one after another. */
import { formatDuration } from '../../input/duration.js';
import type { Backend } from '../../policy/snapshot.js';
import { wereOpenedTogether } from '../chain.js';
import type { Evidence, Host } from '../evidence.js';
import { growthOf } from '../growth.js';
import type { Judgement } from '../judgement.js';

/**
 * A healthy chain is as long as the number of processes behind one address: the most that was seen is 6, of 8 processes. Ten
 * leaves room for hosts with many worker processes. A share would tell less: callers at once shorten the chain of a leak.
 */
export const LEAK_CHAIN = 10;

/** From this length on a chain is more than the pools that were tried have shown, unless there are many processes. */
export const SUSPICIOUS_CHAIN = 5;

/** So many hosts with a suspicious chain each, and so long together, are not chance. */
const SUSPICIOUS_HOSTS = 3;
const SUSPICIOUS_CHAINS = 15;

/** At least so many more than in the look before: one more may be chance. */
const GROWN_BY = 2;

export function leak(evidence: Evidence): Judgement | null {
  const [host] = evidence.hosts;
  if (host === undefined) return null;
  const suspicious = evidence.hosts.filter(({ chain }) => chain >= SUSPICIOUS_CHAIN);
  if (host.chain >= LEAK_CHAIN) return judged(evidence, 'almost certain', [describeChain(host)]);
  if (suspicious.length >= SUSPICIOUS_HOSTS && isSpread(suspicious)) {
    return judged(evidence, 'likely', [`The same on ${suspicious.length} hosts: ${describeChain(host)}`]);
  }
  const lost = sumOfTerminated(evidence);
  if (host.chain >= SUSPICIOUS_CHAIN && lost >= LEAK_CHAIN) {
    return judged(evidence, 'likely', [
      describeChain(host),
      `Sweeps that the function remembers terminated ${lost} of its connections, and it opened new ones.`,
    ]);
  }
  const before = evidence.looks.at(-1)?.services.get(evidence.service)?.connections;
  if (host.chain >= SUSPICIOUS_CHAIN && before !== undefined && evidence.backends.length >= before + GROWN_BY) {
    return judged(evidence, 'likely', [
      describeChain(host),
      `It had ${before} connections at the previous look, and has ${evidence.backends.length} now.`,
    ]);
  }
  return null;
}

function sumOfTerminated({ looks, service }: Evidence): number {
  return looks.reduce((sum, { services }) => sum + (services.get(service)?.terminated ?? 0), 0);
}

function isSpread(hosts: readonly Host[]): boolean {
  const chains = hosts.reduce((sum, { chain }) => sum + chain, 0);
  const atStart = hosts.filter(({ backends }) => wereOpenedTogether(backends));
  return chains >= SUSPICIOUS_CHAINS && atStart.length <= hosts.length / 2;
}

function judged(evidence: Evidence, certainty: Judgement['certainty'], reasons: readonly string[]): Judgement {
  const leaked = leakedBy(evidence);
  const { usedOnce, backends } = evidence;
  return {
    verdict: 'leak',
    certainty,
    leaked,
    reasons: [
      ...reasons,
      ...(usedOnce.length * 2 < backends.length
        ? []
        : [`${usedOnce.length} of ${backends.length} were used once, right after they were opened, and never again.`]),
      ...describeGrowth(leaked),
    ],
  };
}

/** Those that were left idle while newer ones were opened, and the latest of the same kind. */
export function leakedBy({ abandoned, usedOnce }: Evidence): readonly Backend[] {
  return [...new Set([...abandoned, ...usedOnce.filter(({ holding }) => holding === null)])];
}

export function describeChain({ chain, address }: Host): string {
  return (
    `${address ?? 'A client on a Unix socket'} opened ${chain} connections one after another, and never used one again ` +
    'after it had opened the next. A pool uses an idle connection again instead of opening one.'
  );
}

export function describeGrowth(leaked: readonly Backend[]): readonly string[] {
  const growth = growthOf(leaked);
  if (growth === null) return [];
  const newest = `the last one ${formatDuration(growth.newestSeconds)} ago`;
  return growth.goesOn
    ? [`It goes on: about ${rate(growth.perMinute)} a minute, ${newest}.`]
    : [`It has stopped for now: ${newest}.`];
}

function rate(perMinute: number): string {
  return perMinute >= 10 ? `${Math.round(perMinute)}` : perMinute.toFixed(1);
}
