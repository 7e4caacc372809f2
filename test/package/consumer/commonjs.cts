/**
 * Compiled, never run: an app as `cdk init` makes it. It is CommonJS, so it requires the package. And what it made itself
 * it hands over as such, which takes that `exactOptionalPropertyTypes` is off: with it CDK's classes don't fit CDK's own
 * interfaces.
 */
import { App, Stack } from 'aws-cdk-lib';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import {
  AuroraPostgresEngineVersion,
  ClusterInstance,
  DatabaseCluster,
  DatabaseClusterEngine,
} from 'aws-cdk-lib/aws-rds';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { ConnectionReaper, type ConnectionReaperProps } from 'connection-reaper';

const stack = new Stack(new App(), 'Shop');
const vpc = new Vpc(stack, 'Vpc');

const database = new DatabaseCluster(stack, 'Cluster', {
  engine: DatabaseClusterEngine.auroraPostgres({ version: AuroraPostgresEngineVersion.VER_16_6 }),
  writer: ClusterInstance.provisioned('writer'),
  vpc,
});

const props: ConnectionReaperProps = { database, vpc, secret: new Secret(stack, 'Login'), mode: undefined };

export const reaper = new ConnectionReaper(stack, 'Reaper', props);
