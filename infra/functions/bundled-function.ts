import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  Architecture,
  Code,
  type FunctionOptions,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import BUNDLE_FOLDER from './bundle-folder.cjs';
import { allowNetworkInterfaces, denyNetworkInterfacesToCode } from './permissions.js';

/** Enough for thousands of connections, since the bundle is small. */
const MEMORY_MB = 256;

/** What tells apart the functions of the bundle. */
export interface BundledFunctionProps extends FunctionOptions {
  /** The name that the bundle exports the function by. */
  readonly handler: 'handler' | 'bootstrap';
  readonly role: NonNullable<FunctionOptions['role']>;
}

/**
 * A function of the one bundle, in the VPC, with nothing that invokes it. Its role gets the permissions that takes.
 *
 * The bundle is built beforehand, so that a synth needs no bundler: an app that installed the package has none.
 */
export function bundledFunction(scope: Construct, props: BundledFunctionProps): LambdaFunction {
  const networkInterfaces = allowNetworkInterfaces(scope, props.role);
  const bundled = new LambdaFunction(scope, 'Function', {
    ...props,
    handler: `index.${props.handler}`,
    code: bundle(),
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    memorySize: MEMORY_MB,
    // In one it reaches the VPC alone; whether that will do is checked with the other props.
    allowPublicSubnet: true,
    loggingFormat: LoggingFormat.JSON,
  });
  bundled.node.addDependency(networkInterfaces);
  denyNetworkInterfacesToCode(scope, props.role, bundled);
  return bundled;
}

function bundle(): Code {
  const file = join(BUNDLE_FOLDER, 'index.mjs');
  if (existsSync(file)) return Code.fromAsset(BUNDLE_FOLDER);
  throw new Error(
    `Connection Reaper: the code of its function is missing: expected ${file}. ` +
      'In a clone, `npm run bundle` builds it; an installed package holds it, so install that again.',
  );
}
