import { Annotations, CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import { type IVpc, SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { invokeCommand } from '../commands.js';
import type { ResolvedProps } from '../props/resolved-props.js';
import { withoutUndefined } from '../props/without-undefined.js';
import { Reaper } from '../reaper.js';
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
  readonly reaper: Reaper;

  constructor(scope: Construct, id: string, { config, ...props }: ConnectionReaperStackProps) {
    super(scope, id, props);
    this.reaper = new Reaper(this, 'Reaper', importEntry(this, config));
    this.tell(this.reaper);
  }

  private tell({ handler, logGroup, alarms, alarmTopic, pageTopic, dashboard }: Reaper): void {
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

/** The resolved props of an entry, with constructs in place of the ids and ARNs that it names. */
function importEntry(scope: Construct, config: DatabaseConfig): ResolvedProps {
  const group = (id: string, groupId: string) => SecurityGroup.fromSecurityGroupId(scope, id, groupId);
  const topic = (id: string, arn: string) => Topic.fromTopicArn(scope, id, arn);
  const secret = (keyArn: string | undefined) => (id: string, secretCompleteArn: string) => {
    const encryptionKey = imported(`${id}Key`, keyArn, key);
    return Secret.fromSecretAttributes(scope, id, { secretCompleteArn, ...withoutUndefined({ encryptionKey }) });
  };
  const key = (id: string, arn: string) => Key.fromKeyArn(scope, id, arn);
  return {
    ...config,
    vpc: importVpc(scope, config),
    securityGroups: config.securityGroupIds?.map((id) => group(`SecurityGroup-${id}`, id)),
    peer: imported('DatabaseSecurityGroup', config.databaseSecurityGroupId, group),
    secret: imported('Secret', config.secretArn, secret(config.secretKeyArn)),
    adminSecret: imported('AdminSecret', config.adminSecretArn, secret(config.secretKeyArn)),
    breakGlassSecret: imported('BreakGlassSecret', config.breakGlassSecretArn, secret(config.breakGlassSecretKeyArn)),
    alarms: config.alarms && importAlarms(scope, config.alarms),
    logRetention: config.logRetentionDays,
    alarmTopic: imported('AlarmTopic', config.alarmTopicArn, topic),
    pageTopic: imported('PageTopic', config.pageTopicArn, topic),
    topicEncryptionKey: imported('TopicKey', config.topicEncryptionKeyArn, key),
  };
}

/** The construct for what an entry names, if it does. */
function imported<Value>(id: string, name: string | undefined, make: (id: string, name: string) => Value) {
  return name === undefined ? undefined : make(id, name);
}

function importVpc(scope: Construct, { vpc }: DatabaseConfig): IVpc {
  const imported = Vpc.fromVpcAttributes(scope, 'Vpc', vpc);
  Annotations.of(imported).acknowledgeWarning(
    '@aws-cdk/aws-ec2:noSubnetRouteTableId',
    'Nothing here reads the route tables of the subnets.',
  );
  return imported;
}
