import {
  type Alarm,
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type GraphWidgetProps,
  type IMetric,
  type IWidget,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { ReaperAlarms } from './alarms.js';
import { invokeCommand } from './commands.js';
import type { ReaperMetrics } from './metrics.js';

/** One page to act from: what is wrong, who holds the slots, what the reaper does about it. */
export function reaperDashboard(scope: Construct, reaper: ReaperMetrics, alarms: ReaperAlarms): Dashboard {
  return new Dashboard(scope, 'Dashboard', {
    // The names of dashboards have no dots.
    dashboardName: `ConnectionReaper-${reaper.databaseIdentifier.replaceAll('.', '_')}`,
    widgets: [
      [firstSteps(reaper), new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms.all], width: 12, height: 6 })],
      [slotsUsed(reaper, alarms), backends(reaper)],
      [slotsByApplication(reaper, alarms), rolesAgainstLimits(reaper, alarms)],
      [backendsByApplication(reaper), idleByApplication(reaper)],
      [reaped(reaper), reapedByApplication(reaper)],
      [oldestIdle(reaper), health(reaper)],
    ],
  });
}

function firstSteps({ databaseIdentifier, handler }: ReaperMetrics): IWidget {
  const markdown = [
    `## Connections to ${databaseIdentifier}`,
    'What holds the slots, and what to do:',
    `\`\`\`\n${invokeCommand(handler, { action: 'report' })}\n\`\`\``,
    'End what has been idle for a minute:',
    `\`\`\`\n${invokeCommand(handler, { action: 'reap', idleAfter: '1m', dryRun: false })}\n\`\`\``,
  ];
  return new TextWidget({ markdown: markdown.join('\n\n'), width: 12, height: 6 });
}

function slotsUsed(reaper: ReaperMetrics, { slotsNearlyFull }: ReaperAlarms): IWidget {
  return graph('Slots used', '%', {
    left: eachInstance(reaper, (instance) => reaper.metricSlotsUsedPercent({ instance, label: instance })),
    // One line stands for all instances: their thresholds are the same.
    leftAnnotations: thresholds(slotsNearlyFull.slice(0, 1)),
  });
}

function backends(reaper: ReaperMetrics): IWidget {
  return graph('Backends', 'Count', {
    left: eachInstance(
      reaper,
      (instance) => reaper.metricBackends({ instance, label: `${instance} all` }),
      (instance) => reaper.metricIdleBackends({ instance, label: `${instance} idle` }),
      (instance) => reaper.metricSlotsFree({ instance, label: `${instance} free slots` }),
    ),
  });
}

function slotsByApplication(reaper: ReaperMetrics, { applicationHogging }: ReaperAlarms): IWidget {
  return graph('Slots used by application', '%', {
    left: [reaper.metricSlotsUsedPercentByApplication()],
    leftAnnotations: thresholds([applicationHogging]),
  });
}

function rolesAgainstLimits(reaper: ReaperMetrics, { roleNearLimit }: ReaperAlarms): IWidget {
  return graph('Connection limit used by role', '%', {
    left: [reaper.metricRoleLimitUsedPercentByRole()],
    leftAnnotations: thresholds([roleNearLimit]),
  });
}

function backendsByApplication(reaper: ReaperMetrics): IWidget {
  return graph('Backends by application', 'Count', { left: [reaper.metricBackendsByApplication()], stacked: true });
}

function idleByApplication(reaper: ReaperMetrics): IWidget {
  return graph('Idle by application', 'Count', { left: [reaper.metricIdleBackendsByApplication()], stacked: true });
}

function reaped(reaper: ReaperMetrics): IWidget {
  return graph('Reaping', 'Count', {
    left: eachInstance(
      reaper,
      (instance) => reaper.metricReapableBackends({ instance, label: `${instance} reapable` }),
      (instance) => reaper.metricTerminatedBackends({ instance, label: `${instance} terminated` }),
      (instance) => reaper.metricRefusedTerminations({ instance, label: `${instance} refused` }),
    ),
  });
}

function reapedByApplication(reaper: ReaperMetrics): IWidget {
  return graph('Terminated by application', 'Count', {
    left: [reaper.metricTerminatedBackendsByApplication()],
    stacked: true,
  });
}

function oldestIdle(reaper: ReaperMetrics): IWidget {
  return graph('Oldest idle backend', 'Seconds', {
    left: eachInstance(reaper, (instance) => reaper.metricOldestIdleSeconds({ instance, label: instance })),
  });
}

function health(reaper: ReaperMetrics): IWidget {
  return graph('The reaper itself', 'Count', {
    left: [
      ...eachInstance(
        reaper,
        (instance) => reaper.metricSweepsCompleted({ instance, label: `${instance} sweeps completed` }),
        (instance) => reaper.metricServerFull({ instance, label: `${instance} server full` }),
        (instance) => reaper.metricUnreadableBackends({ instance, label: `${instance} unreadable` }),
      ),
      reaper.metricErrors({ label: 'failed runs' }),
    ],
  });
}

function eachInstance(reaper: ReaperMetrics, ...metrics: readonly ((instance: string) => IMetric)[]): IMetric[] {
  return reaper.instanceNames.flatMap((instance) => metrics.map((metric) => metric(instance)));
}

function thresholds(alarms: readonly Alarm[]) {
  return alarms.map((alarm) => alarm.toAnnotation());
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
