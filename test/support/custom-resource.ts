import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FunctionError } from '../../demo/lambda-process.js';

/** What CloudFormation asks a custom resource for. */
export type CustomResourceRequest =
  | { readonly RequestType: 'Create' }
  | { readonly RequestType: 'Update' | 'Delete'; readonly PhysicalResourceId: string };

/** What CloudFormation is answered, and how much of its room that takes. */
export interface CustomResourceAnswer {
  readonly Status: 'SUCCESS' | 'FAILED';
  readonly Reason: string;
  readonly PhysicalResourceId: string;
  readonly bytes: number;
}

/** CloudFormation and CDK's provider framework, in front of a function of ours. */
export interface CustomResourceProvider extends AsyncDisposable {
  ask(request: CustomResourceRequest, invoke: (event: unknown) => Promise<unknown>): Promise<CustomResourceAnswer>;
}

const require = createRequire(import.meta.url);
const FUNCTION_ARN = 'arn:aws:lambda:us-east-1:123456789012:function:Orders-ReaperBootstrapFunction';

/** Loads the framework's own code, which CDK uploads as it is. Its calls to AWS alone are replaced. */
export async function loadProviderFramework(): Promise<CustomResourceProvider> {
  const folder = await mkdtemp(join(tmpdir(), 'provider-framework-'));
  const library = dirname(require.resolve('aws-cdk-lib/custom-resources'));
  await cp(join(library, 'lib/provider-framework/runtime'), folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{}');
  // Lambda's runtime has them.
  for (const client of ['client-lambda', 'client-sfn']) {
    const stub = join(folder, 'node_modules/@aws-sdk', client);
    await mkdir(stub, { recursive: true });
    await writeFile(join(stub, 'index.js'), '');
  }
  const framework = require(join(folder, 'framework.js'));
  const outbound = require(join(folder, 'outbound.js'));

  const ask: CustomResourceProvider['ask'] = async (request, invoke) => {
    const bodies: string[] = [];
    outbound.httpRequest = async (_: unknown, body: string) => bodies.push(body);
    outbound.invokeFunction = async ({ Payload }: { readonly Payload: string }) =>
      answerOf(invoke(JSON.parse(Payload)));
    process.env['USER_ON_EVENT_FUNCTION_ARN'] = FUNCTION_ARN;
    await framework.onEvent({
      ...request,
      RequestId: '5d478078-13e9-baf0-464a-7ef285ecc786',
      ResponseURL: 'https://cloudformation.example/answer?X-Amz-Signature=secret',
      StackId: `arn:aws:cloudformation:us-east-1:123456789012:stack/${'S'.repeat(128)}/51af3dc0-da77-11e4-872e-1234567db123`,
      LogicalResourceId: 'L'.repeat(255),
      ResourceType: 'Custom::ConnectionReaperBootstrap',
      ResourceProperties: {},
    });
    const [body, ...others] = bodies;
    if (body === undefined || others.length > 0) throw new Error(`expected one answer, got ${bodies.length}`);
    return { ...JSON.parse(body), bytes: Buffer.byteLength(body) };
  };
  return { ask, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

/** As Lambda's Invoke has it. */
async function answerOf(invocation: Promise<unknown>): Promise<{ Payload: Buffer; FunctionError?: string }> {
  try {
    return { Payload: Buffer.from(JSON.stringify(await invocation)) };
  } catch (error) {
    if (!(error instanceof FunctionError)) throw error;
    const { errorType, errorMessage, trace } = error;
    return { FunctionError: 'Unhandled', Payload: Buffer.from(JSON.stringify({ errorType, errorMessage, trace })) };
  }
}
