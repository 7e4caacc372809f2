/** What the package exports. Everything else in it may change with any release. */
export type { ReaperAlarms } from './alarms.js';
export { ConnectionReaper } from './connection-reaper.js';
export type {
  ApplicationNameRule,
  ConnectionReaperProps,
  PressureTier,
  ReaperInstance,
  ReaperRule,
} from './connection-reaper-props.js';
export type {
  FleetMetricOptions,
  InstanceMetricOptions,
  ReaperMetricOptions,
  ReaperMetrics,
} from './metrics.js';
