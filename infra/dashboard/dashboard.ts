import {
  AlarmStatusWidget,
  AlarmStatusWidgetSortBy,
  Column,
  Dashboard,
  type IWidget,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { ReaperAlarms } from '../alarms/reaper-alarms.js';
import { invokeCommand } from '../commands.js';
import type { ReaperMetrics } from '../metrics/metrics.js';
import { reaperGraphs } from './graphs.js';

/**
 * One page to act from: what is wrong, who holds the slots, what the reaper does about it. Each alarm's threshold is a line
 * on the graph of its metric.
 *
 * It shows 12 metrics of an instance and 1 of the function, beside those that its searches find: 4 for each application on
 * each instance, 1 for each role with a limit. CloudWatch gives away three dashboards of 50 metrics in an account.
 */
export function reaperDashboard(scope: Construct, reaper: ReaperMetrics, alarms: ReaperAlarms): Dashboard {
  return new Dashboard(scope, 'Dashboard', {
    // The names of dashboards have no dots.
    dashboardName: `ConnectionReaper-${reaper.databaseLabel.replaceAll('.', '_')}`,
    widgets: [[firstSteps(reaper), ...alarmStates(alarms)], ...reaperGraphs(reaper, alarms.byName)],
  });
}

function firstSteps(reaper: ReaperMetrics): IWidget {
  const markdown = [
    `## Connections to ${reaper.databaseLabel}`,
    'Who leaks, what to do, and the command that does it:',
    `\`\`\`\n${invokeCommand(reaper, { action: 'report' })}\n\`\`\``,
  ];
  return new TextWidget({ markdown: markdown.join('\n\n'), width: 12, height: 8 });
}

/** ConnectionsCritical by itself and first; below it whatever is in ALARM comes first. Nothing for what is left out. */
function alarmStates({ page, byName }: ReaperAlarms): readonly IWidget[] {
  const others = Object.values(byName).flat();
  const widgets = [
    ...(page === undefined
      ? []
      : [new AlarmStatusWidget({ title: 'ConnectionsCritical', alarms: [page], width: 12, height: 2 })]),
    ...(others.length === 0
      ? []
      : [
          new AlarmStatusWidget({
            title: 'Alarms',
            alarms: others,
            sortBy: AlarmStatusWidgetSortBy.STATE_UPDATED_TIMESTAMP,
            width: 12,
            height: page === undefined ? 8 : 6,
          }),
        ]),
  ];
  return widgets.length === 0 ? [] : [new Column(...widgets)];
}
