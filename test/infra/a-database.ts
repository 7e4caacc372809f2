import type { Stack } from 'aws-cdk-lib';
import { InstanceType, type IVpc, SecurityGroup, SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Key } from 'aws-cdk-lib/aws-kms';
import {
  AuroraPostgresEngineVersion,
  ClusterInstance,
  Credentials,
  DatabaseCluster,
  DatabaseClusterEngine,
  type DatabaseClusterProps,
  DatabaseInstance,
  DatabaseInstanceEngine,
  type DatabaseInstanceProps,
  DatabaseInstanceReadReplica,
  PostgresEngineVersion,
} from 'aws-cdk-lib/aws-rds';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ConnectionReaperProps, ReaperDatabase } from '../../infra/connection-reaper-props.js';
import { SECRET_ARN } from './a-reaper.js';

/** A VPC made in the app: public subnets, private ones with a way out, and isolated ones, in two zones. */
export function aVpc(stack: Stack): IVpc {
  // Their types differ in whether a member may be undefined.
  return new Vpc(stack, 'Network', {
    maxAzs: 2,
    natGateways: 1,
    flowLogs: { All: {} },
    restrictDefaultSecurityGroup: false,
    subnetConfiguration: [
      { name: 'public', subnetType: SubnetType.PUBLIC },
      { name: 'private', subnetType: SubnetType.PRIVATE_WITH_EGRESS },
      { name: 'isolated', subnetType: SubnetType.PRIVATE_ISOLATED },
    ],
  }) as IVpc;
}

/** An engine of theirs. */
export const AURORA = DatabaseClusterEngine.auroraPostgres({ version: AuroraPostgresEngineVersion.VER_16_6 });

/** A provisioned Aurora cluster: one writer and two readers. */
export function aCluster(stack: Stack, props: Partial<DatabaseClusterProps> = {}): DatabaseCluster {
  return new DatabaseCluster(stack, 'Cluster', {
    engine: AURORA,
    vpc: props.vpc ?? aVpc(stack),
    writer: ClusterInstance.provisioned('writer', { instanceType: new InstanceType('r6g.large') }),
    readers: ['reader-a', 'reader-b'].map((id) =>
      ClusterInstance.provisioned(id, { instanceType: new InstanceType('r6g.large') }),
    ),
    ...props,
  });
}

/** An Aurora Serverless v2 cluster. */
export function aServerlessCluster(stack: Stack, serverlessV2MinCapacity = 0.5): DatabaseCluster {
  return aCluster(stack, {
    writer: ClusterInstance.serverlessV2('writer'),
    readers: [ClusterInstance.serverlessV2('reader', { scaleWithWriter: true })],
    serverlessV2MinCapacity,
    serverlessV2MaxCapacity: 8,
  });
}

/** An instance of RDS for PostgreSQL. */
export function anInstance(stack: Stack, props: Partial<DatabaseInstanceProps> = {}): DatabaseInstance {
  return new DatabaseInstance(stack, 'Instance', {
    engine: DatabaseInstanceEngine.postgres({ version: PostgresEngineVersion.VER_17 }),
    vpc: props.vpc ?? aVpc(stack),
    ...props,
  });
}

/** A read replica of such an instance. */
export function aReplica(stack: Stack): DatabaseInstanceReadReplica {
  const source = anInstance(stack);
  return new DatabaseInstanceReadReplica(stack, 'Replica', {
    sourceDatabaseInstance: source,
    vpc: source.vpc,
    instanceType: new InstanceType('r6g.large'),
  });
}

/** An instance whose master user's password RDS manages, in a secret with a customer key. */
export function anInstanceWithManagedPassword(stack: Stack): DatabaseInstance {
  return anInstance(stack, {
    manageMasterUserPassword: true,
    credentials: Credentials.fromUsername('postgres', { encryptionKey: new Key(stack, 'SecretKey') }),
  });
}

/** A cluster made elsewhere, known by its attributes. */
export function anImportedCluster(stack: Stack) {
  return DatabaseCluster.fromDatabaseClusterAttributes(stack, 'Imported', {
    clusterIdentifier: 'orders',
    clusterResourceIdentifier: 'cluster-ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    engine: AURORA,
    port: 5433,
    instanceIdentifiers: ['orders-1', 'orders-2'],
    instanceEndpointAddresses: [
      'orders-1.abcdefghijkl.eu-central-1.rds.amazonaws.com',
      'orders-2.abcdefghijkl.eu-central-1.rds.amazonaws.com',
    ],
    securityGroups: [databaseGroup(stack)],
    secret: importedSecret(stack),
  });
}

/** An instance made elsewhere, known by its attributes. */
export function anImportedInstance(stack: Stack) {
  return DatabaseInstance.fromDatabaseInstanceAttributes(stack, 'Imported', {
    instanceIdentifier: 'billing',
    instanceEndpointAddress: 'billing.abcdefghijkl.eu-central-1.rds.amazonaws.com',
    instanceResourceId: 'db-ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    port: 5433,
    securityGroups: [databaseGroup(stack)],
  });
}

export const DATABASE_GROUP = 'sg-0123456789abcdef0';

function databaseGroup(stack: Stack) {
  return SecurityGroup.fromSecurityGroupId(stack, 'DatabaseGroup', DATABASE_GROUP);
}

/** A secret made elsewhere. */
export function importedSecret(stack: Stack) {
  return Secret.fromSecretCompleteArn(stack, 'ImportedSecret', SECRET_ARN);
}

/** A VPC made elsewhere. */
export function anImportedVpc(stack: Stack): IVpc {
  return Vpc.fromVpcAttributes(stack, 'ImportedNetwork', {
    vpcId: 'vpc-0123456789abcdef0',
    availabilityZones: ['eu-central-1a', 'eu-central-1b'],
    privateSubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
    privateSubnetRouteTableIds: ['rtb-0123456789abcdef0', 'rtb-0123456789abcdef1'],
  });
}

/** How to make a database of some kind. */
interface DatabaseKind {
  readonly make: (stack: Stack) => ReaperDatabase;
  /** What an import can't tell. */
  readonly beside?: (stack: Stack) => Partial<ConnectionReaperProps>;
}

const KINDS = {
  'a provisioned cluster': { make: aCluster },
  'a Serverless v2 cluster': { make: (stack) => aServerlessCluster(stack) },
  'an instance': { make: anInstance },
  'an instance whose password RDS manages': { make: anInstanceWithManagedPassword },
  'a read replica, with the login of its source': { make: aReplica },
  'an imported cluster': { make: anImportedCluster, beside: (stack) => ({ vpc: anImportedVpc(stack) }) },
  'an imported instance': {
    make: anImportedInstance,
    beside: (stack) => ({ vpc: anImportedVpc(stack), secret: importedSecret(stack) }),
  },
} as const satisfies Record<string, DatabaseKind>;

/** The name of a kind of database. */
export type DatabaseKindName = keyof typeof KINDS;

/** Every kind of database that the construct takes. */
export const DATABASE_KINDS = Object.entries<DatabaseKind>(KINDS).map(([kind, { make, beside }]) => ({
  kind: kind as DatabaseKindName,
  make,
  beside,
}));
