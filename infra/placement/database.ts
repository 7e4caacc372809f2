import { Stack, Token } from 'aws-cdk-lib';
import type { IConnectable, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import {
  CfnDBCluster,
  CfnDBInstance,
  type DatabaseCluster,
  type DatabaseInstance,
  type Endpoint,
  type IDatabaseCluster,
  type IDatabaseInstance,
} from 'aws-cdk-lib/aws-rds';
import { DEFAULT_INSTANCE_NAME } from '../../lambda/contract/names.js';
import type { ReaperDatabase, ReaperInstance } from '../connection-reaper-props.js';
import { identifierIn } from '../props/rds-endpoint.js';
import { type DatabaseLogin, loginOf } from './database-login.js';

/** What a database of CDK's RDS module tells of itself. What it doesn't is `undefined`. */
export interface DatabaseFacts extends DatabaseLogin {
  readonly database: ReaperDatabase;
  /** What RDS calls it: a reference, unless it is imported. */
  readonly identifier: string;
  /** Not of imports. */
  readonly vpc: IVpc | undefined;
  readonly vpcSubnets: SubnetSelection | undefined;
  /** The side of its security groups; `undefined` where it has none. */
  readonly connectable: IConnectable | undefined;
  readonly instances: readonly ReaperInstance[] | undefined;
  /** What `rds-db:connect` is granted on. */
  readonly resourceId: string | undefined;
  /** `POSTGRESQL`, or what it is instead. */
  readonly engineFamily: string | undefined;
  /** IAM authentication, as far as it was decided: of clusters it is off unless it was turned on. */
  readonly iamAuthentication: boolean | undefined;
  /** Aurora Serverless v2 with a minimum of 0: without connections it pauses, and costs nothing. */
  readonly pausesByItself: boolean;
}

/** Reads what a database tells of itself. */
export function factsOf(database: ReaperDatabase): DatabaseFacts {
  return 'clusterIdentifier' in database ? factsOfCluster(database) : factsOfInstance(database);
}

/** Turns IAM authentication on where an instance made in this app leaves it open, as its `grantConnect` does. */
export function turnOnIamLogin({ database, iamAuthentication }: DatabaseFacts): void {
  const made = database.node.defaultChild;
  if (made instanceof CfnDBInstance && iamAuthentication === undefined) made.enableIamDatabaseAuthentication = true;
}

function factsOfCluster(cluster: IDatabaseCluster): DatabaseFacts {
  const made = cluster.node.defaultChild instanceof CfnDBCluster ? cluster.node.defaultChild : undefined;
  const { vpc, vpcSubnets, secret } = cluster as Partial<DatabaseCluster>;
  return {
    ...common(cluster, cluster.clusterIdentifier),
    vpc,
    vpcSubnets,
    instances: known(() => cluster.instanceEndpoints)?.map(instanceOf(cluster)),
    ...loginOf(made, secret, made?.replicationSourceIdentifier),
    resourceId: known(() => cluster.clusterResourceIdentifier),
    engineFamily: cluster.engine?.engineFamily,
    iamAuthentication: made && Stack.of(cluster).resolve(made.enableIamDatabaseAuthentication) === true,
    pausesByItself: made !== undefined && minCapacityOf(made) === 0,
  };
}

function factsOfInstance(instance: IDatabaseInstance): DatabaseFacts {
  const made = instance.node.defaultChild instanceof CfnDBInstance ? instance.node.defaultChild : undefined;
  // The placement is not public, and yet where the network of whoever made it lets a client be.
  const { vpc, vpcPlacement, secret } = instance as Partial<DatabaseInstance> & {
    readonly vpcPlacement?: SubnetSelection;
  };
  const source = made?.sourceDbInstanceIdentifier;
  return {
    ...common(instance, instance.instanceIdentifier),
    vpc,
    vpcSubnets: vpcPlacement,
    ...loginOf(made, secret, source),
    instances: [
      {
        name: source === undefined ? DEFAULT_INSTANCE_NAME : 'replica',
        host: instance.instanceEndpoint.hostname,
        port: instance.instanceEndpoint.port,
        dbInstanceIdentifier: instance.instanceIdentifier,
      },
    ],
    // Of a replica CDK takes the ARN for it, unless a feature flag is set.
    resourceId: made?.attrDbiResourceId ?? instance.instanceResourceId,
    engineFamily: instance.engine?.engineFamily,
    iamAuthentication:
      made && (Stack.of(instance).resolve(made.enableIamDatabaseAuthentication) as boolean | undefined),
    pausesByItself: false,
  };
}

function common(
  database: ReaperDatabase,
  identifier: string,
): Pick<DatabaseFacts, 'database' | 'identifier' | 'connectable'> {
  return {
    database,
    identifier,
    connectable: database.connections.securityGroups.length === 0 ? undefined : database,
  };
}

/** Metrics name an instance by its construct, whose id people chose; an import has only the identifier. */
function instanceOf(cluster: IDatabaseCluster): (endpoint: Endpoint, index: number) => ReaperInstance {
  const identifiers = known(() => cluster.instanceIdentifiers) ?? [];
  return ({ hostname, port }, index) => {
    const identifier = identifiers[index] ?? identifierIn(hostname);
    const name =
      identifier === undefined || Token.isUnresolved(identifier)
        ? cluster.node.children.find((child) => identifies(child, identifier))?.node.id
        : identifier;
    return {
      name: name?.replaceAll(/[^A-Za-z0-9._-]/g, '-') ?? `instance-${index + 1}`,
      host: hostname,
      port,
      ...(identifier !== undefined && { dbInstanceIdentifier: identifier }),
    };
  };
}

function identifies(construct: object, identifier: string | undefined): boolean {
  if (identifier === undefined) return false;
  if (construct instanceof CfnDBInstance) return construct.ref === identifier;
  return 'instanceIdentifier' in construct && construct.instanceIdentifier === identifier;
}

function minCapacityOf(cluster: CfnDBCluster): unknown {
  return Stack.of(cluster).resolve(cluster.serverlessV2ScalingConfiguration)?.minCapacity;
}

/** CDK throws where it is asked for what an import did not say, and offers no other way to find out. */
function known<Value>(ask: () => Value): Value | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof Error && /\bimported\b/i.test(error.message)) return undefined;
    throw error;
  }
}
