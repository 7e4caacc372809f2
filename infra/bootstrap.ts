import { Duration, Validations } from 'aws-cdk-lib';
import type { ISecurityGroup } from 'aws-cdk-lib/aws-ec2';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Trigger } from 'aws-cdk-lib/triggers';
import { Construct } from 'constructs';
import { ADMIN_SECRET_VARIABLE, REAPER_ROLE } from '../lambda/contract.js';
import { bundledFunction } from './bundled-function.js';
import type { ConnectionReaperProps } from './connection-reaper-props.js';
import { reaperEnvironment } from './environment.js';
import { given } from './given.js';
import { bootstrapRole } from './permissions.js';
import { reaperSettings } from './reaper-settings.js';

/** Less than the two minutes for which CDK's trigger waits, so that the error that comes out is ours. */
const TIMEOUT = Duration.seconds(90);

/**
 * The login of the role that the bootstrap makes. The bootstrap gives the role this password whenever it runs, which a
 * change of these parameters alone would not make it do.
 */
export function ownSecret(scope: Construct, databaseIdentifier: string): ISecret {
  const secret = new Secret(scope, 'Login', {
    description: `Connection Reaper of ${databaseIdentifier}: its login`,
    generateSecretString: {
      secretStringTemplate: JSON.stringify({ username: REAPER_ROLE }),
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

/** What the bootstrap is made of, beside the construct's props. */
export interface BootstrapProps extends ConnectionReaperProps {
  /** The construct's own. */
  readonly secret: ISecret;
  readonly adminSecret: ISecret;
  readonly securityGroups: readonly ISecurityGroup[];
  readonly logRetention: RetentionDays;
}

/**
 * Sets up the database role on deployment: when it is new, when what it is to be changes, and when the code that does it
 * changes. A failure fails the deployment.
 */
export function bootstrapTrigger(scope: Construct, props: BootstrapProps): Trigger {
  const parts = new Construct(scope, 'Bootstrap');
  const trigger = new Trigger(parts, 'Trigger', { handler: bootstrapFunction(parts, props) });
  // It logs in, so the ways there must be open.
  trigger.node.addDependency(...props.securityGroups);
  if (props.databaseSecurityGroup !== undefined) trigger.node.addDependency(props.databaseSecurityGroup);
  return trigger;
}

function bootstrapFunction(scope: Construct, props: BootstrapProps): LambdaFunction {
  const { databaseIdentifier, vpc, vpcSubnets, secret, adminSecret } = props;
  const logGroup = new LogGroup(scope, 'Log', { retention: props.logRetention });
  // Only what concerns the role. Other settings may change while the database can't be reached.
  const settings = reaperSettings(props, secret.secretArn);
  const { database, secretArn, instances, dbname, tls, caFile, roleLimits, rescueLogin } = settings;
  return bundledFunction(scope, {
    description: `Sets up the role of the Connection Reaper of ${databaseIdentifier}, while it is deployed`,
    handler: 'bootstrap',
    timeout: TIMEOUT,
    environment: reaperEnvironment(
      scope,
      { database, secretArn, instances, dbname, tls, caFile, roleLimits, rescueLogin },
      { [ADMIN_SECRET_VARIABLE]: adminSecret.secretArn },
    ),
    role: bootstrapRole(scope, { read: [adminSecret, secret], log: logGroup }),
    vpc,
    ...given({ vpcSubnets }),
    securityGroups: [...props.securityGroups],
    logGroup,
  });
}
