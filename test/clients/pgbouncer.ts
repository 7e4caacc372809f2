import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ended, isAlive } from '../../demo/child-exit.js';
import { serverAccount } from '../../demo/postgres-binaries.js';
import type { PostgresServer } from '../../demo/postgres-server.js';
import { PASSWORD, until } from '../support/database.js';

/** A pooler that runs. */
export interface PgBouncer extends AsyncDisposable {
  readonly port: number;
}

/** Ends the pooler when the pipe to its stdin closes, so that nothing is left however the tests end. */
const KEEPER = 'pgbouncer "$1" & read -r _; kill -TERM $!; wait';

/**
 * Starts Debian's PgBouncer in front of a server, for every database.
 *
 * @param settings as in the section `[pgbouncer]` of its configuration.
 * @param roles that may log in, with the password of all test roles.
 */
export async function startPgBouncer(
  server: Pick<PostgresServer, 'host' | 'port'>,
  settings: Readonly<Record<string, string | number>>,
  roles: readonly string[] = ['connection_reaper', 'checkout', 'billing'],
): Promise<PgBouncer> {
  const folder = mkdtempSync(join(tmpdir(), 'pgbouncer-'));
  // It refuses to run as root.
  const account = serverAccount();
  chmodSync(folder, 0o711);
  const port = await freePort();
  const users = roles.map((role) => `"${role}" "${PASSWORD}"\n`);
  writeFileSync(join(folder, 'users'), users.join(''));
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: join(folder, 'users'),
    ...settings,
  };
  const configuration = join(folder, 'pgbouncer.ini');
  writeFileSync(
    configuration,
    [
      '[databases]',
      `* = host=${server.host} port=${server.port}`,
      '[pgbouncer]',
      ...Object.entries(all).map(([name, value]) => `${name} = ${value}`),
      '',
    ].join('\n'),
  );
  const logFile = join(folder, 'log');
  const log = openSync(logFile, 'w');
  const keeper = spawn('sh', ['-c', KEEPER, 'sh', configuration], {
    cwd: '/',
    // Debian keeps it where only root looks.
    env: { PATH: `${process.env['PATH']}:/usr/sbin` },
    stdio: ['pipe', log, log],
    ...account,
  });
  const stop = async () => {
    keeper.stdin?.end();
    await ended(keeper);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until(async () => !isAlive(keeper) || (await listens(port)));
  } catch (cause) {
    const text = readFileSync(logFile, 'utf8');
    await stop();
    throw new Error(`PgBouncer did not start; it comes with the Debian package pgbouncer. Its log:\n${text}`, {
      cause,
    });
  }
  return { port, [Symbol.asyncDispose]: stop };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
