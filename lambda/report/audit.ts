/** The lines that a run logs: each termination, each role limit, the login, the errors. */
import type { InstanceResult } from '../diagnosis/instance-result.js';
import type { LoginFacts } from '../diagnosis/login-facts.js';
import { countBy } from '../policy/group-by.js';
import { withOutcome } from '../policy/outcome.js';
import type { Attribution } from '../policy/service.js';
import type { SpareReason } from '../policy/spared.js';
import type { LogEvent, LogLevel } from './log-event.js';

/** An event with its level; without one it is INFO. */
export type AuditEvent = LogEvent & { readonly level?: LogLevel };

/** Anybody can open as many sessions as their role may; the report counts them. */
const MOST_LOGGED_INTRUDERS = 10;

/** The audit of one result: a line for every connection that was chosen, for every role limit, and a count of the spared. */
export function auditEvents(database: string, result: InstanceResult, attribute: Attribution): readonly AuditEvent[] {
  const at = { database, instance: result.instance };
  const chosen = result.outcomes.filter(({ outcome }) => outcome !== 'spared');
  return [
    ...(result.login === null ? [] : [{ event: 'login', level: loginLevel(result.login), ...at, ...result.login }]),
    ...chosen.map(({ backend, outcome, reason, ...more }) => ({
      event: 'backend',
      outcome,
      ...(reason === null ? {} : { reason }),
      ...more,
      ...at,
      pid: backend.pid,
      application: attribute(backend),
      applicationName: backend.applicationName,
      role: backend.role,
      datname: backend.database,
      clientAddr: backend.clientAddr,
      state: backend.state,
      idleSeconds: backend.stateSeconds,
      backendAgeSeconds: backend.ageSeconds,
    })),
    ...result.roleLimits.map((limit) => ({ event: 'role_limit', ...at, ...limit })),
    ...(result.snapshot === null ? [] : [{ event: 'spared', ...at, count: countSpared(result) }]),
    ...(result.runAtWork === null
      ? []
      : [{ event: 'another_run', level: 'WARN' as const, ...at, holder: result.runAtWork }]),
    ...result.intruders
      .slice(0, MOST_LOGGED_INTRUDERS)
      .map((holder) => ({ event: 'lock_intruder', level: 'WARN' as const, ...at, holder })),
    ...result.lostRuns.map((holder) => ({ event: 'lost_run_terminated', level: 'WARN' as const, ...at, holder })),
    ...result.errors.map((error) => ({ event: 'error', level: 'ERROR' as const, ...at, error })),
  ];
}

/** A login that needed another way than its own is never quiet. */
function loginLevel({ way, refusals }: LoginFacts): LogLevel {
  if (way === null) return 'ERROR';
  return way === 'own' && refusals.length === 0 ? 'INFO' : 'WARN';
}

/** How many connections were spared, by reason, the most frequent first. */
export function countSpared({
  outcomes,
}: Pick<InstanceResult, 'outcomes'>): Readonly<Partial<Record<SpareReason, number>>> {
  const counts = countBy(withOutcome(outcomes, 'spared'), ({ reason }) => reason);
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}
