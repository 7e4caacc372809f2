/** An app of somebody who installed the package: in plain JavaScript, which no tool has to touch before it runs. */
import { App, Duration, Stack } from 'aws-cdk-lib';
import { SecurityGroup, Vpc } from 'aws-cdk-lib/aws-ec2';
import {
  AuroraPostgresEngineVersion,
  ClusterInstance,
  DatabaseCluster,
  DatabaseClusterEngine,
} from 'aws-cdk-lib/aws-rds';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { ConnectionReaper } from 'connection-reaper';

const app = new App();
const stack = new Stack(app, 'Shop');
const vpc = new Vpc(stack, 'Vpc');
const databaseSecurityGroup = new SecurityGroup(stack, 'Database', { vpc });

new ConnectionReaper(stack, 'Carts', {
  database: new DatabaseCluster(stack, 'Cluster', {
    engine: DatabaseClusterEngine.auroraPostgres({ version: AuroraPostgresEngineVersion.VER_16_6 }),
    writer: ClusterInstance.serverlessV2('writer'),
    vpc,
  }),
});

new ConnectionReaper(stack, 'Orders', {
  databaseLabel: 'orders',
  secret: new Secret(stack, 'Login'),
  vpc,
  databaseSecurityGroup,
  idleTimeout: Duration.minutes(10),
  rules: [{ application: 'batch-*', address: '10.0.0.0/8', idleTimeout: Duration.hours(1) }],
  roleLimits: { checkout: 40 },
});

new ConnectionReaper(stack, 'Billing', {
  databaseLabel: 'billing',
  adminSecret: new Secret(stack, 'Admin'),
  instances: [{ name: 'writer', host: 'billing.example.com' }],
  vpc,
});

app.synth();
