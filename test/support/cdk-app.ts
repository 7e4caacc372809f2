import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PACKAGE_TESTS = fileURLToPath(new URL('../package', import.meta.url));

export interface CdkTemplate {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties: unknown }>>;
}

/** What a program printed, and the exit code that is not 0. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
  readonly code?: number;
}

/**
 * Synthesizes the stack `Shop` of an app, with neither network nor credentials.
 *
 * Without a loader among the arguments, the app cannot start programs either (loaders start a compiler), and CDK checks
 * the template against the rules of CloudFormation.
 *
 * @param program the arguments of Node.js
 * @throws with what the app printed: a synth is silent
 */
export async function synth(app: string, ...program: readonly string[]): Promise<CdkTemplate> {
  const plain = program.length === 1;
  const output = plain
    ? await runNode(app, program, ['no-network', 'no-programs'], { CDK_VALIDATION: 'true' })
    : await runNode(app, program, ['no-network']);
  if (`${output.stdout}${output.stderr}` !== '') throw new Error(`${output.stdout}${output.stderr}`);
  return JSON.parse(readFileSync(join(app, 'cdk.out/Shop.template.json'), 'utf8'));
}

/** Runs the app's own tests with the Jest that the app finds, without a network. */
export function runJest(app: string): Promise<Output> {
  return runNode(app, [toolOf(app, 'jest/bin/jest.js'), '--ci', '--runInBand'], ['no-network']);
}

/** Compiles an app: no output means no complaint, not even about the declarations of the package. */
export async function compile(app: string, compilerOptions: object, include: readonly string[]): Promise<string> {
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, include }));
  const { stdout, stderr } = await runNode(app, [
    toolOf(fileURLToPath(import.meta.url), 'typescript/bin/tsc'),
    '-p',
    app,
  ]);
  return `${stdout}${stderr}`;
}

/** The path of a file of a package, as found from an app. */
export function toolOf(app: string, path: string): string {
  const [name = '', ...inside] = path.split('/');
  return join(dirname(createRequire(join(app, 'app.js')).resolve(`${name}/package.json`)), ...inside);
}

function runNode(
  app: string,
  program: readonly string[],
  guards: readonly string[] = [],
  environment: object = {},
): Promise<Output> {
  // Not by `--import`: with it Node.js loads the app as an ES module, and ts-node fails.
  const required = guards.map((guard) => `--require=${join(PACKAGE_TESTS, `${guard}.cjs`)}`);
  return promisify(execFile)(process.execPath, program, {
    cwd: app,
    env: {
      PATH: process.env['PATH'],
      HOME: app,
      TMPDIR: tmpdir(),
      CDK_OUTDIR: join(app, 'cdk.out'),
      NODE_OPTIONS: required.join(' '),
      // The check takes 6 s for each synth.
      CDK_VALIDATION: 'false',
      ...environment,
    },
  }).catch((failure: Output) => failure);
}
