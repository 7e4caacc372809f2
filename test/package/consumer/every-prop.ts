/** Compiled, never run: every prop, in the types that an app has at hand. One left out here doesn't compile. */
import { App, Duration, Stack } from 'aws-cdk-lib';
import { SecurityGroup, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Key } from 'aws-cdk-lib/aws-kms';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { DatabaseCluster, DatabaseInstance } from 'aws-cdk-lib/aws-rds';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import {
  type AlarmOverride,
  type AlarmOverrides,
  type ApplicationNameRule,
  ConnectionReaper,
  type ConnectionReaperProps,
  type PageOverride,
  type PressureTier,
  type ReaperDatabase,
  type ReaperInstance,
  type ReaperRule,
} from 'connection-reaper';

const stack = new Stack(new App(), 'Shop');
const vpc = Vpc.fromLookup(stack, 'Vpc', { isDefault: true });
const secret = Secret.fromSecretNameV2(stack, 'Login', 'orders');
const database: ReaperDatabase = DatabaseCluster.fromDatabaseClusterAttributes(stack, 'Cluster', {
  clusterIdentifier: 'orders',
});

const instance: Required<ReaperInstance> = {
  name: 'writer',
  host: 'orders.example.com',
  port: 5433,
  dbInstanceIdentifier: 'orders-1',
};

const rule: Required<ReaperRule> = {
  application: 'batch-*',
  role: 'etl',
  database: 'shop',
  address: '10.0.0.0/8',
  idleTimeout: Duration.hours(1),
  keep: 2,
  spare: true,
  terminateStateful: true,
};

const tier: Required<PressureTier> = { usedPercent: 80, idleTimeout: Duration.minutes(1) };

const nameRule: Required<ApplicationNameRule> = { match: 'checkout-*', name: 'checkout' };

const alarm: Required<AlarmOverride> = {
  threshold: 70,
  period: Duration.minutes(5),
  evaluationPeriods: 4,
  datapointsToAlarm: 3,
  actions: [],
  okActions: [],
};

const page: Required<PageOverride> = { of: ['ServerFull', 'ReaperNotRunning'], actions: [], okActions: [] };

const alarms: Required<AlarmOverrides> = {
  ServerFull: { period: Duration.minutes(5) },
  SlotsNearlyFull: alarm,
  DatabaseConnections: { threshold: 400 },
  ApplicationConnectionsHigh: alarm,
  LeakContinues: alarm,
  RoleNearLimit: alarm,
  ReaperFailing: alarm,
  ReaperNotRunning: alarm,
  ReaperBlind: false,
  ConnectionsCritical: page,
};

const everyProp: Required<ConnectionReaperProps> = {
  database,
  databaseLabel: 'orders',
  secret,
  adminSecret: secret,
  reaperRole: 'orders_reaper',
  iamAuthentication: true,
  databaseResourceId: 'cluster-ABCDEFGHIJKL',
  breakGlassSecret: secret,
  rescueLogin: 'replication',
  vpc,
  vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
  interfaceEndpoints: true,
  securityGroups: [new SecurityGroup(stack, 'Reaper', { vpc })],
  databaseSecurityGroup: new SecurityGroup(stack, 'Database', { vpc }),
  databasePort: 5433,
  instances: [instance, { name: 'reader', host: 'reader.example.com' }],
  databaseName: 'shop',
  sslMode: 'disable',
  sslRootCert: '/opt/authorities.pem',
  mode: 'preview',
  reap: 'leaks',
  idleTimeout: Duration.minutes(10),
  idleInTransactionTimeout: Duration.minutes(30),
  pressure: [tier],
  keepPerApplication: 1,
  maxTerminationsPerRun: 50,
  rules: [rule, { role: 'migrator', spare: true }, {}],
  roleLimits: { checkout: 40, reporting: 10 },
  terminateAboveRoleLimit: true,
  maxApplications: 50,
  applicationNames: [nameRule],
  trigger: 'alarm',
  interval: Duration.minutes(2),
  timeout: Duration.seconds(90),
  statements: 'off',
  metricsVia: 'emf',
  logRetention: RetentionDays.ONE_YEAR,
  runbookUrl: 'https://wiki.example.com/runbook',
  alarmTopic: new Topic(stack, 'Tickets'),
  pageTopic: new Topic(stack, 'OnCall'),
  topicEncryptionKey: new Key(stack, 'Key'),
  alarms,
};

export const reapers: readonly ConnectionReaper[] = [
  new ConnectionReaper(stack, 'Every', everyProp),
  new ConnectionReaper(stack, 'OfCluster', { database }),
  new ConnectionReaper(stack, 'OfInstance', {
    database: DatabaseInstance.fromDatabaseInstanceAttributes(stack, 'Instance', {
      instanceIdentifier: 'billing',
      instanceEndpointAddress: 'billing.example.com',
      port: 5432,
      securityGroups: [],
    }),
    vpc,
    secret,
  }),
  new ConnectionReaper(stack, 'OfHost', { databaseLabel: 'orders', secret, vpc }),
];
