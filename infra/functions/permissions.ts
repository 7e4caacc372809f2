import { ArnFormat, Stack, Validations } from 'aws-cdk-lib';
import { Effect, type IRole, Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { NAMESPACE } from '../../lambda/contract/metrics.js';

/** What Lambda does in the function's name to place it into a VPC. */
const NETWORK_INTERFACE_ACTIONS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

/** What a function may do, beside writing its log and being placed into a VPC. */
export interface RoleRights {
  /** Its secrets. */
  readonly read: readonly ISecret[];
  /** The login by IAM; `undefined` where it is by password. */
  readonly connect: IamLogin | undefined;
  /** Whether it calls PutMetricData, and GetMetricData to learn which names have metrics already. */
  readonly publishes: boolean;
}

/** What RDS calls an instance or a cluster beyond its name, which another one could get. */
export const RESOURCE_ID = {
  form: /^(db|cluster)-[A-Z0-9]+$/,
  expected: 'the resource id of an instance (db-…) or cluster (cluster-…)',
};

/** Who may log in to which database. */
export interface IamLogin {
  /** The database role. */
  readonly user: string;
  /** `db-…` or `cluster-…`. */
  readonly resourceId: string;
}

/**
 * The role of one of the functions: what it needs, each on the one resource. No policies managed by AWS, since theirs hold
 * for every log group and every metric.
 */
export function functionRole(scope: Construct, description: string, log: ILogGroup, may: RoleRights): Role {
  const role = new Role(scope, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com'), description });
  for (const secret of may.read) allowReading(role, secret);
  if (may.connect !== undefined) allowConnecting(role, may.connect);
  log.grantWrite(role);
  if (may.publishes) allowPublishing(scope, role);
  return role;
}

/** Not `grantConnect` of the database, which imports by host and port don't have. */
function allowConnecting(role: Role, { user, resourceId }: IamLogin): void {
  role.addToPolicy(
    new PolicyStatement({
      actions: ['rds-db:connect'],
      resources: [
        Stack.of(role).formatArn({
          service: 'rds-db',
          resource: 'dbuser',
          resourceName: `${resourceId}/${user}`,
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        }),
      ],
    }),
  );
}

/** How policies name a secret. One that was imported by its name ends in six characters that only AWS knows. */
export function secretResource(secret: ISecret): string {
  return secret.secretFullArn ?? `${secret.secretArn}-??????`;
}

/** Not `grantRead`: it adds the right to describe the secret, and none to use a key that was imported. */
function allowReading(role: Role, secret: ISecret): void {
  role.addToPolicy(
    new PolicyStatement({
      actions: ['secretsmanager:GetSecretValue'],
      resources: [secretResource(secret)],
    }),
  );
  if (secret.encryptionKey === undefined) return;
  role.addToPolicy(
    new PolicyStatement({
      actions: ['kms:Decrypt'],
      resources: [secret.encryptionKey.keyArn],
      conditions: {
        StringEquals: { 'kms:ViaService': `secretsmanager.${Stack.of(secret).region}.amazonaws.com` },
      },
    }),
  );
}

function allowPublishing(scope: Construct, role: IRole): void {
  const policy = new Policy(scope, 'PublishMetrics', {
    roles: [role],
    statements: [
      new PolicyStatement({
        actions: ['cloudwatch:PutMetricData'],
        resources: ['*'],
        conditions: { StringEquals: { 'cloudwatch:namespace': NAMESPACE } },
      }),
      new PolicyStatement({ actions: ['cloudwatch:GetMetricData'], resources: ['*'] }),
    ],
  });
  Validations.of(policy).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason:
      'Neither action knows resources. A condition limits PutMetricData to one namespace; GetMetricData knows no such condition.',
  });
}

/** Lets Lambda place the function into its VPC. The function can't be created before this policy is there. */
export function allowNetworkInterfaces(scope: Construct, role: IRole): Policy {
  const policy = new Policy(scope, 'NetworkInterfaces', {
    roles: [role],
    statements: [new PolicyStatement({ actions: NETWORK_INTERFACE_ACTIONS, resources: ['*'] })],
  });
  Validations.of(policy).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason:
      'Lambda demands these permissions on all resources. Another policy denies them to the code of the function.',
  });
  return policy;
}

/**
 * Lambda needs the network interfaces, the code doesn't: denies them to calls that come from inside the function.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
 */
export function denyNetworkInterfacesToCode(scope: Construct, role: IRole, handler: IFunction): void {
  new Policy(scope, 'NoNetworkInterfacesForCode', {
    roles: [role],
    statements: [
      new PolicyStatement({
        effect: Effect.DENY,
        actions: NETWORK_INTERFACE_ACTIONS,
        resources: ['*'],
        conditions: { ArnEquals: { 'lambda:SourceFunctionArn': handler.functionArn } },
      }),
    ],
  });
}
