/**
 * The names that the function and the infrastructure share. Deploy time and run time read them from here, so that an
 * alarm cannot watch a metric that nobody publishes. Imports nothing.
 */

/** The environment variable that carries the settings, as JSON. */
export const SETTINGS_VARIABLE = 'REAPER_SETTINGS';

/** The bootstrap's environment variable that names the secret of an administrator. The scheduled function has none. */
export const ADMIN_SECRET_VARIABLE = 'REAPER_ADMIN_SECRET';

/** The role that the bootstrap makes, unless the deployment names another. */
export const REAPER_ROLE = 'connection_reaper';

/**
 * What the comment on a reaper's role begins with; the name of its database in metrics and reports follows. PostgreSQL lets
 * only superusers and administrators of roles comment on a role, so nobody can give it to itself.
 */
export const REAPER_MARK = 'Connection Reaper: ';

/** The CloudWatch namespace of every metric; the function's role may publish into this one only. */
export const NAMESPACE = 'ConnectionReaper';

/** The name of the one instance that settings without `instances` describe: the host and port in the secret. */
export const DEFAULT_INSTANCE_NAME = 'primary';

/**
 * The least time, in seconds, that a run needs to keep its promises: a login that knocks, one round of work, and the
 * publishing of what came of it at an endpoint that does not answer.
 */
export const LEAST_TIMEOUT_SECONDS = 35;

/** How backends without an application_name are called wherever applications are counted. */
export const UNNAMED_APPLICATION = '(none)';

/** The series that stands for the applications that have none of their own. */
export const OTHER_APPLICATIONS = '(other)';

/** The series that stands for the roles that have none of their own. */
export const OTHER_ROLES = '(other)';

/** How many roles have a series although no limit is declared for them. */
export const MAX_UNDECLARED_ROLES = 20;

/** The `application_name` of the reaper's own session. */
export const REAPER_APPLICATION_NAME = 'connection-reaper';

/**
 * The dimension sets that are published, by the level they describe. CloudWatch treats each set as a metric of its own,
 * and `SCHEMA(…)` in Metrics Insights matches a set only when it is exactly this one.
 */
export const DIMENSIONS = {
  instance: ['Database', 'Instance'],
  application: ['Database', 'Instance', 'Application'],
  role: ['Database', 'Role'],
} as const;

/** A level at which metrics are published. */
export type MetricLevel = keyof typeof DIMENSIONS;

/** Every metric with its CloudWatch unit, by the level it is published at. */
export const METRICS = {
  instance: {
    /** Of the slots that ordinary roles can use; over 100 when reserved slots are taken too. */
    SlotsUsedPercent: 'Percent',
    SlotsFree: 'Count',
    Connections: 'Count',
    IdleConnections: 'Count',
    TerminatedConnections: 'Count',
    /** Chosen by the policy: ended in `enforce`, only counted in `preview`. */
    ReapableConnections: 'Count',
    RefusedTerminations: 'Count',
    /** Backends whose state the reaper's login may not see. */
    UnreadableConnections: 'Count',
    /** 1 when no ordinary role can get in, the reaper included. */
    ServerFull: 'Count',
    SweepsCompleted: 'Count',
    OldestIdleSeconds: 'Seconds',
  },
  application: {
    Connections: 'Count',
    IdleConnections: 'Count',
    TerminatedConnections: 'Count',
    SlotsUsedPercent: 'Percent',
  },
  role: {
    RoleLimitUsedPercent: 'Percent',
  },
} as const satisfies Record<MetricLevel, Record<string, 'Count' | 'Percent' | 'Seconds'>>;

/** The names of the metrics published at a level. */
export type MetricName<Level extends MetricLevel> = keyof (typeof METRICS)[Level] & string;
