import type { Seconds } from '../input/duration.js';
import type { LimitOutcome, Outcome } from '../policy/outcome.js';
import type { Snapshot } from '../policy/snapshot.js';
import type { Diagnosis } from './diagnosis.js';
import type { LoginFacts } from './login-facts.js';
import type { Looks } from './looks.js';

/** What a run saw and did at one instance. Findings, report, metrics and audit are made of it. */
export interface InstanceResult {
  readonly instance: string;
  /** `null` when the server could not be read. */
  readonly snapshot: Snapshot | null;
  /** A verdict on every service, the worst first; empty when the server could not be read. */
  readonly diagnoses: readonly Diagnosis[];
  /** How often the run looked, and how far back its memory of earlier looks reaches. */
  readonly looks: Looks;
  /** Every backend of the snapshot has exactly one. */
  readonly outcomes: readonly Outcome[];
  readonly roleLimits: readonly LimitOutcome[];
  /** `null` when the run failed before its first login, for example because a secret could not be read. */
  readonly login: LoginFacts | null;
  /** The run of this reaper that was at work, so that this one did nothing; `null` when there was none. */
  readonly runAtWork: LockHolder | null;
  /** Others who held the lock of the runs, which stopped nothing. */
  readonly intruders: readonly LockHolder[];
  /** Sessions of earlier runs that were lost, and so were terminated. */
  readonly lostRuns: readonly LockHolder[];
  /** The databases in which temporary tables were not looked for, although connections there may be terminated. */
  readonly uncheckedDatabases: readonly UncheckedDatabase[];
  readonly errors: readonly string[];
}

/** Who holds the lock of a reaper's runs. */
export interface LockHolder {
  /** `null` for a prepared transaction, which holds the lock without a session. */
  readonly pid: number | null;
  /** The name of the prepared transaction; `null` for a session. */
  readonly gid: string | null;
  readonly role: string | null;
  readonly applicationName: string | null;
  readonly ageSeconds: Seconds | null;
}

/** A database in which temporary tables were not looked for, and why. */
export interface UncheckedDatabase {
  readonly name: string;
  readonly reason: string;
}
