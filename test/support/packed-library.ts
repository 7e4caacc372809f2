import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { npmInstall } from './npm-install.js';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** The app of somebody who uses the package, which {@link installedApp} and {@link sourceApp} are copies of. */
const CONSUMER = join(PROJECT, 'test/package/consumer');

/** Versions of the packages that an app has to bring along. */
export interface Peers {
  readonly 'aws-cdk-lib': string;
  readonly constructs: string;
}

/** What `npm pack` made. */
export interface PackedLibrary {
  readonly tarball: string;
  readonly bytes: number;
  /** Paths inside of the package. */
  readonly files: readonly string[];
}

/** Packs the project as for the registry, into a folder. */
export async function packLibrary(folder: string): Promise<PackedLibrary> {
  const { stdout } = await promisify(execFile)('npm', ['pack', '--silent', '--json', '--pack-destination', folder], {
    cwd: PROJECT,
  });
  const [{ filename, size, files }] = JSON.parse(stdout);
  return { tarball: join(folder, filename), bytes: size, files: files.map(({ path }: { path: string }) => path) };
}

/** The tools of an app that `cdk init` made: the current ones, and those that it used for years (until the end of 2025). */
const TOOLS = {
  '@swc/core': '1.16.22',
  '@swc/jest': '0.2.39',
  '@types/jest': '30.0.0',
  '@types/node': '24.10.1',
  jest: '30.5.2',
  'ts-jest': '29.4.15',
  'ts-node': '10.9.2',
  tsx: '4.23.15',
  // The newest that ts-jest and ts-node work with.
  typescript: '5.9.3',
};

/** Installs the tools of apps into a folder, for all {@link installedApp} below it. */
export async function installTools(folder: string): Promise<void> {
  await npmInstall(folder, { dependencies: TOOLS });
}

/**
 * Makes an app that has the tarball and its peers installed, as the README does, and nothing else of this project. The
 * folders `javascript` and `typescript` in it are the examples, and use the same packages.
 */
export async function installedApp(folder: string, tarball: string, peers: Peers): Promise<void> {
  await mkdir(folder);
  await npmInstall(folder, { type: 'module', dependencies: { ...peers } }, [tarball]);
  await cp(CONSUMER, folder, { recursive: true });
  await cp(join(PROJECT, 'examples'), folder, { recursive: true });
}

/** Makes the same app on top of the sources, for `tsx` to run, with the packages of this project. */
export async function sourceApp(folder: string): Promise<void> {
  const library = join(folder, 'node_modules/connection-reaper');
  await mkdir(library, { recursive: true });
  await writeFile(join(library, 'package.json'), JSON.stringify({ exports: './index.mjs' }));
  const sources = pathToFileURL(join(PROJECT, 'infra/index.ts')).href;
  await writeFile(join(library, 'index.mjs'), `export * from ${JSON.stringify(sources)};\n`);
  for (const name of ['aws-cdk-lib', 'constructs']) {
    await symlink(join(PROJECT, 'node_modules', name), join(folder, 'node_modules', name));
  }
  await cp(CONSUMER, folder, { recursive: true });
}

/** The peers as this project has them installed, which is what its lock file says. */
export async function lockedPeers(): Promise<Peers> {
  const version = async (name: string) =>
    (await readManifest(join('node_modules', name, 'package.json')))['version'] as string;
  return { 'aws-cdk-lib': await version('aws-cdk-lib'), constructs: await version('constructs') };
}

/** The oldest peers that the package says it works with. */
export async function oldestPeers(): Promise<Peers> {
  const { 'aws-cdk-lib': cdk, constructs } = (await readManifest('package.json'))['peerDependencies'] as Peers;
  const oldest = (range: string) => range.replace(/^\^/, '');
  return { 'aws-cdk-lib': oldest(cdk), constructs: oldest(constructs) };
}

async function readManifest(path: string): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse(await readFile(join(PROJECT, path), 'utf8'));
}
