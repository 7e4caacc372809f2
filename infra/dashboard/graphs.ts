import { Duration } from 'aws-cdk-lib';
import { type Alarm, GraphWidget, type GraphWidgetProps, type IMetric, type IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { ReaperAlarms } from '../alarms/reaper-alarms.js';
import type { ReaperMetrics } from '../metrics/metrics.js';

type AlarmsByName = ReaperAlarms['byName'];

/** The graphs of a reaper, in rows: the slots, who holds them, what is done about it, and how the reaper is. */
export function reaperGraphs(reaper: ReaperMetrics, alarms: AlarmsByName): IWidget[][] {
  return [
    [slotsUsed(reaper, alarms), connections(reaper)],
    [slotsByApplication(reaper, alarms), rolesAgainstLimits(reaper, alarms)],
    [connectionsByApplication(reaper), idleByApplication(reaper)],
    [reaped(reaper), leaksByApplication(reaper, alarms)],
    [terminatedByApplication(reaper), oldestIdle(reaper)],
    databaseConnections(reaper, alarms),
    [serverFull(reaper, alarms), sweeps(reaper, alarms), failures(reaper, alarms), blindSpots(reaper, alarms)],
  ];
}

function slotsUsed(reaper: ReaperMetrics, { SlotsNearlyFull }: AlarmsByName): IWidget {
  return graph('Slots used', '%', {
    left: eachInstance(reaper, (instance) =>
      reaper.metricSlotsUsedPercent({ instance, label: instance, ...periodOf(SlotsNearlyFull) }),
    ),
    leftAnnotations: thresholdOf(SlotsNearlyFull),
  });
}

function connections(reaper: ReaperMetrics): IWidget {
  return graph('Connections against usable slots', 'Count', {
    left: eachInstance(
      reaper,
      (instance) => reaper.metricSlotsUsable({ instance, label: `${instance} usable slots` }),
      (instance) => reaper.metricConnections({ instance, label: `${instance} connections` }),
      (instance) => reaper.metricIdleConnections({ instance, label: `${instance} idle` }),
      (instance) => reaper.metricIdleInTransactionConnections({ instance, label: `${instance} idle in transaction` }),
    ),
  });
}

function slotsByApplication(reaper: ReaperMetrics, { ApplicationConnectionsHigh }: AlarmsByName): IWidget {
  return graph('Slots used by application', '%', {
    left: [reaper.metricSlotsUsedPercentByApplication(periodOf(ApplicationConnectionsHigh))],
    leftAnnotations: thresholdOf(ApplicationConnectionsHigh),
  });
}

function rolesAgainstLimits(reaper: ReaperMetrics, { RoleNearLimit }: AlarmsByName): IWidget {
  return graph('Connection limit used by role', '%', {
    left: [reaper.metricRoleLimitUsedPercentByRole(periodOf(RoleNearLimit))],
    leftAnnotations: thresholdOf(RoleNearLimit),
  });
}

function connectionsByApplication(reaper: ReaperMetrics): IWidget {
  return graph('Connections by application', 'Count', {
    left: [reaper.metricConnectionsByApplication()],
    stacked: true,
  });
}

function idleByApplication(reaper: ReaperMetrics): IWidget {
  return graph('Idle by application', 'Count', { left: [reaper.metricIdleConnectionsByApplication()], stacked: true });
}

function reaped(reaper: ReaperMetrics): IWidget {
  return graph('Reaping', 'Count', {
    left: eachInstance(
      reaper,
      (instance) => reaper.metricLeakedConnections({ instance, label: `${instance} leaked` }),
      (instance) => reaper.metricReapableConnections({ instance, label: `${instance} reapable` }),
      (instance) => reaper.metricTerminatedConnections({ instance, label: `${instance} terminated` }),
    ),
  });
}

/** Not stacked, since the alarm holds each application by itself against its threshold. */
function leaksByApplication(reaper: ReaperMetrics, { LeakContinues }: AlarmsByName): IWidget {
  return graph('Leaks terminated by application', 'Count', {
    left: [reaper.metricTerminatedLeaksByApplication(periodOf(LeakContinues))],
    leftAnnotations: thresholdOf(LeakContinues),
  });
}

function terminatedByApplication(reaper: ReaperMetrics): IWidget {
  return graph('Terminated by application', 'Count', {
    left: [reaper.metricTerminatedConnectionsByApplication()],
    stacked: true,
  });
}

function oldestIdle(reaper: ReaperMetrics): IWidget {
  return graph('Oldest idle connection', 'Seconds', {
    left: eachInstance(reaper, (instance) => reaper.metricOldestIdleSeconds({ instance, label: instance })),
  });
}

/** Only of the instances that RDS's name is known of. */
function databaseConnections(reaper: ReaperMetrics, { DatabaseConnections }: AlarmsByName): IWidget[] {
  const known = reaper.instanceNames.filter((instance) => Object.hasOwn(reaper.dbInstanceIdentifiers, instance));
  if (known.length === 0) return [];
  return [
    graph('Connections as RDS counts them', 'Count', {
      left: known.map((instance) =>
        reaper.metricDatabaseConnections({ instance, label: instance, ...periodOf(DatabaseConnections) }),
      ),
      leftAnnotations: thresholdOf(DatabaseConnections),
    }),
  ];
}

function serverFull(reaper: ReaperMetrics, { ServerFull }: AlarmsByName): IWidget {
  return quarter('Server full', {
    left: eachInstance(reaper, (instance) =>
      reaper.metricServerFull({ instance, label: instance, ...periodOf(ServerFull) }),
    ),
    leftAnnotations: thresholdOf(ServerFull),
  });
}

function sweeps(reaper: ReaperMetrics, { ReaperNotRunning }: AlarmsByName): IWidget {
  return quarter('Sweeps completed', {
    left: eachInstance(reaper, (instance) =>
      reaper.metricSweepsCompleted({ instance, label: instance, ...periodOf(ReaperNotRunning) }),
    ),
    leftAnnotations: thresholdOf(ReaperNotRunning),
  });
}

function failures(reaper: ReaperMetrics, { ReaperFailing }: AlarmsByName): IWidget {
  return quarter('Failed runs', {
    left: [reaper.metricErrors({ label: 'failed runs', ...periodOf(ReaperFailing) })],
    leftAnnotations: thresholdOf(ReaperFailing),
  });
}

/** Stacked, since the alarm holds the sum of both against its threshold. */
function blindSpots(reaper: ReaperMetrics, { ReaperBlind }: AlarmsByName): IWidget {
  const period = periodOf(ReaperBlind);
  return quarter('Unreadable or refused', {
    left: eachInstance(
      reaper,
      (instance) => reaper.metricUnreadableConnections({ instance, label: `${instance} unreadable`, ...period }),
      (instance) => reaper.metricRefusedTerminations({ instance, label: `${instance} refused`, ...period }),
    ),
    leftAnnotations: thresholdOf(ReaperBlind),
    stacked: true,
  });
}

function eachInstance(reaper: ReaperMetrics, ...metrics: readonly ((instance: string) => IMetric)[]): IMetric[] {
  return reaper.instanceNames.flatMap((instance) => metrics.map((metric) => metric(instance)));
}

/** The line of an alarm. One stands for all instances: their thresholds are the same. */
function thresholdOf(alarms: readonly Alarm[]) {
  return alarms.slice(0, 1).map((alarm) => alarm.toAnnotation());
}

/** The period of an alarm's datapoints, which its threshold is meant for. */
function periodOf([alarm]: readonly Alarm[]): { readonly period?: Duration } {
  const { metricStat, mathExpression } = alarm?.metric.toMetricConfig() ?? {};
  if (metricStat !== undefined) return { period: metricStat.period };
  return mathExpression === undefined ? {} : { period: Duration.seconds(mathExpression.period) };
}

function graph(title: string, axis: string, props: GraphWidgetProps): IWidget {
  return new GraphWidget({
    title,
    leftYAxis: { label: axis, min: 0, showUnits: false },
    width: 12,
    height: 6,
    ...props,
  });
}

function quarter(title: string, props: GraphWidgetProps): IWidget {
  return graph(title, 'Count', { width: 6, ...props });
}
