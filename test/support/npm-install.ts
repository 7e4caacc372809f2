import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const QUIET = ['--no-audit', '--no-fund', '--no-update-notifier', '--no-package-lock', '--loglevel=error'];

/** Gives up within seconds where there is no network, instead of npm's minute and a half. */
const PATIENCE = ['--fetch-retries=2', '--fetch-retry-factor=2', '--fetch-retry-mintimeout=1000'];

const run = promisify(execFile);

/** What of a package.json says what to install. */
export interface Manifest {
  /** Versions by the packages' names. */
  readonly dependencies: Readonly<Record<string, string>>;
  /** @default - its code is CommonJS */
  readonly type?: 'module';
  /** The packages among them that may run their scripts. @default - none */
  readonly allowScripts?: Readonly<Record<string, true>>;
}

/**
 * Installs packages into an empty folder, out of npm's cache as far as that holds them.
 *
 * @param tarballs what else to install, by path
 * @throws with the packages' names and what npm said of them
 */
export async function npmInstall(folder: string, manifest: Manifest, tarballs: readonly string[] = []): Promise<void> {
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, ...manifest }));
  try {
    await run(
      'npm',
      ['install', ...tarballs, '--prefix', folder, '--prefer-offline', '--ignore-scripts=false', ...QUIET, ...PATIENCE],
      { cwd: folder },
    );
  } catch (cause) {
    const names = Object.entries(manifest.dependencies).map(([name, version]) => `${name}@${version}`);
    throw new Error(
      `Could not install ${[...tarballs, ...names].join(', ')} (the first time it takes the npm registry): ${said(cause)}`,
      {
        cause,
      },
    );
  }
}

function said(error: unknown): string {
  const { stderr, message } = error as { readonly stderr?: string; readonly message: string };
  return stderr?.trim() || message;
}
