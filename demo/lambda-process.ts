import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { end, isAlive } from './child-exit.js';
import { openProcessLog } from './process-log.js';

/** What the Lambda service knows of a function. */
export interface LambdaOptions {
  /** The bundled module, such as `bundle/index.mjs`. */
  readonly bundlePath: string;
  /** The name the bundle exports the handler by. */
  readonly handler: string;
  /** The function's own environment variables, as in its template. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  /** Where the function's SDK clients find AWS. */
  readonly awsEndpoint: string;
  /** @default 'connection-reaper' */
  readonly functionName?: string;
  /** The executable of Node.js. @default - the one that runs this */
  readonly node?: string;
}

/** A function with one execution environment, which stays warm between invocations. */
export interface LambdaProcess extends AsyncDisposable {
  /**
   * Invokes the function synchronously; one invocation at a time.
   *
   * @returns the handler's result after its way through JSON
   * @throws {@link FunctionError} when the handler failed, ran out of time or ended its process
   */
  invoke(event: unknown): Promise<unknown>;
  /** The lines of stdout and stderr so far, of all invocations. */
  log(): readonly string[];
  /** Ends the process, also in the midst of an invocation. Safe to call twice. */
  stop(): Promise<void>;
}

/** A failed invocation, as Lambda describes it to the caller. */
export class FunctionError extends Error {
  override readonly name = 'FunctionError';

  constructor(
    /** The name of the error that the handler threw, or Lambda's own, such as `Sandbox.Timedout`. */
    readonly errorType: string,
    readonly errorMessage: string,
    readonly trace: readonly string[] = [],
  ) {
    super(`${errorType}: ${errorMessage}`);
  }
}

interface Answer {
  readonly result?: string;
  readonly error?: { readonly errorType: string; readonly errorMessage: string; readonly trace: readonly string[] };
}

const RUNTIME = fileURLToPath(new URL('./lambda-runtime.mjs', import.meta.url));

/**
 * Runs a bundled handler as the Lambda service would: in a Node process of its own that sees the function's environment
 * variables and those that Lambda adds, and nothing else of this process's. It starts with the first invocation, and anew
 * after one that timed out or ended it. Unlike in Lambda, loading the bundle counts towards the timeout.
 *
 * When this process dies the child sees the channel close and ends, unless its handler is in an endless loop.
 */
export function startLambda(options: LambdaOptions): LambdaProcess {
  const { bundlePath, handler, timeoutSeconds, functionName = 'connection-reaper', node } = options;
  const log = openProcessLog();
  const env = { ...options.environment, ...lambdaEnvironment(functionName, options.awsEndpoint) };
  let child: ChildProcess | undefined;
  let busy = false;
  let stopped = false;

  const boot = (): ChildProcess => {
    // No execArgv: fork would pass this process's loader flags on.
    const booted = fork(RUNTIME, [bundlePath, handler], {
      env,
      execArgv: [],
      ...(node === undefined ? {} : { execPath: node }),
      stdio: ['ignore', log.fd, log.fd, 'ipc'],
    });
    booted.channel?.unref();
    return booted;
  };

  const invoke = async (event: unknown): Promise<unknown> => {
    if (stopped) throw new Error('The function was stopped');
    if (busy) throw new Error('An execution environment takes one invocation at a time');
    busy = true;
    child = child && isAlive(child) ? child : boot();
    try {
      return await converse(child, { requestId: randomUUID(), functionName, event, timeoutSeconds });
    } finally {
      busy = false;
    }
  };
  const stop = async (): Promise<void> => {
    stopped = true;
    if (child && isAlive(child)) await end(child, 'SIGKILL');
    log.close();
  };
  return { invoke, log: log.lines, stop, [Symbol.asyncDispose]: stop };
}

interface Invocation {
  readonly requestId: string;
  readonly functionName: string;
  readonly event: unknown;
  readonly timeoutSeconds: number;
}

async function converse(child: ChildProcess, { timeoutSeconds, ...invocation }: Invocation): Promise<unknown> {
  const timeoutMs = timeoutSeconds * 1000;
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  const failed = (errorType: string, message: string): Answer => ({
    error: { errorType, errorMessage: `RequestId: ${invocation.requestId} Error: ${message}`, trace: [] },
  });
  const listening = new AbortController();
  child.ref();
  try {
    // Ahead of the listeners, which would be rejected with nobody to see it if this threw: an event need not be JSON.
    // A process that can't be sent to has come to its end, and its exit tells how.
    child.send({ ...invocation, deadline: Date.now() + timeoutMs }, () => undefined);
    const answered = once(child, 'message', listening).then(([answer]): Answer => answer);
    const exited = once(child, 'exit', listening).then(([code, signal]): Answer => {
      if (timedOut) return failed('Sandbox.Timedout', `Task timed out after ${timeoutSeconds.toFixed(2)} seconds`);
      const how = code === null ? `signal: ${signal}` : `exit status ${code}`;
      return failed('Runtime.ExitError', `Runtime exited with error: ${how}`);
    });
    const { result = 'null', error } = await Promise.race([answered, exited]);
    if (error) throw new FunctionError(error.errorType, error.errorMessage, error.trace);
    return JSON.parse(result);
  } finally {
    clearTimeout(timer);
    listening.abort();
    // A warm process that waits doesn't keep this one from ending; it then sees the channel close, and ends itself.
    child.unref();
  }
}

function lambdaEnvironment(functionName: string, awsEndpoint: string): Record<string, string> {
  return {
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_LAMBDA_FUNCTION_NAME: functionName,
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${functionName}`,
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'example',
    AWS_SESSION_TOKEN: 'example',
    AWS_ENDPOINT_URL: awsEndpoint,
    // Lambda's Node is the one in the template; of the Node that plays it here, the SDK need not speak.
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    // Else the SDK would read the ~/.aws of whoever runs this.
    HOME: '/nonexistent',
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    TZ: ':UTC',
  };
}
