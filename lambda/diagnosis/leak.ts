/** The finding that names the application that leaks, or that holds most of the slots. */
import { formatDuration } from '../input/duration.js';
import type { Policy } from '../policy/policy.js';
import { type ApplicationUse, applicationUse, percentOf, slotUse } from '../policy/slots.js';
import type { Backend, Snapshot } from '../policy/snapshot.js';
import type { Finding } from './finding.js';
import type { InstanceResult } from './instance-result.js';
import { quoteIdentifier } from './quote-sql.js';

/** From this share of the usable slots on, one application is the one to look at. */
const HOGGING_PERCENT = 50;

/** From this share of the usable slots on, an application's overdue idle connections are a leak and not a lapse. */
const LEAK_PERCENT = 10;

/** The application that leaks, or that holds most of the slots without leaking. */
export function leakSuspect(result: InstanceResult, snapshot: Snapshot, policy: Policy): Finding | null {
  const { outcomes } = result;
  const { usable } = slotUse(snapshot);
  const overdue = outcomes.filter(({ outcome, backend }) => outcome !== 'spared' && backend.state === 'idle');
  const [suspect] = applicationUse(overdue, policy.attribute);
  const [largest] = applicationUse(outcomes, policy.attribute);
  if (suspect !== undefined && percentOf(suspect.connections, usable) >= LEAK_PERCENT) {
    const backends = overdue
      .map(({ backend }) => backend)
      .filter((backend) => policy.attribute(backend) === suspect.name);
    return {
      severity: 'warning',
      code: 'leak_suspect',
      evidence: `${suspect.name} ${describeLeak(suspect, usable, backends)}`,
      remedy:
        'make it give connections back (release or close in finally), and close idle ones sooner than the reaper does' +
        capAdvice(backends, usable, limitedNames(snapshot, policy)),
    };
  }
  if (largest === undefined || percentOf(largest.connections, usable) < HOGGING_PERCENT) return null;
  return {
    severity: 'warning',
    code: 'application_hogging',
    evidence: `${largest.name} holds ${largest.connections} of ${usable} usable slots, ${largest.idle} of them idle`,
    remedy: 'lower the size of its pool, times the number of its hosts, below its share of the slots',
  };
}

function describeLeak(suspect: ApplicationUse, usable: number, backends: readonly Backend[]): string {
  const hosts = new Set(backends.map(({ clientAddr }) => clientAddr ?? 'a local socket'));
  const roles = new Set(backends.map(({ role }) => role));
  return (
    `left ${suspect.connections} connections idle (of ${usable} usable slots), the oldest for ` +
    `${formatDuration(suspect.oldestIdleSeconds ?? 0)}, as ${listed([...roles])} from ${listed([...hosts])}`
  );
}

function listed(names: readonly (string | null)[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

/** Half of the usable slots: room to work in, and never the whole server. Nothing to say where there is a limit. */
function capAdvice(backends: readonly Backend[], usable: number, limited: ReadonlySet<string>): string {
  const role = backends.find((backend) => backend.role !== null)?.role;
  if (role === undefined || role === null || limited.has(role)) return '';
  return `; until then cap its role: ALTER ROLE ${quoteIdentifier(role)} CONNECTION LIMIT ${Math.max(1, Math.floor(usable / 2))};`;
}

/** The roles that have a limit or are to have one; 0 is one. */
function limitedNames({ roles }: Snapshot, { roleLimits }: Policy): ReadonlySet<string> {
  const limited = roles.filter(({ connectionLimit }) => connectionLimit !== null);
  return new Set([...limited.map(({ name }) => name), ...Object.keys(roleLimits)]);
}
