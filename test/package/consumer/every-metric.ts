/** Compiled, never run: every metric that a reaper offers to build on. A method left out here doesn't compile. */
import { Duration } from 'aws-cdk-lib';
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch';
import type {
  ApplicationMetricOptions,
  ConnectionReaper,
  FleetMetricOptions,
  InstanceMetricOptions,
  ReaperMetricOptions,
  ReaperMetrics,
  RoleMetricOptions,
} from 'connection-reaper';

const plain: ReaperMetricOptions = { period: Duration.minutes(5), statistic: 'p90', label: 'mine', color: '#ff0000' };
const instance: InstanceMetricOptions = { ...plain, instance: 'writer' };
const application: ApplicationMetricOptions = { ...instance, application: 'checkout' };
const role: RoleMetricOptions = { ...plain, role: 'checkout' };
const fleet: FleetMetricOptions = { label: 'mine', period: Duration.minutes(5) };
const label = 'mine';

type MetricMethod = Extract<keyof ConnectionReaper, `metric${string}` | `insights${string}`>;

export const everyMetric = (reaper: ConnectionReaper): Record<MetricMethod, readonly IMetric[]> => ({
  metricSlotsUsedPercent: [reaper.metricSlotsUsedPercent(), reaper.metricSlotsUsedPercent(application)],
  metricSlotsFree: [reaper.metricSlotsFree(), reaper.metricSlotsFree(instance)],
  metricSlotsUsable: [reaper.metricSlotsUsable(), reaper.metricSlotsUsable({ instance: 'writer', label })],
  metricConnections: [reaper.metricConnections(), reaper.metricConnections(application)],
  metricIdleConnections: [reaper.metricIdleConnections(), reaper.metricIdleConnections(application)],
  metricIdleInTransactionConnections: [
    reaper.metricIdleInTransactionConnections(),
    reaper.metricIdleInTransactionConnections(instance),
  ],
  metricLeakedConnections: [reaper.metricLeakedConnections(), reaper.metricLeakedConnections(instance)],
  metricTerminatedLeaks: [reaper.metricTerminatedLeaks({ ...application, application: 'checkout' })],
  metricTerminatedLeaksByApplication: [
    reaper.metricTerminatedLeaksByApplication(),
    reaper.metricTerminatedLeaksByApplication(fleet),
  ],
  metricTerminatedConnections: [reaper.metricTerminatedConnections(), reaper.metricTerminatedConnections(application)],
  metricReapableConnections: [reaper.metricReapableConnections(), reaper.metricReapableConnections(instance)],
  metricRefusedTerminations: [reaper.metricRefusedTerminations(), reaper.metricRefusedTerminations(instance)],
  metricUnreadableConnections: [reaper.metricUnreadableConnections(), reaper.metricUnreadableConnections(instance)],
  metricServerFull: [reaper.metricServerFull(), reaper.metricServerFull(instance)],
  metricSweepsCompleted: [reaper.metricSweepsCompleted(), reaper.metricSweepsCompleted(instance)],
  metricOldestIdleSeconds: [reaper.metricOldestIdleSeconds(), reaper.metricOldestIdleSeconds(instance)],
  metricRoleLimitUsedPercent: [reaper.metricRoleLimitUsedPercent(role)],
  metricErrors: [reaper.metricErrors(), reaper.metricErrors(plain)],
  metricDatabaseConnections: [reaper.metricDatabaseConnections(), reaper.metricDatabaseConnections(instance)],
  metricSlotsUsedPercentByApplication: [
    reaper.metricSlotsUsedPercentByApplication(),
    reaper.metricSlotsUsedPercentByApplication(fleet),
  ],
  metricConnectionsByApplication: [
    reaper.metricConnectionsByApplication(),
    reaper.metricConnectionsByApplication(fleet),
  ],
  metricIdleConnectionsByApplication: [
    reaper.metricIdleConnectionsByApplication(),
    reaper.metricIdleConnectionsByApplication(fleet),
  ],
  metricTerminatedConnectionsByApplication: [
    reaper.metricTerminatedConnectionsByApplication(),
    reaper.metricTerminatedConnectionsByApplication(fleet),
  ],
  metricRoleLimitUsedPercentByRole: [
    reaper.metricRoleLimitUsedPercentByRole(),
    reaper.metricRoleLimitUsedPercentByRole(fleet),
  ],
  insightsSlotsUsedPercentByApplication: [
    reaper.insightsSlotsUsedPercentByApplication(),
    reaper.insightsSlotsUsedPercentByApplication(fleet),
  ],
  insightsTerminatedLeaksByApplication: [
    reaper.insightsTerminatedLeaksByApplication(),
    reaper.insightsTerminatedLeaksByApplication(fleet),
  ],
  insightsRoleLimitUsedPercentByRole: [
    reaper.insightsRoleLimitUsedPercentByRole(),
    reaper.insightsRoleLimitUsedPercentByRole(fleet),
  ],
});

/** What a team's own dashboard needs of a reaper. */
export const graphed = (reaper: ReaperMetrics): readonly IMetric[] =>
  reaper.instanceNames.map((name) => reaper.metricConnections({ instance: name }));
