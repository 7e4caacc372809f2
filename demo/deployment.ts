import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** What a deployment would put into the account, as far as running the function needs it. */
export interface Deployment extends AsyncDisposable {
  /** The bundle that would be uploaded. */
  readonly bundlePath: string;
  /** The function's environment variables, as the template sets them. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  /** What the schedule would send. */
  readonly scheduledEvent: unknown;
}

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

/**
 * Synthesizes the app as `cdk synth` does, with other databases than those in cdk.json, and takes the function out of
 * the template.
 *
 * @param entry the entry under `context.databases` of the one database.
 */
export async function synthesize(database: string, entry: object): Promise<Deployment> {
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
    const template = JSON.parse(await readFile(join(folder, `ConnectionReaper-${database}.template.json`), 'utf8'));
    const { Code, Environment, Timeout } = onlyResource(template, 'AWS::Lambda::Function');
    const { Target } = onlyResource(template, 'AWS::Scheduler::Schedule');
    return {
      bundlePath: join(folder, `asset.${Code.S3Key.replace(/\.zip$/, '')}`, 'index.mjs'),
      environment: Environment.Variables,
      timeoutSeconds: Timeout,
      scheduledEvent: JSON.parse(Target.Input),
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

/** Of the two resources we read; the template is our own, and its tests say that these are there. */
interface TemplateProperties {
  readonly Code: { readonly S3Key: string };
  readonly Environment: { readonly Variables: Readonly<Record<string, string>> };
  readonly Timeout: number;
  readonly Target: { readonly Input: string };
}

function onlyResource({ Resources }: Template, type: string): TemplateProperties {
  const [found, ...others] = Object.values(Resources).filter(({ Type }) => Type === type);
  if (found === undefined || others.length > 0) throw new Error(`expected one ${type} in the template`);
  return found.Properties;
}
