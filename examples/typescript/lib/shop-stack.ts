import { Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import {
  AuroraPostgresEngineVersion,
  ClusterInstance,
  DatabaseCluster,
  DatabaseClusterEngine,
} from 'aws-cdk-lib/aws-rds';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { ConnectionReaper } from 'connection-reaper';
import type { Construct } from 'constructs';

/** An Aurora cluster that this app makes, and its reaper. */
export class ShopStack extends Stack {
  constructor(scope: Construct, id: string, props?: StackProps) {
    super(scope, id, props);

    const cluster = new DatabaseCluster(this, 'Orders', {
      engine: DatabaseClusterEngine.auroraPostgres({ version: AuroraPostgresEngineVersion.VER_16_6 }),
      writer: ClusterInstance.serverlessV2('writer'),
      readers: [ClusterInstance.serverlessV2('reader', { scaleWithWriter: true })],
      vpc: new Vpc(this, 'Vpc'),
    });

    const reaper = new ConnectionReaper(this, 'Reaper', {
      database: cluster,
      // Start with this line: the reaper reports what it would terminate, and changes nothing. Remove it when you agree.
      mode: 'preview',
      idleTimeout: Duration.minutes(10),
      // Nightly jobs hold their connections longer.
      rules: [{ application: 'batch-*', idleTimeout: Duration.hours(2) }],
      roleLimits: { checkout: 40, reporting: 10 },
    });
    reaper.pageTopic?.addSubscription(new EmailSubscription('on-call@example.com'));
  }
}
