import { type Connections, type ISecurityGroup, Peer, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import type { ConnectionReaperProps } from './connection-reaper-props.js';

/** PostgreSQL's own. */
const DEFAULT_PORT = 5432;

/** The security group of a function that was given none. It lets nothing in. */
export function reaperSecurityGroup(scope: Construct, props: ConnectionReaperProps): ISecurityGroup {
  const group = new SecurityGroup(scope, 'SecurityGroup', {
    vpc: props.vpc,
    description: `Connection Reaper of ${props.databaseIdentifier}`,
    allowAllOutbound: false,
  });
  // To anywhere: Secrets Manager and CloudWatch have no fixed addresses, and may be reached by NAT or by endpoints.
  group.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'Secrets Manager and CloudWatch');
  if (props.databaseSecurityGroup === undefined) {
    for (const port of databasePorts(props)) group.addEgressRule(Peer.anyIpv4(), Port.tcp(port), 'PostgreSQL');
  }
  return group;
}

/** Lets the function and the database talk, on both sides, if the database's security group is known. */
export function connectToDatabase(connections: Connections, props: ConnectionReaperProps): void {
  if (props.databaseSecurityGroup === undefined) return;
  for (const port of databasePorts(props)) {
    connections.allowTo(
      props.databaseSecurityGroup,
      Port.tcp(port),
      `Connection Reaper of ${props.databaseIdentifier}`,
    );
  }
}

function databasePorts({ instances, databasePort = DEFAULT_PORT }: ConnectionReaperProps): readonly number[] {
  return [...new Set(instances?.map(({ port = DEFAULT_PORT }) => port) ?? [databasePort])];
}
