import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type PostgresServer, startPostgres } from '../../demo/postgres-server.js';
import { initializedCluster } from '../support/initialized-cluster.js';
import { binariesOf, major } from '../support/postgres-majors.js';

const binaries = await binariesOf(major);

/** Where the servers of a test put their folders, and what their command lines name. */
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postgres-server-test-'));
  // When root runs this, the server's account has to get through.
  chmodSync(folder, 0o755);
  vi.stubEnv('TMPDIR', folder);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

function leftovers(): string[] {
  const processes = execFileSync('ps', ['-A', '-o', 'args'], { encoding: 'utf8' }).split('\n');
  return [...readdirSync(folder), ...processes.filter((args) => args.includes(folder))];
}

async function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

function superuserUrl({ superuser, url }: PostgresServer): string {
  return url(superuser.user, superuser.password);
}

describe('startPostgres', () => {
  it('starts a real server with the given settings, and leaves nothing when stopped', async () => {
    const server = await startPostgres({ binaries, settings: { max_connections: 23, log_connections: 'on' } });
    try {
      const rows = await query(
        superuserUrl(server),
        "select current_setting('max_connections') as max, current_setting('server_version') as version",
      );
      expect(rows).toEqual([{ max: '23', version: server.version }]);
      expect(await server.logText()).toContain('connection authorized: user=postgres');
      await expect(query(server.url('postgres', 'wrong'), 'select 1')).rejects.toMatchObject({ code: '28P01' });
      expect(leftovers()).not.toEqual([]);
    } finally {
      await server.stop();
    }
    await server.stop();
    expect(leftovers()).toEqual([]);
  });

  it('runs servers side by side, also on copies of one cluster, and builds URLs for any password', async () => {
    const cluster = await initializedCluster(major, binaries);
    await using one = await startPostgres({ binaries, cluster });
    await using two = await startPostgres({ binaries, cluster });
    expect(one.port).not.toBe(two.port);
    await query(superuserUrl(one), `create role "a b" login password 'p@ss/w:o#rd?%'`);
    expect(await query(one.url('a b', 'p@ss/w:o#rd?%'), 'select current_user as role')).toEqual([{ role: 'a b' }]);
    expect(await query(superuserUrl(two), "select from pg_roles where rolname = 'a b'")).toEqual([]);
  });

  it('fails with the end of the log when the server refuses to start', async () => {
    await expect(startPostgres({ binaries, settings: { no_such_setting: 1 } })).rejects.toThrow(
      /did not start[\s\S]*unrecognized configuration parameter "no_such_setting"/,
    );
    expect(leftovers()).toEqual([]);
  });
});

describe('a process that dies', () => {
  it.each<NodeJS.Signals>(['SIGTERM', 'SIGINT', 'SIGKILL'])(
    'takes its server and the folder with it: %s',
    async (signal) => {
      const script = `
      // Not by the environment: tsx would put its cache there.
      process.env.TMPDIR = ${JSON.stringify(folder)};
      const { startPostgres } = await import('./demo/postgres-server.ts');
      await startPostgres({ binaries: ${JSON.stringify(binaries)} });
      process.stdout.write('started');
      setInterval(() => undefined, 1000);
    `;
      const owner = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
        env: { ...process.env, TMPDIR: undefined },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exited = once(owner, 'exit');
      try {
        await Promise.race([once(owner.stdout, 'data'), exited]);
        expect(leftovers()).not.toEqual([]);
      } finally {
        owner.kill(signal);
      }
      expect(await exited).toEqual([null, signal]);
      await vi.waitFor(() => expect(leftovers()).toEqual([]), { timeout: 10_000 });
    },
  );
});
