import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Placement } from '../placement/network.js';
import { callsCloudWatch, iamLoginOf, type ResolvedProps } from '../props/resolved-props.js';
import { withoutUndefined } from '../props/without-undefined.js';
import { bundledFunction } from './bundled-function.js';
import { reaperEnvironment } from './environment.js';
import { functionRole } from './permissions.js';
import { NO_REPLAYS } from './schedule.js';

/** What the function is made of, besides the props. */
export interface ReaperFunctionProps {
  readonly props: ResolvedProps;
  /** The given one, or the construct's own; none where the login is by IAM. */
  readonly secret: ISecret | undefined;
  readonly placement: Placement;
  readonly logGroup: ILogGroup;
  readonly deadLetterQueue: IQueue;
}

/** The function, with its role and nothing that invokes it. */
export function reaperFunction(
  scope: Construct,
  { props, secret, placement, logGroup, deadLetterQueue }: ReaperFunctionProps,
): LambdaFunction {
  const { endpoints, vpcSubnets, ...place } = placement;
  const permissions = {
    read: [secret, props.breakGlassSecret].filter((one) => one !== undefined),
    connect: iamLoginOf(props),
    publishes: callsCloudWatch(props),
  };
  const role = functionRole(
    scope,
    'Connection Reaper: logs in, publishes its metrics, writes its log',
    logGroup,
    permissions,
  );
  const handler = bundledFunction(scope, {
    description: `Reaps idle PostgreSQL connections of ${props.databaseLabel}`,
    handler: 'handler',
    timeout: props.timeout,
    environment: reaperEnvironment(scope, { ...props.settings, secretArn: secret?.secretArn }, endpoints?.environment),
    role,
    ...place,
    ...withoutUndefined({ vpcSubnets }),
    logGroup,
    deadLetterQueue,
    ...NO_REPLAYS,
  });
  endpoints?.open(handler.connections, role, permissions);
  return handler;
}
