import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT } from '../readme/commands.js';
import { PASSWORD, startDatabase, type TestDatabase } from '../support/database.js';
import { type Ran, ran } from '../support/shell.js';

let database: TestDatabase;
let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sweep-'));
  file = join(folder, 'settings.json');
  database = await startDatabase({ max_connections: 30 });
});

afterAll(async () => {
  await rm(folder, { recursive: true });
  await database?.[Symbol.asyncDispose]();
});

function sweep(args: readonly string[], url = database.server.url('connection_reaper', PASSWORD)): Promise<Ran> {
  return ran(process.execPath, ['--import', 'tsx', 'demo/sweep.ts', '--url', url, ...args], { cwd: PROJECT });
}

describe('demo/sweep.ts', () => {
  it('previews, and ends backends and sets limits only when told to', async () => {
    const leaked = await database.leak(3, 'checkout', 'leaky');
    const spared = await database.leak(2, 'billing', 'kept-1');
    await database.idleFor(1);
    const args = ['--ssl-mode', 'disable', '--idle-timeout', '1s', '--spare', 'kept*', '--role-limit', 'checkout=9'];

    const preview = await sweep(args);
    expect(preview).toMatchObject({ code: 0, stderr: '' });
    expect(preview.stdout).toContain('3 would be terminated');
    expect(preview.stdout).toContain('checkout: none -> 9 (would change)');
    expect(preview.stdout).toMatch(
      /Metrics, not sent\n {2}SlotsUsedPercent +\S+ Percent +Database=postgres Instance=primary\n/,
    );
    expect(await database.alive(leaked)).toEqual([true, true, true]);

    const enforced = await sweep([...args, '--enforce', '--json', '--log', '--max-terminations', '2']);
    const answer = JSON.parse(enforced.stdout);
    expect(
      answer.instances[0].outcomes.filter(({ outcome }: { outcome: string }) => outcome === 'terminated'),
    ).toHaveLength(2);
    expect(answer.datapoints).toContainEqual(expect.objectContaining({ metric: 'TerminatedConnections', value: 2 }));
    expect((await database.alive(leaked)).filter(Boolean)).toHaveLength(1);
    expect(await database.alive(spared)).toEqual([true, true]);
    expect(enforced.stderr.split('\n').filter((line) => line.includes('"outcome":"terminated"'))).toHaveLength(2);
    const { rows } = await database.admin.query("select rolconnlimit from pg_roles where rolname = 'checkout'");
    expect(rows).toEqual([{ rolconnlimit: 9 }]);
  });

  it('takes more settings from a file, and floors and TLS from where they are written', async () => {
    const settings = { applicationNames: [{ match: 'pod-*', name: 'pods' }], idleTimeout: '1h' };
    await writeFile(file, JSON.stringify(settings));
    await database.leak(1, 'billing', 'pod-1');
    await database.leak(1, 'billing', 'pod-2');
    await database.idleFor(1);
    const url = `${database.server.url('connection_reaper', PASSWORD)}?sslmode=disable`;
    const { stdout } = await sweep(['--settings', file, '--idle-timeout', '1s', '--keep-per-application', '1'], url);
    expect(stdout).toMatch(/pods +2 /);
    expect(stdout).toMatch(/kept for their application/);
  });

  it('fails for a setting in the file that the command line gives', async () => {
    await writeFile(file, JSON.stringify({ mode: 'enforce', databaseName: 'x', idleTimeout: '1h' }));
    const { code, stderr } = await sweep(['--settings', file]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('leave out what has no effect here: databaseName, mode');
  });

  it('takes an IPv6 address as a URL writes it', async () => {
    const { stdout } = await sweep(['--ssl-mode', 'disable'], 'postgres://someone:secret@[::1]:1/postgres');
    expect(stdout).toContain('at ::1:1 as someone');
  });

  it.each([
    [
      'a url that is not one',
      ['--idle-timeout', '5m'],
      'localhost',
      'expected postgres://user:password@host:port/database',
    ],
    ['a password that is not encoded', [], 'postgres://u:p%zz@localhost/x', 'with odd characters as %XX'],
    ['an invalid duration', ['--idle-timeout', '5'], undefined, '- idleTimeout: expected a duration such as'],
    ['an invalid count', ['--max-terminations', 'x'], undefined, '- maxTerminationsPerRun: expected a whole number'],
    ['a limit without a number', ['--role-limit', 'checkout'], undefined, 'expected role=limit'],
    ['a file that is not there', ['--settings', '/nowhere'], undefined, 'ENOENT'],
    ['an unknown option', ['--idle-afer', '5m'], undefined, "unknown option '--idle-afer'"],
  ])('fails for %s', async (_, args, url, message) => {
    const { code, stdout, stderr } = await sweep(args, url);
    expect(code).not.toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(stderr).not.toContain(`:${PASSWORD}@`);
  });

  it('fails with what to check when the server does not talk TLS', async () => {
    const { code, stdout } = await sweep([]);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /does not support SSL connections; turn TLS on at the server .*, or set sslMode to "disable"/,
    );
  });
});
