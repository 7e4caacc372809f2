/** What the package exports. Everything else in it may change with any release. */
export type { MetricAlarmName } from './alarms/names.js';
export type { AlarmOverride, AlarmOverrides, PageOverride } from './alarms/overrides.js';
export type { ReaperAlarms } from './alarms/reaper-alarms.js';
export { ConnectionReaper } from './connection-reaper.js';
export type {
  ApplicationNameRule,
  ConnectionReaperProps,
  PressureTier,
  ReaperDatabase,
  ReaperInstance,
  ReaperRule,
} from './connection-reaper-props.js';
export type { FleetMetricOptions, ReaperMetrics } from './metrics/metrics.js';
export type {
  ApplicationMetricOptions,
  InstanceMetricOptions,
  ReaperMetricOptions,
  RoleMetricOptions,
} from './metrics/plain-metrics.js';
