/**
 * The metrics: their namespace, dimensions and names. The function publishes them, and alarms and dashboard read them, so that
 * an alarm cannot watch a metric that nobody publishes. Imports nothing.
 */

/** The CloudWatch namespace of every metric; the function's role may publish into this one only. */
export const NAMESPACE = 'ConnectionReaper';

/** How backends without an application_name are called wherever applications are counted. */
export const UNNAMED_APPLICATION = '(none)';

/** The series that stands for the applications that have none of their own. */
export const OTHER_APPLICATIONS = '(other)';

/** The series that stands for the roles that have none of their own. */
export const OTHER_ROLES = '(other)';

/** How many roles have a series although no limit is declared for them. */
export const MAX_UNDECLARED_ROLES = 20;

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
    /** Idle inside a transaction, aborted ones included. */
    IdleInTransactionConnections: 'Count',
    /** Connections that the diagnosis calls leaked, before any of them was terminated. */
    LeakedConnections: 'Count',
    TerminatedConnections: 'Count',
    /** Chosen by the policy: ended in `enforce`, only counted in `preview`. */
    ReapableConnections: 'Count',
    RefusedTerminations: 'Count',
    /** Backends whose state the reaper's login may not see, or the server does not track. */
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
    /** Of the terminated ones, those that the diagnosis calls leaked. Published only where there are any. */
    TerminatedLeaks: 'Count',
    SlotsUsedPercent: 'Percent',
  },
  role: {
    RoleLimitUsedPercent: 'Percent',
  },
} as const satisfies Record<MetricLevel, Record<string, 'Count' | 'Percent' | 'Seconds'>>;

/** The names of the metrics published at a level. */
export type MetricName<Level extends MetricLevel> = keyof (typeof METRICS)[Level] & string;
