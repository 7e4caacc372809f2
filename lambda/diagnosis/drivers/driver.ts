/** What is known of a driver or pool: how its connections look, and what becomes of them. */
export interface Driver {
  readonly name: string;
  readonly signs: DriverSigns;
  /** At most two lines: how the code gives a connection back. */
  readonly fix: readonly string[];
  /** The setting or the call that finds the leak. */
  readonly find: string;
  /** Whether the application works again after its leaked connections were terminated. */
  readonly healsAfterTermination: 'yes' | 'no' | 'partly';
  /** What stays stuck after that, and what to restart. */
  readonly afterTermination: string;
  /** Whom the termination of a connection harms that is at rest in its pool. `null`: nobody, the pool opens another. */
  readonly harm: string | null;
  /** `run`: tried with the real driver. `read`: known from its documentation and code. */
  readonly source: 'run' | 'read';
}

/** What tells a driver from all others. One match is enough, so each one must be decisive by itself. */
export interface DriverSigns {
  /** Drivers of two platforms are never behind the connections of one service. */
  readonly platform: 'Node.js' | 'Python' | 'JVM' | 'Ruby' | 'Go' | '.NET' | 'PHP' | 'psql' | 'PgBouncer';
  /** A framework has a driver below it, and its own advice. */
  readonly layer: 'driver' | 'framework';
  /** The default `application_name`. */
  readonly applicationName?: string;
  /** The tag `db_driver` or `framework` of SQLCommenter. */
  readonly tag?: RegExp;
  /** Redacted statements that nothing else sends. */
  readonly statements?: readonly RegExp[];
}
