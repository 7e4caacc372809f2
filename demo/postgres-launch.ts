import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { end, isAlive } from './child-exit.js';
import { type Account, POSTGRES_ENVIRONMENT } from './postgres-binaries.js';

/** Where every server listens, unless its settings name other addresses. */
export const HOST = '127.0.0.1';

const START_ATTEMPTS = 3;
const START_TIMEOUT_MS = 30_000;

/** What it takes to start a server on a data directory. */
export interface Launch {
  readonly postgres: string;
  readonly folder: string;
  readonly data: string;
  readonly account: Account | undefined;
  readonly settings: Readonly<Record<string, string | number | boolean>>;
}

/** A server that takes connections. */
export interface Launched {
  readonly process: ChildProcess;
  readonly port: number;
}

/**
 * Starts the server on a free port and waits until it takes connections. PostgreSQL can't choose a port itself, and
 * between our choice and its start somebody else may take it.
 *
 * @throws with the end of the log when the server doesn't start
 */
export async function launchOnFreePort(launch: Launch): Promise<Launched> {
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
    listen_addresses: HOST,
    ...settings,
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
      env: POSTGRES_ENVIRONMENT,
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

/** The server's log in its folder. */
export function logFile(folder: string): string {
  return join(folder, 'log');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
