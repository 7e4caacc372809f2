import type { IConnectable, IVpc } from 'aws-cdk-lib/aws-ec2';
import { REAPER_ROLE } from '../../lambda/contract/names.js';
import type { ConnectionReaperProps, ReaperInstance } from '../connection-reaper-props.js';
import type { IamLogin } from '../functions/permissions.js';
import { type DatabaseFacts, factsOf } from '../placement/database.js';
import { identifierIn } from './rds-endpoint.js';
import { withoutUndefined } from './without-undefined.js';

/** The props with all that `database` tells filled in. */
export interface ResolvedProps extends Omit<ConnectionReaperProps, 'database' | 'databaseSecurityGroup'> {
  readonly facts: DatabaseFacts | undefined;
  /** The database's side of the security group rules; `undefined` where it is not known. */
  readonly peer: IConnectable | undefined;
}

/** Props that hold. */
export type CheckedProps = ResolvedProps & { readonly databaseLabel: string; readonly vpc: IVpc };

/** Fills in what `database` tells and the props don't say themselves. */
export function resolveProps({ database, databaseSecurityGroup, ...props }: ConnectionReaperProps): ResolvedProps {
  const facts = database && factsOf(database);
  const instances = props.instances?.map(withIdentifier) ?? facts?.instances;
  return {
    ...props,
    ...withoutUndefined({
      databaseLabel: props.databaseLabel ?? facts?.label,
      vpc: props.vpc ?? facts?.vpc,
      instances,
      databaseResourceId: props.databaseResourceId ?? facts?.resourceId,
      ...loginOf(props, facts),
    }),
    facts,
    peer: databaseSecurityGroup ?? facts?.connectable,
  };
}

/** The master user sets up a role of our own, except on a replica, which takes its roles from its source. */
function loginOf(
  { secret, adminSecret, iamAuthentication }: ConnectionReaperProps,
  facts: DatabaseFacts | undefined,
): Pick<Partial<ConnectionReaperProps>, 'secret' | 'adminSecret'> {
  if (facts === undefined || secret || adminSecret || iamAuthentication === true) return {};
  return withoutUndefined({ secret: facts.secret, adminSecret: facts.adminSecret });
}

/** With what RDS calls it, as far as its endpoint says. */
export function withIdentifier(instance: ReaperInstance): ReaperInstance {
  const identifier = instance.dbInstanceIdentifier ?? identifierIn(instance.host);
  return identifier === undefined ? instance : { ...instance, dbInstanceIdentifier: identifier };
}

/** The login by IAM; `undefined` where it is by password. */
export function iamLoginOf(props: ResolvedProps): IamLogin | undefined {
  const { iamAuthentication, reaperRole = REAPER_ROLE, databaseResourceId } = props;
  if (iamAuthentication !== true || databaseResourceId === undefined) return undefined;
  return { user: reaperRole, resourceId: databaseResourceId };
}

/** Whether the function publishes by CloudWatch's API. */
export function callsCloudWatch({ metricsVia = 'api' }: ResolvedProps): boolean {
  return metricsVia === 'api';
}
