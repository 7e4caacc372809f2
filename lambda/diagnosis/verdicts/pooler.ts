/** A pooler in front: its connections pass from client to client, and the clients behind it cannot be seen from here. */
import type { Evidence } from '../evidence.js';
import type { Judgement } from '../judgement.js';
import { SUSPICIOUS_CHAIN } from './leak.js';

const POOLERS = /^(?:pgbouncer|odyssey|supavisor|pgcat)\b/i;

export function pooler({ backends, renamed, chain }: Evidence): Judgement | null {
  const isNamed = backends.every(({ applicationName }) => POOLERS.test(applicationName.trim()));
  if (!isNamed && (renamed === 0 || chain >= SUSPICIOUS_CHAIN)) return null;
  return {
    verdict: 'pooler',
    certainty: isNamed ? 'almost certain' : 'likely',
    leaked: [],
    reasons: [
      isNamed
        ? 'Its application_name is that of a pooler.'
        : `${renamed} connections changed their application_name between two looks: a pooler passes them from client to client.`,
      'The name is that of the last client. Who holds the connection now can be seen only in the pooler.',
    ],
  };
}
