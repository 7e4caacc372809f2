import { CfnResource, CustomResource, Duration, FileSystem, Validations } from 'aws-cdk-lib';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct, type IConstruct } from 'constructs';
import { ADMIN_SECRET_VARIABLE } from '../../lambda/contract/names.js';
import type { Placement } from '../placement/network.js';
import { iamLoginOf, type ResolvedProps } from '../props/resolved-props.js';
import { withoutUndefined } from '../props/without-undefined.js';
import { bootstrapProvider } from './bootstrap-provider.js';
import BUNDLE_FOLDER from './bundle-folder.cjs';
import { bundledFunction } from './bundled-function.js';
import { bootstrapSettings, reaperEnvironment } from './environment.js';
import { functionRole } from './permissions.js';

/** For every instance, one after another. The provider waits longer, so that the error that comes out is ours. */
const TIMEOUT = Duration.seconds(90);

/**
 * The login of the role that the bootstrap makes. The bootstrap gives the role this password whenever it runs, which a
 * change of these parameters alone would not make it do.
 */
export function ownSecret(scope: Construct, databaseLabel: string, role: string): ISecret {
  const secret = new Secret(scope, 'Login', {
    description: `Connection Reaper of ${databaseLabel}: its login`,
    generateSecretString: {
      secretStringTemplate: JSON.stringify({ username: role }),
      generateStringKey: 'password',
      passwordLength: 40,
      excludePunctuation: true,
    },
  });
  Validations.of(secret).acknowledge({
    id: 'AwsSolutions-SMG4',
    reason:
      'Nobody but the function knows this password, and its role may read no table. Rotation needs the admin secret at hand, which is here read on deployment alone.',
  });
  // Their types differ in whether a full ARN may be undefined.
  return secret as ISecret;
}

/** What the bootstrap is made of, besides the props. */
export interface BootstrapProps {
  readonly props: ResolvedProps;
  /** The construct's own; none where the login is by IAM. */
  readonly secret: ISecret | undefined;
  readonly adminSecret: ISecret;
  readonly placement: Placement;
}

/**
 * Sets up the database role on deployment: when it is new, when what it is to be changes, and when the code that does it
 * changes. A failure fails the deployment. Not a `Trigger` of CDK's, whose role may write every log and whose own log is
 * kept for ever.
 */
export function bootstrapResource(scope: Construct, bootstrap: BootstrapProps): CustomResource {
  const parts = new Construct(scope, 'Bootstrap');
  const environment = bootstrapEnvironment(parts, bootstrap);
  const handler = bootstrapFunction(parts, environment, bootstrap);
  const resource = new CustomResource(parts, 'DatabaseRole', {
    resourceType: 'Custom::ConnectionReaperBootstrap',
    serviceToken: bootstrapProvider(parts, handler, bootstrap.props.logRetention).serviceToken,
    // The function reads none of them: CloudFormation runs it again when one of them is another than before. The secret's
    // ARN stays the same where the role in it is another.
    properties: {
      Environment: environment,
      Code: FileSystem.fingerprint(BUNDLE_FOLDER),
      Role: bootstrap.props.reaperRole,
    },
  });
  // It logs in, so the server must be up and the ways there open. The rules are parts of the security groups.
  const { peer, facts } = bootstrap.props;
  const { securityGroups, endpoints } = bootstrap.placement;
  const prerequisites = [...securityGroups, ...(peer?.connections.securityGroups ?? []), facts?.database, endpoints];
  resource.node.addDependency(...resourcesIn(prerequisites, scope));
  return resource;
}

/** Without those of the reaper itself, which an app may have put into the scope of its database. */
function resourcesIn(parts: readonly (IConstruct | undefined)[], reaper: Construct): readonly CfnResource[] {
  const own = (construct: IConstruct) => construct.node.scopes.includes(reaper);
  return parts.flatMap((part) => {
    if (part === undefined) return [];
    const resources = part.node.findAll().filter((construct) => CfnResource.isCfnResource(construct));
    return own(part) ? resources : resources.filter((resource) => !own(resource));
  });
}

function bootstrapEnvironment(scope: Construct, { props, secret, adminSecret, placement }: BootstrapProps) {
  return reaperEnvironment(scope, bootstrapSettings({ ...props.settings, secretArn: secret?.secretArn }), {
    [ADMIN_SECRET_VARIABLE]: adminSecret.secretArn,
    ...placement.endpoints?.environment,
  });
}

function bootstrapFunction(
  scope: Construct,
  environment: Record<string, string>,
  { props, secret, adminSecret, placement }: BootstrapProps,
): LambdaFunction {
  const { endpoints, vpcSubnets, ...place } = placement;
  const logGroup = new LogGroup(scope, 'Log', { retention: props.logRetention });
  const permissions = {
    read: secret === undefined ? [adminSecret] : [adminSecret, secret],
    connect: iamLoginOf(props),
    publishes: false,
  };
  const role = functionRole(scope, 'Connection Reaper: sets up its database role on deployment', logGroup, permissions);
  const bootstrap = bundledFunction(scope, {
    description: `Sets up the role of the Connection Reaper of ${props.databaseLabel}, while it is deployed`,
    handler: 'bootstrap',
    timeout: TIMEOUT,
    environment,
    role,
    ...place,
    ...withoutUndefined({ vpcSubnets }),
    logGroup,
  });
  endpoints?.open(bootstrap.connections, role, permissions);
  return bootstrap;
}
