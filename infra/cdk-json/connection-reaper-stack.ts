import { Annotations, CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { type IVpc, SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Key } from 'aws-cdk-lib/aws-kms';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { invokeCommand } from '../commands.js';
import { ConnectionReaper } from '../connection-reaper.js';
import { withoutUndefined } from '../props/without-undefined.js';
import { importAlarms } from './alarms.js';
import type { DatabaseConfig } from './database-entry.js';

/** Properties of a {@link ConnectionReaperStack}. */
export interface ConnectionReaperStackProps extends StackProps {
  /** The database to watch, with the network and the secret it is reached by. */
  readonly config: DatabaseConfig;
}

/** The reaper of one database. All that it stands on exists already and is named by id, so nothing is looked up. */
export class ConnectionReaperStack extends Stack {
  /** The reaper. */
  readonly reaper: ConnectionReaper;

  constructor(scope: Construct, id: string, { config, ...props }: ConnectionReaperStackProps) {
    super(scope, id, props);
    const { securityGroupIds, databaseSecurityGroupId, breakGlassSecretArn } = config;
    this.reaper = new ConnectionReaper(this, 'Reaper', {
      ...policyProps(config),
      ...importLogin(this, config),
      vpc: importVpc(this, config),
      ...withoutUndefined({
        interval: imported(config.interval, Duration.minutes),
        timeout: imported(config.timeout, Duration.seconds),
        securityGroups: securityGroupIds?.map((id) =>
          SecurityGroup.fromSecurityGroupId(this, `SecurityGroup-${id}`, id),
        ),
        databaseSecurityGroup: imported(databaseSecurityGroupId, (id) =>
          SecurityGroup.fromSecurityGroupId(this, 'DatabaseSecurityGroup', id),
        ),
        breakGlassSecret: imported(breakGlassSecretArn, (arn) =>
          importSecret(this, 'BreakGlassSecret', arn, config.breakGlassSecretKeyArn),
        ),
        alarms: imported(config.alarms, (alarms) => importAlarms(this, alarms)),
        logRetention: config.logRetentionDays,
        alarmTopic: imported(config.alarmTopicArn, (arn) => Topic.fromTopicArn(this, 'AlarmTopic', arn)),
        pageTopic: imported(config.pageTopicArn, (arn) => Topic.fromTopicArn(this, 'PageTopic', arn)),
        topicEncryptionKey: imported(config.topicEncryptionKeyArn, (arn) => Key.fromKeyArn(this, 'TopicKey', arn)),
      }),
    });
    this.tell(this.reaper);
  }

  private tell({ handler, logGroup, alarms, alarmTopic, pageTopic, dashboard }: ConnectionReaper): void {
    new CfnOutput(this, 'FunctionName', { value: handler.functionName });
    new CfnOutput(this, 'ReportCommand', {
      description: 'Prints what holds the connection slots, and changes nothing',
      value: invokeCommand(this.reaper, { action: 'report' }),
    });
    if (pageTopic !== undefined) {
      new CfnOutput(this, 'PageTopicArn', {
        description: 'Subscribe here whoever is on call',
        value: pageTopic.topicArn,
      });
    }
    if (alarms.notifying.length > 0) {
      new CfnOutput(this, 'AlarmTopicArn', {
        description: 'Subscribe here whoever takes tickets: alarms by themselves, with what to do',
        value: alarmTopic.topicArn,
      });
    }
    new CfnOutput(this, 'LogGroupName', { value: logGroup.logGroupName });
    new CfnOutput(this, 'DashboardName', { value: dashboard.dashboardName });
  }
}

/** What an entry names, if it does. */
function imported<Name, Value>(name: Name | undefined, make: (name: Name) => Value): Value | undefined {
  return name === undefined ? undefined : make(name);
}

/** The one of the two secrets that the entry names, if any. */
function importLogin(scope: Construct, { secretArn, adminSecretArn, secretKeyArn }: DatabaseConfig) {
  const login = (id: string, arn: string | undefined) =>
    imported(arn, (secretArn) => importSecret(scope, id, secretArn, secretKeyArn));
  return withoutUndefined({ secret: login('Secret', secretArn), adminSecret: login('AdminSecret', adminSecretArn) });
}

function importSecret(scope: Construct, id: string, secretCompleteArn: string, keyArn: string | undefined): ISecret {
  const encryptionKey = imported(keyArn, (arn) => Key.fromKeyArn(scope, `${id}Key`, arn));
  return Secret.fromSecretAttributes(scope, id, { secretCompleteArn, ...withoutUndefined({ encryptionKey }) });
}

function importVpc(scope: Construct, { vpc }: DatabaseConfig): IVpc {
  const imported = Vpc.fromVpcAttributes(scope, 'Vpc', vpc);
  Annotations.of(imported).acknowledgeWarning(
    '@aws-cdk/aws-ec2:noSubnetRouteTableId',
    'Nothing here reads the route tables of the subnets.',
  );
  return imported;
}

/** What the construct calls as an entry does, with durations for seconds. */
function policyProps(config: DatabaseConfig) {
  const { secretArn, reaperRole, idleTimeout, pressure, rules, ...others } = config;
  const { databaseLabel, trigger, iamAuthentication, rescueLogin, sslMode, mode, keepPerApplication, roleLimits } =
    others;
  const { terminateAboveRoleLimit, maxApplications, applicationNames, metricsVia } = others;
  return {
    databaseLabel,
    trigger,
    iamAuthentication,
    rescueLogin,
    sslMode,
    mode,
    keepPerApplication,
    roleLimits,
    terminateAboveRoleLimit,
    maxApplications,
    applicationNames,
    metricsVia,
    // A secret names the role itself.
    ...(secretArn === undefined && { reaperRole }),
    ...withoutUndefined({
      instances: others.instances,
      databaseName: others.databaseName,
      sslRootCert: others.sslRootCert,
      maxTerminationsPerRun: others.maxTerminationsPerRun,
      databaseResourceId: others.databaseResourceId,
      databasePort: others.databasePort,
      interfaceEndpoints: others.interfaceEndpoints,
      runbookUrl: others.runbookUrl,
      idleInTransactionTimeout: imported(others.idleInTransactionTimeout, Duration.seconds),
    }),
    idleTimeout: Duration.seconds(idleTimeout),
    pressure: pressure.map((tier) => ({ ...tier, idleTimeout: Duration.seconds(tier.idleTimeout) })),
    rules: rules.map(({ idleTimeout, ...rule }) =>
      withoutUndefined({ ...rule, idleTimeout: imported(idleTimeout, Duration.seconds) }),
    ),
  };
}
