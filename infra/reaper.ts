import { Annotations, type Duration } from 'aws-cdk-lib';
import type { Dashboard } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { type ILogGroup, LogGroup } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { type IQueue, Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct, IConstruct } from 'constructs';
import { DEFAULT_INSTANCE_NAME } from '../lambda/contract/names.js';
import { notifiesTopic } from './alarms/metric-alarms.js';
import { ReaperAlarms } from './alarms/reaper-alarms.js';
import { alarmTopic } from './alarms/topic.js';
import { reaperDashboard } from './dashboard/dashboard.js';
import { bootstrapResource, ownSecret } from './functions/bootstrap.js';
import { reaperFunction } from './functions/reaper-function.js';
import { scheduleSweeps } from './functions/schedule.js';
import { ReaperMetrics } from './metrics/metrics.js';
import { turnOnIamLogin } from './placement/database.js';
import { noteReaperLogin } from './placement/database-login.js';
import { connectToDatabase, placeReaper } from './placement/network.js';
import type { ResolvedProps } from './props/resolved-props.js';

/**
 * What a reaper consists of: the function, what invokes it, its log, metrics, alarms and dashboard. It checks nothing: its
 * props are resolved, by the construct or from an entry of `cdk.json`.
 *
 * The function has no reserved concurrency. A sweep that hangs would then keep the person on call from invoking it by
 * hand, and small accounts have none to reserve. Two runs at once do no harm, since each termination rechecks its
 * connection.
 */
export class Reaper extends ReaperMetrics {
  readonly databaseLabel: string;
  readonly instanceNames: readonly string[];
  readonly dbInstanceIdentifiers: Readonly<Record<string, string>>;
  readonly interval: Duration;
  readonly timeout: Duration;
  readonly handler: IFunction;

  /** The login: the given one, or the construct's own; none where it is by IAM. */
  readonly secret?: ISecret;

  /**
   * What sets up the database role on deployment; only with `adminSecret`. Where it must wait for more than the database
   * and the ways there, such as endpoints that the app makes: `reaper.bootstrap?.node.addDependency(…)`.
   */
  readonly bootstrap?: IConstruct;

  /** The function's log: every termination and every change of a limit. */
  readonly logGroup: ILogGroup;

  /** Takes the sweeps that could not be started, and those that failed. Nothing reads it. */
  readonly deadLetterQueue: IQueue;

  /** Where alarms and recoveries go. */
  readonly alarmTopic: ITopic;

  /** Where ConnectionsCritical goes, unless that alarm is left out or has actions of its own. */
  readonly pageTopic?: ITopic;

  /** The alarms. */
  readonly alarms: ReaperAlarms;

  /** The dashboard. */
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, props: ResolvedProps) {
    super(scope, id);
    const { databaseLabel, adminSecret, trigger, interval, topicEncryptionKey } = props;

    this.databaseLabel = databaseLabel;
    this.instanceNames = props.instances?.map(({ name }) => name) ?? [DEFAULT_INSTANCE_NAME];
    this.dbInstanceIdentifiers = identifiersOf(props);
    this.interval = interval;
    this.timeout = props.timeout;
    this.logGroup = new LogGroup(this, 'Log', { retention: props.logRetention });
    this.deadLetterQueue = new Queue(this, 'DeadLetters', { enforceSSL: true });
    const { logGroup, deadLetterQueue } = this;

    const secret = login(this, props);
    if (secret !== undefined) this.secret = secret;
    const placement = placeReaper(this, props);
    const handler = reaperFunction(this, { props, secret, placement, logGroup, deadLetterQueue });
    connectToDatabase(handler.connections, props);
    this.handler = handler;
    if (adminSecret !== undefined) {
      this.bootstrap = bootstrapResource(this, { props, secret, adminSecret, placement });
    }
    if (trigger === 'schedule') {
      const sweeps = scheduleSweeps(this, handler, { interval, deadLetterQueue });
      if (this.bootstrap !== undefined) sweeps.node.addDependency(this.bootstrap);
      if (props.facts?.pausesByItself === true) warnOfWakefulness(this);
    }

    const topic = { databaseLabel, encryptionKey: topicEncryptionKey };
    this.alarmTopic = alarmTopic(this, 'AlarmTopic', { ...topic, topic: props.alarmTopic });
    const pageTopic = notifiesTopic(props.alarms?.ConnectionsCritical)
      ? alarmTopic(this, 'PageTopic', { ...topic, topic: props.pageTopic })
      : undefined;
    if (pageTopic !== undefined) this.pageTopic = pageTopic;
    this.alarms = new ReaperAlarms(this, 'Alarms', {
      reaper: this,
      logGroup,
      topic: this.alarmTopic,
      pageTopic,
      overrides: props.alarms,
      trigger,
      runbookUrl: props.runbookUrl,
    });
    this.dashboard = reaperDashboard(this, this, this.alarms);
  }
}

/** The login: the given one, or one of the construct's own; `undefined` where it is by IAM. */
function login(
  scope: Construct,
  { secret, iamAuthentication, facts, databaseLabel, reaperRole }: ResolvedProps,
): ISecret | undefined {
  if (iamAuthentication) {
    if (facts !== undefined) turnOnIamLogin(facts);
    return undefined;
  }
  const own = secret ?? ownSecret(scope, databaseLabel, reaperRole);
  if (facts !== undefined) noteReaperLogin(facts.database, own);
  return own;
}

function identifiersOf({ instances = [] }: ResolvedProps): Readonly<Record<string, string>> {
  return Object.fromEntries(
    instances.flatMap(({ name, dbInstanceIdentifier }) =>
      dbInstanceIdentifier === undefined ? [] : [[name, dbInstanceIdentifier] as const],
    ),
  );
}

function warnOfWakefulness(scope: Construct): void {
  Annotations.of(scope).addWarningV2(
    'connection-reaper:keepsAwake',
    'The cluster has a minimum capacity of 0, to pause without connections. A sweep every interval keeps it awake for ever, ' +
      'and billed: trigger: "alarm" sweeps only while connections are many. Acknowledge this if it is meant',
  );
}
