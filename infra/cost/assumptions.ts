import { MAX_UNDECLARED_ROLES } from '../../lambda/contract/metrics.js';
import type { Deployed } from './deployed.js';

/** What a bill depends on and a template doesn't say. */
export interface Assumptions {
  /** The different names that applications connect by, to each instance and at any time. */
  readonly applications: number;
  /** Roles with a limit that is not declared in the settings. */
  readonly otherRoles: number;
  /** How long a sweep takes. */
  readonly sweepSeconds: number;
  /** A warm function keeps what it read, until Lambda replaces it: a few times a day, as a rule. */
  readonly secretReadsPerHour: number;
  /** A function that was just started asks CloudWatch which names have metrics, in each sweep of its first minutes. */
  readonly historyReadsPerHour: number;
  /** The two lines that Lambda logs about an invocation, and ours about the run. */
  readonly logBytesPerSweep: number;
  /** Our lines about an instance: those of a login and of what was spared, and room for a connection that is terminated. */
  readonly logBytesPerInstance: number;
}

/** What is assumed unless somebody knows better. */
export const USUAL: Assumptions = {
  applications: 5,
  otherRoles: 0,
  sweepSeconds: 1,
  secretReadsPerHour: 1,
  historyReadsPerHour: 1,
  logBytesPerSweep: 1_000,
  logBytesPerInstance: 600,
};

/** As many metrics as the settings allow. */
export function atMost({ maxApplications }: Deployed, assumptions: Assumptions): Assumptions {
  return { ...assumptions, applications: maxApplications + 1, otherRoles: MAX_UNDECLARED_ROLES + 1 };
}
