/** A host whose clients all fell silent in the same moment: it froze, or the network to it broke. */
import { formatDuration } from '../../input/duration.js';
import type { Evidence } from '../evidence.js';
import type { Judgement } from '../judgement.js';
import { SUSPICIOUS_CHAIN } from './leak.js';

/** Of an address: a small pool may well rest from one second to the next. */
const MANY = 10;

export function silentClients({ hosts, server }: Evidence): Judgement | null {
  const silent = hosts.filter(
    ({ silence, chain }) => silence !== null && silence.connections >= MANY && chain < SUSPICIOUS_CHAIN,
  );
  // Load that ends in one moment looks the same. It is worth a word only where so much is held by one host.
  const isLikely = silent.some(({ silence }) => silence !== null && silence.stuck > 0);
  if (!isLikely && !silent.some(({ silence }) => silence !== null && silence.connections >= server.usable / 3))
    return null;
  const connections = silent.flatMap(({ backends }) => backends);
  const [first] = connections;
  if (first === undefined) return null;
  return {
    verdict: 'silent_clients',
    certainty: isLikely ? 'likely' : 'possible',
    leaked: isLikely ? connections : [],
    reasons: [
      ...silent.map(
        ({ address, silence }) =>
          `All ${silence?.connections} connections from ${address ?? 'a Unix socket'} were last used within the same two ` +
          `seconds, ${formatDuration(first.stateSeconds ?? 0)} ago.`,
      ),
      isLikely
        ? 'Some of them stopped inside a transaction or a statement. The host froze, or the network to it is cut.'
        : 'The host froze, the network to it is cut, or its load ended in that moment.',
    ],
  };
}
