/** Transactions that nobody ends: a leak of drivers that open one by themselves, or a request that hangs. */
import { formatDuration } from '../../input/duration.js';
import { isInTransaction } from '../chain.js';
import type { Evidence } from '../evidence.js';
import type { Judgement } from '../judgement.js';
import { describeChain, describeGrowth, LEAK_CHAIN, leakedBy } from './leak.js';

/** Idle inside a transaction for so long. Between two statements of a request are milliseconds. */
const OPEN_SECONDS = 60;

export function leakInTransaction(evidence: Evidence): Judgement | null {
  const { inTransaction, chain, hosts } = evidence;
  const open = inTransaction.filter(({ stateSeconds }) => (stateSeconds ?? 0) >= OPEN_SECONDS);
  const abandoned = leakedBy(evidence).filter(isInTransaction);
  const [host] = hosts;
  const isChain = host !== undefined && chain >= LEAK_CHAIN && abandoned.length * 2 >= chain;
  if (open.length === 0 && !isChain) return null;
  const leaked = isChain ? [...new Set([...abandoned, ...open])] : open;
  const oldest = Math.max(...leaked.map(({ stateSeconds }) => stateSeconds ?? 0));
  return {
    verdict: 'leak_in_transaction',
    certainty: isChain || open.length >= LEAK_CHAIN ? 'almost certain' : 'likely',
    leaked,
    reasons: [
      `${leaked.length} connections are idle inside a transaction, the oldest for ${formatDuration(oldest)}. They keep ` +
        'their locks, and vacuum cannot remove rows that their snapshots may still see.',
      ...(isChain
        ? [describeChain(host), ...describeGrowth(leaked)]
        : ['This is either a leak, or requests that hang.']),
    ],
  };
}
