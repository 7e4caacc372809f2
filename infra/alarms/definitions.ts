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

/** What an alarm watches and says, save for its numbers. */
export interface AlarmDefinition {
  /** Whether each instance has one of its own. */
  readonly ofInstance: boolean;

  readonly metric: (reaper: ReaperMetrics, options: Pick<InstanceMetricOptions, 'instance' | 'period'>) => IMetric;

  /** @default GREATER_THAN_OR_EQUAL_TO_THRESHOLD */
  readonly comparisonOperator?: ComparisonOperator;

  /** What the condition calls the metric. */
  readonly quantity: string;

  /** What the condition means to whoever reads it, in sentences. */
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

const UNSEEN = 'a sweep that did not get through says nothing about slots';

const DEPLOYMENT = 'Two of three, since one may be a deployment';

/** The alarms on a metric. */
export const ALARM_DEFINITIONS: Readonly<Record<MetricAlarmName, AlarmDefinition>> = {
  ServerFull: {
    ofInstance: true,
    hasContributors: false,
    metric: (reaper, options) => reaper.metricServerFull(options),
    quantity: 'ServerFull',
    meaning:
      'The server takes no more connections ("too many clients"). The command terminates what has been idle for a minute.',
    silence: UNSEEN,
    window: 'One is enough, since applications are being turned away already.',
    command: ({ reaper }) => invokeCommand(reaper, { action: 'report' }),
  },
  SlotsNearlyFull: {
    ofInstance: true,
    hasContributors: false,
    metric: (reaper, options) => reaper.metricSlotsUsedPercent(options),
    quantity: 'SlotsUsedPercent',
    meaning: 'The connection slots run out. The report names the application that holds most of them.',
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
      'Connections are as many as this alarm was set to. RDS counts them, so it alarms also when no sweep gets through.',
    silence: 'a database that pauses or is stopped publishes none',
    window: `${DEPLOYMENT}.`,
    command: reportCommand,
  },
  ApplicationConnectionsHigh: {
    ofInstance: false,
    hasContributors: true,
    metric: (reaper, { period }) => reaper.insightsSlotsUsedPercentByApplication({ ...(period && { period }) }),
    quantity: "an application's SlotsUsedPercent",
    meaning:
      'One application holds most slots, named as the contributor, or (other) where it has no series of its own: fix its ' +
      'leak, which the report describes.',
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
      'applications without a series of their own. Terminating only buys time: fix the statement in the report.',
    silence: 'an application without data has left',
    window: 'Five of six long ones, because a leak goes on for hours, and a slow one has gaps.',
    command: reportCommand,
  },
  RoleNearLimit: {
    ofInstance: false,
    hasContributors: true,
    metric: (reaper, { period }) => reaper.insightsRoleLimitUsedPercentByRole({ ...(period && { period }) }),
    quantity: "a role's RoleLimitUsedPercent",
    meaning: 'A role, named as the contributor, will soon be refused connections: find its leak, or raise its limit.',
    silence: 'a role without data has lost its limit',
    window: `${DEPLOYMENT}.`,
    command: reportCommand,
  },
  ReaperFailing: {
    ofInstance: false,
    hasContributors: false,
    metric: (reaper, { period }) => reaper.metricErrors({ ...(period && { period }) }),
    quantity: "the function's Errors",
    meaning: 'Sweeps fail, wholly or in part. The log says why.',
    silence: 'a function that did not run did not fail',
    window:
      'Three of five, since the next sweep is the retry of one that failed, and a failover or a wrong event by hand ' +
      'should wake nobody.',
    command: ({ logGroup }) => tailCommand(logGroup),
  },
  ReaperNotRunning: {
    ofInstance: true,
    hasContributors: false,
    metric: (reaper, options) => reaper.metricSweepsCompleted(options),
    comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
    quantity: 'SweepsCompleted',
    meaning: 'No sweep gets through: schedule, network or secret. A sweep by hand says which.',
    silence: 'silence is what it watches for',
    window:
      'Three in a row, since the scheduler may start one sweep late in its minute and the next one early. CloudWatch counts ' +
      'to about five, since it looks at two more while the last sweeps are among them.',
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
    meaning: "The reaper's login lacks permissions. The report prints the grants.",
    silence: 'a sweep that did not get through says nothing about permissions',
    window: 'Three in a row: a missing grant is missing every time, but a role may be a minute old.',
    command: reportCommand,
  },
};
