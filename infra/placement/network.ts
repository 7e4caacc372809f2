import { Annotations, Names, Stack } from 'aws-cdk-lib';
import {
  type Connections,
  type ISecurityGroup,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  type SubnetSelection,
} from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import type { Fault } from '../../lambda/input/faults.js';
import { callsCloudWatch, type ResolvedProps, readsSecrets } from '../props/resolved-props.js';
import { ReaperEndpoints } from './interface-endpoints.js';

/** PostgreSQL's own. */
const DEFAULT_PORT = 5432;

/** Where the functions are put, and by which ways they get out. */
export interface Placement {
  readonly vpc: IVpc;
  readonly vpcSubnets: SubnetSelection | undefined;
  readonly securityGroups: ISecurityGroup[];
  /** Of their own; `undefined` where they use what the VPC has. */
  readonly endpoints: ReaperEndpoints | undefined;
}

/** Props whose faults are still collected, so that the two that nothing has a default for may be missing. */
export type PlacedProps = Omit<ResolvedProps, 'databaseLabel' | 'vpc'> & {
  readonly databaseLabel: string | undefined;
  readonly vpc: IVpc | undefined;
};

/** The port of Secrets Manager and CloudWatch. */
const HTTPS = Port.tcp(443);

/** Puts the functions into the VPC. */
export function placeReaper(scope: Construct, props: ResolvedProps): Placement {
  const vpcSubnets = reaperSubnets(props);
  if (leavesVpc(props) && isIsolated(props.vpc, vpcSubnets)) warnOfIsolation(scope, props);
  if (props.peer === undefined) {
    Annotations.of(scope).addInfoV2(
      'connection-reaper:letIn',
      'No security group of the database is known, so that none lets the function in: databaseSecurityGroup does, or you do',
    );
  }
  return {
    vpc: props.vpc,
    vpcSubnets,
    securityGroups: props.securityGroups?.map((group) => inStackOf(scope, group)) ?? [
      reaperSecurityGroup(scope, props),
    ],
    endpoints:
      props.interfaceEndpoints === true ? new ReaperEndpoints(scope, 'Endpoints', props, vpcSubnets) : undefined,
  };
}

/** What is wrong with the subnets. A function has no public address: in a public subnet it reaches the VPC alone. */
export function subnetFaults(props: PlacedProps): readonly Fault[] {
  const { vpc } = props;
  if (vpc === undefined || !leavesVpc(props) || !vpc.selectSubnets(reaperSubnets({ ...props, vpc })).hasPublic)
    return [];
  return [
    {
      path: 'vpcSubnets',
      problem: 'expected private subnets',
      got: `public ones, from which a function can't call ${calls(props).join(' or ')}`,
      hint: 'Or set interfaceEndpoints: true, or do without those calls: iamAuthentication, metricsVia: "emf"',
    },
  ];
}

/** The subnets to run in: the database's own, where there is a way from them to all that the function calls. */
function reaperSubnets(props: PlacedProps & { readonly vpc: IVpc }): SubnetSelection | undefined {
  const { vpc, facts } = props;
  return props.vpcSubnets ?? (facts?.vpc === vpc ? ownSubnets(vpc, facts.vpcSubnets, props) : undefined);
}

function warnOfIsolation(scope: Construct, props: ResolvedProps): void {
  Annotations.of(scope).addWarningV2(
    'connection-reaper:noWayOut',
    `The function is put into isolated subnets and calls ${calls(props).join(' and ')}: give the VPC endpoints of them, ` +
      'or interfaceEndpoints: true, or do without (iamAuthentication, metricsVia: "emf"). Acknowledge this if there are some already',
  );
}

/** The rules of a group of another stack would be made there, and that stack then need this one and the database's. */
function inStackOf(scope: Construct, group: ISecurityGroup): ISecurityGroup {
  if (Stack.of(group) === Stack.of(scope)) return group;
  return SecurityGroup.fromSecurityGroupId(scope, `Given-${Names.nodeUniqueId(group.node)}`, group.securityGroupId, {
    allowAllOutbound: group.allowAllOutbound,
  });
}

/** `undefined` for CDK's own choice: the private subnets with a way out, else the isolated ones. */
function ownSubnets(vpc: IVpc, own: SubnetSelection | undefined, props: PlacedProps): SubnetSelection | undefined {
  const noUse = vpc.selectSubnets(own).hasPublic || (leavesVpc(props) && isIsolated(vpc, own));
  return noUse && vpc.privateSubnets.length > 0 ? undefined : own;
}

function isIsolated(vpc: IVpc, selection: SubnetSelection | undefined): boolean {
  const isolated = new Set(vpc.isolatedSubnets);
  const { subnets } = vpc.selectSubnets(selection);
  return subnets.length > 0 && subnets.every((subnet) => isolated.has(subnet));
}

function calls(props: PlacedProps): readonly string[] {
  return [...(readsSecrets(props) ? ['Secrets Manager'] : []), ...(callsCloudWatch(props) ? ['CloudWatch'] : [])];
}

/** Whether the function calls anything beyond the database that the construct makes no way to. */
function leavesVpc(props: PlacedProps): boolean {
  return props.interfaceEndpoints !== true && calls(props).length > 0;
}

/** The security group of a function that was given none. It lets nothing in. */
function reaperSecurityGroup(scope: Construct, props: ResolvedProps): ISecurityGroup {
  const group = new SecurityGroup(scope, 'SecurityGroup', {
    vpc: props.vpc,
    description: `Connection Reaper of ${props.databaseLabel}`,
    allowAllOutbound: false,
  });
  // To anywhere: neither service has fixed addresses, and they may be reached by NAT or by endpoints.
  if (leavesVpc(props)) group.addEgressRule(Peer.anyIpv4(), HTTPS, calls(props).join(' and '));
  if (props.peer === undefined) {
    for (const port of databasePorts(props)) group.addEgressRule(Peer.anyIpv4(), Port.tcp(port), 'PostgreSQL');
  }
  return group;
}

/** Lets the function and the database talk, on both sides, if the database's security groups are known. */
export function connectToDatabase(connections: Connections, props: ResolvedProps): void {
  if (props.peer === undefined) return;
  for (const port of databasePorts(props)) {
    connections.allowTo(props.peer, Port.tcp(port), `Connection Reaper of ${props.databaseLabel}`);
  }
}

function databasePorts({ instances, databasePort = DEFAULT_PORT }: ResolvedProps): readonly number[] {
  return [...new Set(instances?.map(({ port = DEFAULT_PORT }) => port) ?? [databasePort])];
}
