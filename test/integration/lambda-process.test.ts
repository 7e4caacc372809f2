import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type LambdaOptions, type LambdaProcess, startLambda } from '../../demo/lambda-process.js';
import { failureOf } from '../support/deployed.js';

let folder: string;
let lambda: LambdaProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lambda-process-test-'));
});

afterEach(async () => {
  await lambda?.stop();
  lambda = undefined;
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Starts a function whose module is this source. */
function deploy(source: string, options: Partial<LambdaOptions> = {}): LambdaProcess {
  const bundlePath = join(folder, 'index.mjs');
  writeFileSync(bundlePath, source);
  const aws = { awsEndpoint: 'http://127.0.0.1:9' };
  lambda = startLambda({ bundlePath, handler: 'handler', environment: {}, timeoutSeconds: 20, ...aws, ...options });
  return lambda;
}

function exists(pid: unknown): boolean {
  try {
    return process.kill(Number(pid), 0);
  } catch {
    return false;
  }
}

describe('an execution environment', () => {
  it('stays warm: what a module holds lasts from one invocation to the next', async () => {
    const { invoke } = deploy('let count = 0; export const handler = ({ by }) => [process.pid, (count += by)];');
    const [pid] = (await invoke({ by: 1 })) as unknown[];
    expect(pid).not.toBe(process.pid);
    expect(await invoke({ by: 2 })).toEqual([pid, 3]);
  });

  it("has the function's variables and Lambda's own, and not those of this process", async () => {
    vi.stubEnv('ONLY_OF_THE_PARENT', 'leaked');
    vi.stubEnv('NODE_OPTIONS', '--no-warnings');
    const { invoke } = deploy('export const handler = () => process.env;', {
      environment: { MINE: 'given', AWS_ENDPOINT_URL: 'of the template' },
      functionName: 'reaper-orders',
    });
    // macOS puts this one into every process.
    const { __CF_USER_TEXT_ENCODING: _, ...environment } = (await invoke({})) as Record<string, string>;
    expect(environment).toEqual({
      MINE: 'given',
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
      AWS_LAMBDA_FUNCTION_NAME: 'reaper-orders',
      AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/reaper-orders',
      AWS_REGION: 'us-east-1',
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      AWS_SECRET_ACCESS_KEY: 'example',
      AWS_SESSION_TOKEN: 'example',
      HOME: '/nonexistent',
      PATH: process.env['PATH'],
      TZ: ':UTC',
    });
  });

  it('logs stdout and stderr in their order, and still tells after the end', async () => {
    const { invoke, log, stop } = deploy(`export const handler = async ({ n }) => {
      console.log('out', n);
      console.error('err', n);
    };`);
    expect(await invoke({ n: 1 })).toBeNull();
    expect(log()).toEqual(['out 1', 'err 1']);
    await invoke({ n: 2 });
    await stop();
    expect(log()).toEqual(['out 1', 'err 1', 'out 2', 'err 2']);
  });

  it('takes one invocation at a time', async () => {
    const { invoke } = deploy('export const handler = () => 1;');
    const first = invoke({});
    await expect(invoke({})).rejects.toThrow('one invocation at a time');
    expect(await first).toBe(1);
  });

  it('survives an event that is no JSON', async () => {
    const { invoke } = deploy('export const handler = () => process.pid;');
    const pid = await invoke({});
    await expect(invoke({ n: 1n })).rejects.toThrow('BigInt');
    expect(await invoke({})).toBe(pid);
  });
});

describe('a failed invocation', () => {
  it('tells type and message of what was thrown, and leaves the process warm', async () => {
    const { invoke } = deploy(`export const handler = ({ fails }) => {
      if (fails) throw new RangeError('too many');
      return process.pid;
    };`);
    const pid = await invoke({});
    const error = await failureOf(invoke({ fails: true }));
    expect(error).toMatchObject({ errorType: 'RangeError', errorMessage: 'too many', message: 'RangeError: too many' });
    expect(error.trace).toContainEqual(expect.stringContaining('index.mjs:2'));
    expect(await invoke({})).toBe(pid);
  });

  it('tells what kept the module from loading', async () => {
    const { invoke } = deploy("throw new TypeError('no settings');");
    expect(await failureOf(invoke({}))).toMatchObject({ errorType: 'TypeError', errorMessage: 'no settings' });
  });

  it.each([
    ['waits for ever', 'await new Promise(() => setInterval(() => undefined, 1000))'],
    ['is in an endless loop', 'for (;;);'],
  ])('is ended at the timeout when the handler %s, and the next one starts anew', async (_, hang) => {
    const { invoke, log } = deploy(
      `export const handler = async ({ hangs }) => {
        console.log(process.pid);
        if (hangs) ${hang};
        return process.pid;
      };`,
      { timeoutSeconds: 1 },
    );
    const error = await failureOf(invoke({ hangs: true }));
    expect(error.errorType).toBe('Sandbox.Timedout');
    expect(error.errorMessage).toMatch(/^RequestId: [-0-9a-f]{36} Error: Task timed out after 1\.00 seconds$/);
    const [pid] = log();
    expect(exists(pid)).toBe(false);
    expect(await invoke({})).not.toBe(Number(pid));
  });

  it('is told apart when the process exits, and the next one starts anew', async () => {
    const { invoke } = deploy(`let count = 0;
      export const handler = ({ exits }) => exits ? process.exit(3) : ++count;`);
    expect(await invoke({})).toBe(1);
    expect(await failureOf(invoke({ exits: true }))).toMatchObject({
      errorType: 'Runtime.ExitError',
      errorMessage: expect.stringMatching(/ Error: Runtime exited with error: exit status 3$/),
    });
    expect(await invoke({})).toBe(1);
  });
});

describe('stop', () => {
  it('leaves no process, and takes no more invocations', async () => {
    const { invoke, stop } = deploy('export const handler = () => process.pid;');
    const pid = await invoke({});
    expect(exists(pid)).toBe(true);
    await stop();
    await stop();
    expect(exists(pid)).toBe(false);
    await expect(invoke({})).rejects.toThrow('was stopped');
  });

  it('ends an invocation in its midst', async () => {
    const { invoke, log, stop } = deploy('export const handler = () => { console.log(process.pid); for (;;); };');
    const invocation = failureOf(invoke({}));
    await vi.waitFor(() => expect(log()).not.toEqual([]), { timeout: 10_000 });
    await stop();
    expect(await invocation).toMatchObject({ errorType: 'Runtime.ExitError' });
    expect(exists(log()[0])).toBe(false);
  });
});
