/** A result that the client does not read: the server waits for it, and the connection counts as active. */
import { formatDuration } from '../../input/duration.js';
import type { Evidence } from '../evidence.js';
import type { Judgement } from '../judgement.js';

/** One slow client may take long to read a large result. */
const UNREAD_SECONDS = 300;

/** Several of one service at once are no slow client. */
const SEVERAL = 5;
const SEVERAL_SECONDS = 20;

export function unreadResult({ active }: Evidence): Judgement | null {
  const waiting = active.filter(({ waitEvent }) => waitEvent === 'ClientWrite' || waitEvent === 'ClientRead');
  const silent = (seconds: number) => waiting.filter(({ stateSeconds }) => (stateSeconds ?? 0) >= seconds);
  const several = silent(SEVERAL_SECONDS);
  const unread = several.length >= SEVERAL ? several : silent(UNREAD_SECONDS);
  if (unread.length === 0) return null;
  const oldest = Math.max(...unread.map(({ stateSeconds }) => stateSeconds ?? 0));
  return {
    verdict: 'unread_result',
    certainty: unread.length >= SEVERAL ? 'likely' : 'possible',
    leaked: unread,
    reasons: [
      `${unread.length} connections wait for a client that does not read its result, the longest for ` +
        `${formatDuration(oldest)}. They are active, so the reaper does not terminate them.`,
    ],
  };
}
