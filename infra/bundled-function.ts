import { fileURLToPath } from 'node:url';
import { Architecture, type FunctionOptions, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import { type BundlingOptions, LogLevel, NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import type { Construct } from 'constructs';
import { allowNetworkInterfaces, denyNetworkInterfacesToCode } from './permissions.js';

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

/** What tells apart the functions of the bundle. */
export interface BundledFunctionProps extends FunctionOptions {
  /** The name that the bundle exports the function by. */
  readonly handler: 'handler' | 'bootstrap';
  readonly role: NonNullable<FunctionOptions['role']>;
}

/** A function of the one bundle, in the VPC, with nothing that invokes it. Its role gets the rights that takes. */
export function bundledFunction(scope: Construct, props: BundledFunctionProps): NodejsFunction {
  const networkInterfaces = allowNetworkInterfaces(scope, props.role);
  const bundled = new NodejsFunction(scope, 'Function', {
    ...props,
    entry: inProject('lambda/handler.ts'),
    projectRoot: inProject('.'),
    depsLockFilePath: inProject('package-lock.json'),
    bundling: BUNDLING,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    memorySize: MEMORY_MB,
    loggingFormat: LoggingFormat.JSON,
  });
  bundled.node.addDependency(networkInterfaces);
  denyNetworkInterfacesToCode(scope, props.role, bundled);
  return bundled;
}

function inProject(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}
