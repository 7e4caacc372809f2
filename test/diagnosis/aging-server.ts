/**
 * A server whose clock can be put forward, because connections that leaked an hour ago can't be waited for. Debian's
 * libfaketime answers only this server's questions for the time; clients and their pools keep the machine's clock.
 */
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { appendFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { bundledBinaries } from '../../demo/postgres-binaries.js';
import { type PostgresServer, startPostgres } from '../../demo/postgres-server.js';
import { grantRights } from '../../lambda/postgres/grant-privileges.js';
import { PASSWORD, until } from '../support/database.js';
import { ROLES, TABLES } from './scenario.js';

/** The Debian package. */
export const FAKETIME = 'libfaketime';

/** Where that package put its library, which depends on the architecture. */
export function faketimeLibrary(): string {
  const found = readdirSync('/usr/lib')
    .map((folder) => join('/usr/lib', folder, 'faketime', 'libfaketime.so.1'))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error(`the library of the Debian package ${FAKETIME} is not in /usr/lib`);
  return found;
}

/** A server with the roles and tables of all scenarios. */
export interface AgingServer extends AsyncDisposable {
  readonly server: PostgresServer;
  /** Asks as superuser, in a session that is gone when the answer is there: it must not be in the report. */
  ask<Row extends object>(query: string): Promise<Row[]>;
  /** Puts the server's clock forward. */
  age(seconds: number): Promise<void>;
  /** Waits until no client is connected except ours. */
  empty(): Promise<void>;
}

/**
 * Starts one.
 *
 * @param faketime the path of the library.
 */
export async function startAgingServer(faketime: string, maxConnections: number): Promise<AgingServer> {
  const folder = mkdtempSync(join(tmpdir(), 'clock-'));
  const clock = join(folder, 'clock');
  const postgres = join(folder, 'postgres');
  const { initdb, postgres: real } = bundledBinaries();
  const environment = [
    `LD_PRELOAD=${faketime}`,
    `FAKETIME_TIMESTAMP_FILE=${clock}`,
    'FAKETIME_NO_CACHE=1',
    'FAKETIME_DONT_FAKE_MONOTONIC=1',
    'FAKETIME_DISABLE_SHM=1',
  ];
  const script = `#!/bin/sh\nexport ${environment.join(' ')}\nexec '${real}' "$@"\n`;
  writeFileSync(clock, '+0\n', { mode: 0o644 });
  writeFileSync(postgres, script, { mode: 0o755 });
  // The server may run as another account.
  chmodSync(folder, 0o755);
  const forget = () => rmSync(folder, { recursive: true, force: true });
  let server: PostgresServer;
  try {
    server = await startPostgres({
      binaries: { initdb, postgres },
      settings: { max_connections: maxConnections, compute_query_id: 'on' },
    });
  } catch (error) {
    forget();
    throw error;
  }
  const { user, password } = server.superuser;
  const asAdmin = async <Result>(doing: (admin: pg.Client) => Promise<Result>): Promise<Result> => {
    const admin = new pg.Client({ connectionString: server.url(user, password) });
    try {
      await admin.connect();
      return await doing(admin);
    } finally {
      await admin.end();
    }
  };
  const stop = async () => {
    await server.stop();
    forget();
  };
  try {
    await asAdmin(admitEveryLocalAddress);
    await asAdmin(furnish);
  } catch (error) {
    await stop();
    throw error;
  }
  let offset = 0;
  return {
    server,
    ask: (query) => asAdmin(async (admin) => (await admin.query(query)).rows),
    age: async (seconds) => {
      offset += seconds;
      // The server may ask for the time meanwhile, and must not read half a file.
      await writeFile(`${clock}.new`, `+${offset}\n`);
      await rename(`${clock}.new`, clock);
    },
    empty: () =>
      asAdmin((admin) =>
        until(async () => {
          const others = `select from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`;
          return (await admin.query(others)).rowCount === 0;
        }, 20_000),
      ),
    [Symbol.asyncDispose]: stop,
  };
}

/** By default only 127.0.0.1 may log in. */
async function admitEveryLocalAddress(admin: pg.Client): Promise<void> {
  const { rows } = await admin.query<{ hba_file: string }>('show hba_file');
  await appendFile(rows[0]?.hba_file ?? '', '\nhost all all 127.0.0.0/8 scram-sha-256\n');
  await admin.query('select pg_reload_conf()');
}

async function furnish(admin: pg.Client): Promise<void> {
  for (const role of ROLES) await admin.query(`create role ${role} login password '${PASSWORD}'`);
  for (const table of TABLES) {
    await admin.query(`
      create table ${table} (id int primary key, customer int, note text);
      insert into ${table} select n, n % 50, 'note ' || n from generate_series(1, 2000) n;
      grant select on ${table} to public;
    `);
  }
  await admin.query('grant pg_monitor to monitoring');
  await grantRights(
    { query: async (text, values = []) => (await admin.query(text, [...values])).rows },
    { name: 'connection_reaper', database: 'postgres', limitedRoles: ROLES, rescueLogin: 'off', byToken: false },
  );
  await admin.query(`alter role connection_reaper password '${PASSWORD}'`);
}
