import { Annotations, CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { type IVpc, SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Key } from 'aws-cdk-lib/aws-kms';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { DatabaseConfig } from './app-config.js';
import { invokeCommand } from './commands.js';
import { ConnectionReaper } from './connection-reaper.js';
import { given } from './given.js';

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
    const { databaseSecurityGroupId, alarmTopicArn } = config;
    this.reaper = new ConnectionReaper(this, 'Reaper', {
      ...settingsProps(config.settings),
      ...given({
        databasePort: config.databasePort,
        databaseSecurityGroup:
          databaseSecurityGroupId === undefined
            ? undefined
            : SecurityGroup.fromSecurityGroupId(this, 'DatabaseSecurityGroup', databaseSecurityGroupId),
        breakGlassSecret:
          config.settings.breakGlassSecretArn === undefined
            ? undefined
            : Secret.fromSecretCompleteArn(this, 'BreakGlassSecret', config.settings.breakGlassSecretArn),
        alarmTopic: alarmTopicArn === undefined ? undefined : Topic.fromTopicArn(this, 'AlarmTopic', alarmTopicArn),
        logRetention: config.logRetentionDays,
        slotsNearlyFullPercent: config.slotsNearlyFullPercent,
        applicationHoggingPercent: config.applicationHoggingPercent,
        roleNearLimitPercent: config.roleNearLimitPercent,
      }),
      ...importLogin(this, config),
      vpc: importVpc(this, config),
    });
    this.tell(this.reaper);
  }

  private tell({ handler, alarmTopic, dashboard }: ConnectionReaper): void {
    new CfnOutput(this, 'FunctionName', { value: handler.functionName });
    new CfnOutput(this, 'ReportCommand', {
      description: 'Prints what holds the connection slots, and changes nothing',
      value: invokeCommand(handler, { action: 'report' }),
    });
    new CfnOutput(this, 'AlarmTopicArn', {
      description: 'Subscribe here whoever is on call',
      value: alarmTopic.topicArn,
    });
    new CfnOutput(this, 'DashboardName', { value: dashboard.dashboardName });
  }
}

/** The one of the two secrets that the entry names. */
function importLogin(scope: Construct, { settings, adminSecretArn, secretKeyArn }: DatabaseConfig) {
  const encryptionKey = secretKeyArn === undefined ? undefined : Key.fromKeyArn(scope, 'SecretKey', secretKeyArn);
  const imported = (id: string, secretCompleteArn: string | undefined): ISecret | undefined =>
    secretCompleteArn === undefined
      ? undefined
      : Secret.fromSecretAttributes(scope, id, { secretCompleteArn, ...given({ encryptionKey }) });
  return given({
    secret: imported('Secret', settings.secretArn),
    adminSecret: imported('AdminSecret', adminSecretArn),
  });
}

function importVpc(scope: Construct, { vpc }: DatabaseConfig): IVpc {
  const imported = Vpc.fromVpcAttributes(scope, 'Vpc', vpc);
  Annotations.of(imported).acknowledgeWarning(
    '@aws-cdk/aws-ec2:noSubnetRouteTableId',
    'Nothing here reads the route tables of the subnets.',
  );
  return imported;
}

/** The settings, back in the words of the construct. */
function settingsProps({ database, secretArn: _, breakGlassSecretArn: __, ...settings }: DatabaseConfig['settings']) {
  const { instances, dbname, caFile, maxTerminationsPerRun, idleInTransactionAfter, ...withDefaults } = settings;
  return {
    ...withDefaults,
    ...given({ instances, dbname, caFile, maxTerminationsPerRun }),
    ...(idleInTransactionAfter !== undefined && { idleInTransactionAfter: Duration.seconds(idleInTransactionAfter) }),
    pressure: settings.pressure.map((tier) => ({ ...tier, idleAfter: Duration.seconds(tier.idleAfter) })),
    databaseIdentifier: database,
    idleAfter: Duration.seconds(settings.idleAfter),
    rules: settings.rules.map(({ idleAfter, ...rule }) =>
      given({ ...rule, idleAfter: idleAfter === undefined ? undefined : Duration.seconds(idleAfter) }),
    ),
  };
}
