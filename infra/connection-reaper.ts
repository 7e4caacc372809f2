import type { Duration } from 'aws-cdk-lib';
import type { Dashboard } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { type ILogGroup, LogGroup } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { type IQueue, Queue } from 'aws-cdk-lib/aws-sqs';
import type { ITrigger } from 'aws-cdk-lib/triggers';
import type { Construct } from 'constructs';
import { instanceNames } from '../lambda/settings.js';
import { alarmTopic } from './alarm-topic.js';
import { ReaperAlarms } from './alarms.js';
import { bootstrapTrigger, ownSecret } from './bootstrap.js';
import { checkProps, withDefaults } from './check-props.js';
import type { ConnectionReaperProps } from './connection-reaper-props.js';
import { reaperDashboard } from './dashboard.js';
import { ReaperMetrics } from './metrics.js';
import { connectToDatabase, reaperSecurityGroup } from './network.js';
import { reaperFunction } from './reaper-function.js';
import { scheduleSweeps } from './schedule.js';

/**
 * Reaps the idle connections of one PostgreSQL database, caps its roles, and says who leaks: a function that is invoked
 * every minute, metrics, alarms and a dashboard.
 *
 * The function has no reserved concurrency. A sweep that hangs would then keep the person on call from invoking it by
 * hand, and small accounts have none to reserve. Two runs at once do no harm, since each termination rechecks its backend.
 *
 * @example
 * new ConnectionReaper(this, 'Reaper', {
 *   databaseIdentifier: 'orders',
 *   secret,
 *   vpc,
 *   databaseSecurityGroup,
 *   roleLimits: { checkout: 40 },
 * });
 */
export class ConnectionReaper extends ReaperMetrics {
  readonly databaseIdentifier: string;
  readonly instanceNames: readonly string[];
  readonly interval: Duration;
  readonly handler: IFunction;

  /** The login: the given one, or the construct's own. */
  readonly secret: ISecret;

  /** What sets up the database role on deployment; only with `adminSecret`. */
  readonly bootstrap?: ITrigger;

  /** The function's log: every termination and every change of a limit. */
  readonly logGroup: ILogGroup;

  /** Takes the sweeps that could not be started, and those that failed. Nothing reads it. */
  readonly deadLetterQueue: IQueue;

  /** Where alarms and recoveries go. */
  readonly alarmTopic: ITopic;

  /** The alarms. */
  readonly alarms: ReaperAlarms;

  /** The dashboard. */
  readonly dashboard: Dashboard;

  /** @throws InputError with everything that is wrong with the props. */
  constructor(scope: Construct, id: string, props: ConnectionReaperProps) {
    super(scope, id);
    const settings = checkProps(props, this.node.path);
    const { interval, timeout, logRetention, ...thresholds } = withDefaults(props);

    this.databaseIdentifier = props.databaseIdentifier;
    this.instanceNames = instanceNames(settings);
    this.interval = interval;
    this.logGroup = new LogGroup(this, 'Log', { retention: logRetention });
    this.deadLetterQueue = new Queue(this, 'DeadLetters', { enforceSSL: true });
    const { logGroup, deadLetterQueue } = this;

    const secret = props.secret ?? ownSecret(this, props.databaseIdentifier);
    const securityGroups = props.securityGroups ?? [reaperSecurityGroup(this, props)];
    const handler = reaperFunction(this, { ...props, secret, securityGroups, timeout, logGroup, deadLetterQueue });
    connectToDatabase(handler.connections, props);
    this.handler = handler;
    this.secret = secret;
    const schedule = scheduleSweeps(this, handler, { interval, deadLetterQueue });

    const { adminSecret } = props;
    if (adminSecret !== undefined) {
      this.bootstrap = bootstrapTrigger(this, {
        ...props,
        secret,
        adminSecret,
        securityGroups,
        logRetention,
      });
      this.bootstrap.executeBefore(schedule);
    }

    this.alarmTopic = props.alarmTopic ?? alarmTopic(this, props.databaseIdentifier);
    this.alarms = new ReaperAlarms(this, 'Alarms', { ...thresholds, reaper: this, logGroup, topic: this.alarmTopic });
    this.dashboard = reaperDashboard(this, this, this.alarms);
  }
}
