/** A finding about connections of which the server does not say what they do. */
import { isUntracked, type Snapshot } from '../policy/snapshot.js';
import type { Finding } from './finding.js';
import { quoteIdentifier } from './quote-sql.js';

const MOST_ROLES = 3;

/** `track_activities` is off for these connections, by the server, their database or their role. */
export function untrackedActivity({ backends }: Snapshot): Finding | null {
  const untracked = backends.filter(isUntracked);
  if (untracked.length === 0) return null;
  const roles = [...new Set(untracked.flatMap(({ role }) => (role === null ? [] : [role])))];
  const named = roles.slice(0, MOST_ROLES).map(quoteIdentifier).join(', ');
  return {
    severity: 'critical',
    code: 'untracked_activity',
    evidence:
      `${untracked.length} of ${backends.length} connections run with track_activities off (${named}` +
      `${roles.length > MOST_ROLES ? ` and ${roles.length - MOST_ROLES} more roles` : ''}): the server does not say whether ` +
      'they are idle, so the reaper can neither judge nor terminate them',
    remedy:
      `find where it is off (\\drds in psql, or the parameter group): ALTER ROLE ${quoteIdentifier(roles[0] ?? '…')} RESET ` +
      'track_activities; and then restart what is connected',
  };
}
