import { fileURLToPath } from 'node:url';
import type { Duration } from 'aws-cdk-lib';
import { Architecture, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import { type BundlingOptions, LogLevel, NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { ConnectionReaperProps } from './connection-reaper-props.js';
import { reaperEnvironment } from './environment.js';
import { given } from './given.js';
import { reaperSecurityGroup } from './network.js';
import { allowNetworkInterfaces, denyNetworkInterfacesToCode, reaperRole } from './permissions.js';
import { reaperSettings } from './reaper-settings.js';
import { NO_REPLAYS } from './schedule.js';

/** One file, all of it ours: the SDK of the runtime changes without notice, and takes longer to load. */
const BUNDLING: BundlingOptions = {
  format: OutputFormat.ESM,
  target: 'node24',
  mainFields: ['module', 'main'],
  minify: true,
  // This list takes the place of CDK's own, which leaves the SDK out.
  externalModules: [
    // `pg` asks for it, and does without.
    'pg-native',
    // A quarter of the bundle, loaded only where the environment holds no credentials. A function's always does.
    '@aws-sdk/credential-provider-ini',
    '@aws-sdk/credential-provider-process',
    '@aws-sdk/credential-provider-sso',
    '@aws-sdk/credential-provider-web-identity',
  ],
  // `pg` is CommonJS and requires modules of Node.js.
  banner: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  logLevel: LogLevel.ERROR,
  // CDK starts esbuild by npx, which has news about npm and opinions on people's .npmrc.
  environment: { npm_config_update_notifier: 'false', npm_config_loglevel: 'error' },
};

/** Enough for thousands of backends, since the bundle is small. */
const MEMORY_MB = 256;

/** What the function is made of, beside the construct's props. */
export interface ReaperFunctionProps extends ConnectionReaperProps {
  readonly timeout: Duration;
  readonly logGroup: ILogGroup;
  readonly deadLetterQueue: IQueue;
}

/** The function, with its role, its security group and nothing that invokes it. */
export function reaperFunction(scope: Construct, props: ReaperFunctionProps): NodejsFunction {
  const { timeout, logGroup, deadLetterQueue, secret, vpc, vpcSubnets } = props;
  const role = reaperRole(scope, { read: secret, log: logGroup });
  const networkInterfaces = allowNetworkInterfaces(scope, role);
  const handler = new NodejsFunction(scope, 'Function', {
    description: `Reaps idle PostgreSQL connections of ${props.databaseIdentifier}`,
    entry: inProject('lambda/handler.ts'),
    projectRoot: inProject('.'),
    depsLockFilePath: inProject('package-lock.json'),
    bundling: BUNDLING,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    memorySize: MEMORY_MB,
    timeout,
    environment: reaperEnvironment(scope, reaperSettings(props)),
    role,
    vpc,
    ...given({ vpcSubnets }),
    securityGroups: [...(props.securityGroups ?? [reaperSecurityGroup(scope, props)])],
    loggingFormat: LoggingFormat.JSON,
    logGroup,
    deadLetterQueue,
    ...NO_REPLAYS,
  });
  handler.node.addDependency(networkInterfaces);
  denyNetworkInterfacesToCode(scope, role, handler);
  return handler;
}

function inProject(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}
