import type { Finding } from '../diagnosis/finding.js';
import { findingsOf } from '../diagnosis/findings.js';
import type { InstanceResult } from '../diagnosis/instance-result.js';
import type { LoginFacts } from '../diagnosis/login-facts.js';
import type { Seconds } from '../input/duration.js';
import type { LimitOutcome, OutcomeName } from '../policy/outcome.js';
import type { Policy } from '../policy/policy.js';
import { type ApplicationUse, applicationUse, slotUse } from '../policy/slots.js';
import type { Snapshot } from '../policy/snapshot.js';
import type { SpareReason } from '../policy/spared.js';
import { countSpared } from './audit.js';

/** What one instance looked like and what was done there. */
export interface InstanceReport {
  readonly name: string;
  /** As it was before anything was terminated; `null` when it could not be read. */
  readonly server: {
    readonly version: string;
    readonly maxConnections: number;
    readonly usableSlots: number;
    readonly usedSlots: number;
  } | null;
  /** How the login went; `null` when the run failed before it. */
  readonly login: LoginFacts | null;
  /** The application with the most connections first. */
  readonly applications: readonly ApplicationUse[];
  /** The connections that were seen, each once. */
  readonly outcomes: readonly OutcomeReport[];
  /** How many were spared, by reason. */
  readonly spared: Readonly<Partial<Record<SpareReason, number>>>;
  /** The declared limits that differed. */
  readonly roleLimits: readonly LimitOutcome[];
  readonly findings: readonly Finding[];
}

/** What became of one connection. */
export interface OutcomeReport {
  readonly pid: number;
  readonly applicationName: string;
  readonly role: string | null;
  readonly idleSeconds: Seconds | null;
  readonly outcome: OutcomeName;
  readonly reason: string | null;
  /** What was seen of a termination that is not confirmed. */
  readonly detail?: string;
}

/** Reports what a run saw and did at one instance. */
export function instanceReport(result: InstanceResult, policy: Policy): InstanceReport {
  const { snapshot } = result;
  return {
    name: result.instance,
    server: snapshot === null ? null : serverReport(snapshot),
    login: result.login,
    applications: applicationUse(result.outcomes, policy.attribute),
    outcomes: result.outcomes.map(({ backend, outcome, reason, ...more }) => ({
      pid: backend.pid,
      applicationName: backend.applicationName,
      role: backend.role,
      idleSeconds: backend.stateSeconds,
      outcome,
      reason,
      ...more,
    })),
    spared: countSpared(result),
    roleLimits: result.roleLimits,
    findings: findingsOf(result, policy),
  };
}

function serverReport(snapshot: Snapshot): NonNullable<InstanceReport['server']> {
  const { usable, used } = slotUse(snapshot);
  const { version, maxConnections } = snapshot.server;
  return { version, maxConnections, usableSlots: usable, usedSlots: used };
}
