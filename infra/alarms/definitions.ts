/** Every alarm: its metric, label and description. A new alarm goes here, into names.ts and into conditions.ts. */
import { ComparisonOperator, type IMetric, MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { invokeCommand, tailCommand } from '../commands.js';
import type { ReaperMetrics } from '../metrics/metrics.js';
import type { InstanceMetricOptions } from '../metrics/plain-metrics.js';
import type { MetricAlarmName } from './names.js';

/** What the alarms watch. */
export interface Watched {
  readonly reaper: ReaperMetrics;
  readonly logGroup: ILogGroup;
}

/** What an alarm watches and says, without its numbers. */
export interface AlarmDefinition {
  /** Whether each instance has one of its own. */
  readonly ofInstance: boolean;

  readonly metric: (reaper: ReaperMetrics, options: Pick<InstanceMetricOptions, 'instance' | 'period'>) => IMetric;

  /** @default GREATER_THAN_OR_EQUAL_TO_THRESHOLD */
  readonly comparisonOperator?: ComparisonOperator;

  /** What the condition calls the metric. */
  readonly quantity: string;

  /** What the condition means and what to do, in sentences. */
  readonly meaning: string;

  /** Whether it watches several series, each with a state of its own: a contributor. */
  readonly hasContributors: boolean;

  /** Why missing data is treated as it is, after "since". */
  readonly silence: string;

  /** Why so many periods, in a sentence. */
  readonly window: string;

  /** The first command to run. */
  readonly command: (watched: Watched) => string;
}

/** The command that says who holds the slots, and changes nothing. */
export const reportCommand = ({ reaper }: Watched) => invokeCommand(reaper, { action: 'report' });

const UNSEEN = 'a sweep that failed says nothing about slots';

const DEPLOYMENT = 'Two of three periods, because one may be a deployment';

/** The alarms on a metric. */
export const ALARM_DEFINITIONS: Readonly<Record<MetricAlarmName, AlarmDefinition>> = {
  ServerFull: {
    ofInstance: true,
    hasContributors: false,
    metric: (reaper, options) => reaper.metricServerFull(options),
    quantity: 'ServerFull',
    meaning:
      'The server rejects new connections ("too many clients"). The report says which service leaks, and has the command ' +
      'that terminates its connections.',
    silence: UNSEEN,
    window: 'One period is enough, because applications cannot log in already.',
    command: reportCommand,
  },
  SlotsNearlyFull: {
    ofInstance: true,
    hasContributors: false,
    metric: (reaper, options) => reaper.metricSlotsUsedPercent(options),
    quantity: 'SlotsUsedPercent',
    meaning: 'Few connection slots are free. The report names the application that holds most of them.',
    silence: UNSEEN,
    window: `${DEPLOYMENT}, but a leak fills the server within minutes.`,
    command: reportCommand,
  },
  DatabaseConnections: {
    ofInstance: true,
    hasContributors: false,
    metric: (reaper, options) => reaper.metricDatabaseConnections(options),
    quantity: "RDS's own DatabaseConnections",
    meaning:
      'There are as many connections as the threshold that you set. RDS counts them, so this works even if every sweep fails.',
    silence: 'a database that is paused or stopped publishes no data',
    window: `${DEPLOYMENT}.`,
    command: reportCommand,
  },
  ApplicationConnectionsHigh: {
    ofInstance: false,
    hasContributors: true,
    metric: (reaper, { period }) => reaper.insightsSlotsUsedPercentByApplication({ ...(period && { period }) }),
    quantity: "an application's SlotsUsedPercent",
    meaning:
      'One application holds most slots. The contributor names it; (other) stands for applications without a series of ' +
      'their own. The report says whether it leaks, and how to fix it.',
    silence: 'an application without data has left',
    window: `${DEPLOYMENT}.`,
    command: reportCommand,
  },
  LeakContinues: {
    ofInstance: false,
    hasContributors: true,
    metric: (reaper, { period }) => reaper.insightsTerminatedLeaksByApplication({ ...(period && { period }) }),
    quantity: "an application's TerminatedLeaks",
    meaning:
      'The reaper keeps terminating connections that one application leaks. The contributor names it; (other) stands for ' +
      'applications without a series of their own. Terminating only buys time: the report says what to fix.',
    silence: 'an application without data has left',
    window: 'Five of six long periods, because a leak goes on for hours, and a slow leak has gaps.',
    command: reportCommand,
  },
  RoleNearLimit: {
    ofInstance: false,
    hasContributors: true,
    metric: (reaper, { period }) => reaper.insightsRoleLimitUsedPercentByRole({ ...(period && { period }) }),
    quantity: "a role's RoleLimitUsedPercent",
    meaning:
      'The server will soon reject logins of a role, because the role is near its limit. The contributor names it. Find its ' +
      'leak, or raise its limit.',
    silence: 'a role without data has lost its limit',
    window: `${DEPLOYMENT}.`,
    command: reportCommand,
  },
  ReaperFailing: {
    ofInstance: false,
    hasContributors: false,
    metric: (reaper, { period }) => reaper.metricErrors({ ...(period && { period }) }),
    quantity: "the function's Errors",
    meaning: 'Sweeps fail, completely or in part. The log says why.',
    silence: 'a function that did not run did not fail',
    window:
      'Three of five periods, because the next sweep retries one that failed. One failover or one wrong event should not ' +
      'notify anybody.',
    command: ({ logGroup }) => tailCommand(logGroup),
  },
  ReaperNotRunning: {
    ofInstance: true,
    hasContributors: false,
    metric: (reaper, options) => reaper.metricSweepsCompleted(options),
    comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
    quantity: 'SweepsCompleted',
    meaning:
      'No sweep completes. The cause is the schedule, the network or the login. The command runs a sweep and says which.',
    silence: 'missing sweeps are what it watches for',
    window:
      'Three periods in a row, because a sweep may start late in its minute and the next one early. In practice about five ' +
      'pass, because CloudWatch looks at two older periods too.',
    command: ({ reaper }) => invokeCommand(reaper, { action: 'sweep' }),
  },
  ReaperBlind: {
    ofInstance: true,
    hasContributors: false,
    metric: (reaper, options) =>
      new MathExpression({
        label: 'unreadable connections and refused terminations',
        expression: 'unreadable + refused',
        usingMetrics: {
          unreadable: reaper.metricUnreadableConnections(options),
          refused: reaper.metricRefusedTerminations(options),
        },
        period: options.period ?? reaper.interval,
      }),
    quantity: 'UnreadableConnections + RefusedTerminations',
    meaning: "The reaper's role has too few permissions. The report prints the GRANT that is missing.",
    silence: 'a sweep that failed says nothing about permissions',
    window: 'Three periods in a row, because a new role may get its grants a minute later.',
    command: reportCommand,
  },
};
