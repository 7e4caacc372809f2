import type { Duration } from 'aws-cdk-lib';
import type { ISecurityGroup } from 'aws-cdk-lib/aws-ec2';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { bundledFunction } from './bundled-function.js';
import type { ConnectionReaperProps } from './connection-reaper-props.js';
import { reaperEnvironment } from './environment.js';
import { given } from './given.js';
import { reaperRole } from './permissions.js';
import { reaperSettings } from './reaper-settings.js';
import { NO_REPLAYS } from './schedule.js';

/** What the function is made of, beside the construct's props. */
export interface ReaperFunctionProps extends ConnectionReaperProps {
  /** The given one, or the construct's own. */
  readonly secret: ISecret;
  readonly securityGroups: readonly ISecurityGroup[];
  readonly timeout: Duration;
  readonly logGroup: ILogGroup;
  readonly deadLetterQueue: IQueue;
}

/** The function, with its role and nothing that invokes it. */
export function reaperFunction(scope: Construct, props: ReaperFunctionProps): LambdaFunction {
  const { timeout, logGroup, deadLetterQueue, secret, vpc, vpcSubnets } = props;
  return bundledFunction(scope, {
    description: `Reaps idle PostgreSQL connections of ${props.databaseIdentifier}`,
    handler: 'handler',
    timeout,
    environment: reaperEnvironment(scope, reaperSettings(props, secret.secretArn)),
    role: reaperRole(scope, {
      read: [secret, ...(props.breakGlassSecret === undefined ? [] : [props.breakGlassSecret])],
      log: logGroup,
    }),
    vpc,
    ...given({ vpcSubnets }),
    securityGroups: [...props.securityGroups],
    logGroup,
    deadLetterQueue,
    ...NO_REPLAYS,
  });
}
