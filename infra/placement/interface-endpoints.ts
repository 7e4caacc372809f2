import { Fn } from 'aws-cdk-lib';
import {
  type Connections,
  type IInterfaceVpcEndpointService,
  InterfaceVpcEndpoint,
  InterfaceVpcEndpointAwsService,
  type ISubnet,
  Port,
  SecurityGroup,
  type SubnetSelection,
} from 'aws-cdk-lib/aws-ec2';
import { AnyPrincipal, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import { NAMESPACE } from '../../lambda/contract/metrics.js';
import { ENDPOINT_VARIABLES } from '../functions/environment.js';
import { type RoleRights, secretResource } from '../functions/permissions.js';
import { callsCloudWatch, type ResolvedProps, readsSecrets } from '../props/resolved-props.js';

const HTTPS = Port.tcp(443);

/**
 * The ways out of isolated subnets, for the functions of one reaper and nobody else.
 *
 * They have no private DNS names: with those each client in the VPC would be led to them, the other ones too that have
 * come to Secrets Manager by NAT so far, and a VPC takes no second such endpoint. The functions are told the names instead,
 * by variables that the SDK knows.
 *
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
 */
export class ReaperEndpoints extends Construct {
  /** What tells the SDK where to go. */
  readonly environment: Readonly<Record<string, string>>;

  private readonly secretsManager: InterfaceVpcEndpoint | undefined;
  private readonly cloudWatch: InterfaceVpcEndpoint | undefined;

  constructor(scope: Construct, id: string, props: ResolvedProps, subnets: SubnetSelection | undefined) {
    super(scope, id);
    const endpoint = (name: string, service: IInterfaceVpcEndpointService) =>
      reaperEndpoint(this, name, service, props, subnets);
    this.secretsManager = readsSecrets(props)
      ? endpoint('SecretsManager', InterfaceVpcEndpointAwsService.SECRETS_MANAGER)
      : undefined;
    this.cloudWatch = callsCloudWatch(props)
      ? endpoint('CloudWatch', InterfaceVpcEndpointAwsService.CLOUDWATCH_MONITORING)
      : undefined;
    this.environment = {
      ...(this.secretsManager && { [ENDPOINT_VARIABLES.secretsManager]: urlOf(this.secretsManager) }),
      ...(this.cloudWatch && { [ENDPOINT_VARIABLES.cloudWatch]: urlOf(this.cloudWatch) }),
    };
  }

  /** Lets a function through: by network, and by policies that allow what its role may, and to no other role. */
  open(connections: Connections, role: Role, { read, publishes }: RoleRights): void {
    const conditions = { ArnEquals: { 'aws:PrincipalArn': role.roleArn } };
    if (this.secretsManager !== undefined && read.length > 0) {
      connections.allowTo(this.secretsManager, HTTPS, 'Secrets Manager');
      this.secretsManager.addToPolicy(
        new PolicyStatement({
          principals: [new AnyPrincipal()],
          actions: ['secretsmanager:GetSecretValue'],
          resources: read.map(secretResource),
          conditions,
        }),
      );
    }
    if (this.cloudWatch !== undefined && publishes) {
      connections.allowTo(this.cloudWatch, HTTPS, 'CloudWatch');
      this.cloudWatch.addToPolicy(
        new PolicyStatement({
          principals: [new AnyPrincipal()],
          actions: ['cloudwatch:PutMetricData'],
          resources: ['*'],
          conditions: { ...conditions, StringEquals: { 'cloudwatch:namespace': NAMESPACE } },
        }),
      );
      this.cloudWatch.addToPolicy(
        new PolicyStatement({
          principals: [new AnyPrincipal()],
          actions: ['cloudwatch:GetMetricData'],
          resources: ['*'],
          conditions,
        }),
      );
    }
  }
}

function reaperEndpoint(
  scope: Construct,
  id: string,
  service: IInterfaceVpcEndpointService,
  { vpc, databaseLabel }: ResolvedProps,
  subnets: SubnetSelection | undefined,
): InterfaceVpcEndpoint {
  return new InterfaceVpcEndpoint(scope, id, {
    vpc,
    service,
    subnets: { subnets: onePerZone(vpc.selectSubnets(subnets).subnets) },
    privateDnsEnabled: false,
    open: false,
    securityGroups: [
      new SecurityGroup(scope, `${id}SecurityGroup`, {
        vpc,
        description: `Connection Reaper of ${databaseLabel}: endpoint of ${id}`,
        allowAllOutbound: false,
      }),
    ],
  });
}

/** All that an endpoint takes; CDK's `onePerAz` passes over subnets that are named. */
function onePerZone(subnets: readonly ISubnet[]): ISubnet[] {
  return [...new Map(subnets.toReversed().map((subnet) => [subnet.availabilityZone, subnet])).values()].toReversed();
}

/** Of the names of an endpoint, each behind the id of its hosted zone, the first holds for all availability zones. */
function urlOf({ vpcEndpointDnsEntries }: InterfaceVpcEndpoint): string {
  return `https://${Fn.select(1, Fn.split(':', Fn.select(0, vpcEndpointDnsEntries)))}`;
}
