import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { buildFunctionBundle } from '../package/function-bundle.js';

/** What a deployment would put into the account, as far as running the function needs it. */
export interface Deployment extends DeployedFunction, AsyncDisposable {
  /** The bundle that would be uploaded. */
  readonly bundlePath: string;
  /** What the schedule would send. */
  readonly scheduledEvent: unknown;
  /** The function that runs while a stack is deployed; `null` without `adminSecretArn`. */
  readonly bootstrap: DeployedFunction | null;
  /** The secret that the stack makes; `null` where one is given. */
  readonly ownSecretArn: string | null;
}

/** What differs from one function of the bundle to the next. */
export interface DeployedFunction {
  /** The function's environment variables, as the template sets them. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  /** The major version of Node.js that it runs on. */
  readonly nodeMajor: number;
}

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

/**
 * Builds and synthesizes the app as `cdk synth` does, with other databases than those in cdk.json, and takes the function
 * out of the template.
 *
 * @param entry the entry under `context.databases` of the one database.
 */
export async function synthesize(database: string, entry: object): Promise<Deployment> {
  await buildFunctionBundle();
  const folder = await mkdtemp(join(tmpdir(), 'synth-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const cdkJson = JSON.parse(await readFile(join(PROJECT, 'cdk.json'), 'utf8'));
    await promisify(execFile)(process.execPath, ['--import', 'tsx', 'infra/app.ts'], {
      cwd: PROJECT,
      env: {
        ...process.env,
        // How the CDK command line tells an app what it wants.
        CDK_OUTDIR: folder,
        CDK_CONTEXT_JSON: JSON.stringify({ ...cdkJson.context, databases: { [database]: entry } }),
      },
    });
    const template: Template = JSON.parse(
      await readFile(join(folder, `ConnectionReaper-${database}.template.json`), 'utf8'),
    );
    const sweeper = functionOf(template, 'handler');
    if (sweeper === null) throw new Error('expected the function in the template');
    const [schedule] = resourcesOf(template, 'AWS::Scheduler::Schedule');
    if (schedule === undefined) throw new Error('expected the schedule in the template');
    const [ownSecret] = Object.keys(template.Resources).filter(
      (id) => template.Resources[id]?.Type === 'AWS::SecretsManager::Secret',
    );
    return {
      ...sweeper,
      bundlePath: join(folder, `asset.${sweeper.assetHash}`, 'index.mjs'),
      scheduledEvent: JSON.parse(schedule.Target.Input),
      bootstrap: functionOf(template, 'bootstrap'),
      ownSecretArn: ownSecret === undefined ? null : arnOf(ownSecret),
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

interface Template {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties: TemplateProperties }>>;
}

/** Of the resources we read; the template is our own, and its tests say that these are there. */
interface TemplateProperties {
  readonly Code: { readonly S3Key: string };
  readonly Handler: string;
  readonly Runtime: string;
  readonly Environment?: { readonly Variables: Readonly<Record<string, TemplateText>> };
  readonly Timeout: number;
  readonly Target: { readonly Input: string };
}

/** A text of a template, with references to what is made together with it. */
type TemplateText =
  | string
  | { readonly 'Fn::Join': readonly [string, readonly TemplateText[]] }
  | { readonly Ref: string };

function resourcesOf({ Resources }: Template, type: string): readonly TemplateProperties[] {
  return Object.values(Resources)
    .filter(({ Type }) => Type === type)
    .map(({ Properties }) => Properties);
}

/** One of the bundle's functions, by the name it is exported by. CDK brings functions of its own. */
function functionOf(template: Template, name: string): (DeployedFunction & { readonly assetHash: string }) | null {
  const found = resourcesOf(template, 'AWS::Lambda::Function').find(({ Handler }) => Handler === `index.${name}`);
  if (found === undefined) return null;
  const variables = Object.entries(found.Environment?.Variables ?? {});
  return {
    assetHash: found.Code.S3Key.replace(/\.zip$/, ''),
    environment: Object.fromEntries(variables.map(([key, value]) => [key, resolve(value)])),
    timeoutSeconds: found.Timeout,
    nodeMajor: Number(/^nodejs(\d+)\.x$/.exec(found.Runtime)?.[1]),
  };
}

/** A text as the deployment would fill it in. All that ours refer to is secrets. */
function resolve(text: TemplateText): string {
  if (typeof text === 'string') return text;
  if ('Ref' in text) return arnOf(text.Ref);
  const [separator, parts] = text['Fn::Join'];
  return parts.map(resolve).join(separator);
}

/** The ARN that a secret of the stack might get. */
function arnOf(secretId: string): string {
  return `arn:aws:secretsmanager:us-east-1:123456789012:secret:${secretId}-AbCdEf`;
}
