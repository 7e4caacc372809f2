/** The server's settings that decide how long a lost or forgotten connection stays, and how much room there is for it. */
import type { Seconds } from '../input/duration.js';

/**
 * As they hold for every role and database. `null` where the version does not have a setting, or where the reaper's own
 * role or database has another value, which hides the server's.
 */
export interface ServerSettings {
  /** 0 is the operating system's value, mostly two hours. */
  readonly tcpKeepalivesIdle: Seconds | null;
  /** Milliseconds; 0 is off. From 14 on. */
  readonly clientConnectionCheckInterval: number | null;
  /** Milliseconds; 0 is off. From 14 on. */
  readonly idleSessionTimeout: number | null;
  /** Milliseconds; 0 is off. */
  readonly idleInTransactionSessionTimeout: number | null;
  /** Bytes. */
  readonly sharedBuffers: number;
  /** Bytes. */
  readonly workMem: number | null;
  /** What `ALTER ROLE … SET` and `ALTER DATABASE … SET` change for the roles and databases that have connections. */
  readonly overrides: readonly SettingOverride[];
  /** Databases with a CONNECTION LIMIT. */
  readonly limitedDatabases: readonly LimitedDatabase[];
}

/** A setting of one role, one database, or one role in one database. */
export interface SettingOverride {
  /** `null` is every role. */
  readonly role: string | null;
  /** `null` is every database. */
  readonly database: string | null;
  readonly name: string;
  /** As it was written: `1min`, `60000`, `0`. */
  readonly value: string;
}

export interface LimitedDatabase {
  readonly name: string;
  /** `datconnlimit`; 0 is a real limit. */
  readonly connectionLimit: number;
}
