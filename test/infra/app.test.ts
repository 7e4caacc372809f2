import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { App } from 'aws-cdk-lib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writtenDatabases } from '../../infra/cdk-json/context.js';
import { parseDatabases } from '../../infra/cdk-json/database-entry.js';
import { SHIPPED_CONTEXT } from './a-reaper.js';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

const run = promisify(execFile);

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'connection-reaper-'));
});
afterEach(() => rmSync(home, { recursive: true }));

test('the shipped project synthesizes without credentials, and without a warning, and says what it costs', async () => {
  const { stdout, stderr } = await synth();
  expect(templates()).toEqual(['ConnectionReaper-orders.template.json']);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^orders: about \d+ USD a month .*\n$/);
}, 120_000);

test('there is a stack for each database', async () => {
  const { orders } = SHIPPED_CONTEXT.databases;
  await runApp({ orders, 'eu.billing_1': orders });
  expect(templates()).toEqual(['ConnectionReaper-eu-billing-1.template.json', 'ConnectionReaper-orders.template.json']);
});

test('fails when an entry has faults, and names them', async () => {
  const { vpc } = SHIPPED_CONTEXT.databases.orders;
  await expect(runApp({ orders: { vpc, idleTimeout: 'soon' } })).rejects.toThrow(
    /cdk\.json can't be used:\n- context\.databases\.orders\.idleTimeout: .*\n- context\.databases\.orders\.secretArn: missing\. Set secretArn, /,
  );
});

test('cdk synth fails on an entry with faults, and prints each fault once and no stack trace', async () => {
  const { vpc } = SHIPPED_CONTEXT.databases.orders;
  const failure = await synth(aProject(JSON.stringify({ vpc, mode: 'watch' }))).then(
    () => undefined,
    (error: { code: number; stderr: string }) => error,
  );
  expect(failure?.code).toBe(1);
  expect(failure?.stderr.match(/orders\.secretArn: missing/g)).toHaveLength(1);
  expect(failure?.stderr.match(/orders\.mode: expected/g)).toHaveLength(1);
  expect(failure?.stderr).not.toMatch(/^\s+at /m);
}, 120_000);

test('the command line of CDK loses no key of cdk.json', async () => {
  const { orders } = SHIPPED_CONTEXT.databases;
  const roleLimits = '{ "__proto__": 4, "constructor": 5, "prototype": 6 }';
  const entry = JSON.stringify({ ...orders, roleLimits: '?' }).replace('"?"', roleLimits);
  await synth(aProject(entry));
  const template = readFileSync(join(home, 'out', 'ConnectionReaper-orders.template.json'), 'utf8');
  expect(template).toContain(String.raw`{\"__proto__\":4,\"constructor\":5,\"prototype\":6}`);
}, 120_000);

test('databases.json replaces the entries of cdk.json, so that an upgrade has nothing to merge', async () => {
  const { orders } = SHIPPED_CONTEXT.databases;
  const folder = aProject(JSON.stringify(orders));
  const $schema = './infra/cdk-json/databases.schema.json';
  writeFileSync(join(folder, 'databases.json'), JSON.stringify({ $schema, billing: orders }));
  await synth(folder);
  expect(templates()).toEqual(['ConnectionReaper-billing.template.json']);
}, 120_000);

test.each([
  ['no JSON', '{', /^databases\.json can't be used:\n- expected JSON, /],
  ['no entries', '{}', /^databases\.json can't be used:\n- expected an object that holds an entry for each database/],
  ['an entry with faults', '{ "orders": {} }', /^databases\.json can't be used:\n- orders\.vpc: missing\n/],
])('databases.json with %s is an error that names the file', (_, text, message) => {
  writeFileSync(join(home, 'databases.json'), text);
  expect(() => {
    const { databases, file } = writtenDatabases(new App(), home);
    parseDatabases(databases, file);
  }).toThrow(message);
});

test('a context from elsewhere goes before databases.json', () => {
  writeFileSync(join(home, 'databases.json'), '{}');
  const databases = { orders: {} };
  expect(writtenDatabases(new App({ context: { databases } }), home)).toEqual({ file: 'cdk.json', databases });
});

/** A project like the shipped one, with this entry of `orders`. */
function aProject(entry: string): string {
  const { app } = JSON.parse(readFileSync(join(PROJECT, 'cdk.json'), 'utf8'));
  writeFileSync(
    join(home, 'cdk.json'),
    `{ "app": ${JSON.stringify(app.replace('infra/', `${PROJECT}/infra/`))},
    "context": { "databases": { "orders": ${entry} } } }`,
  );
  symlinkSync(join(PROJECT, 'node_modules'), join(home, 'node_modules'));
  return home;
}

/** Like `npx cdk synth --quiet`, by somebody without AWS. */
function synth(folder = PROJECT) {
  const cdk = join(PROJECT, 'node_modules/aws-cdk/bin/cdk');
  return run(process.execPath, [cdk, 'synth', '--quiet', '--output', join(home, 'out')], {
    cwd: folder,
    env: aBareEnvironment(),
  });
}

/** The app as the CLI runs it, with these databases. */
function runApp(databases: unknown) {
  const context = { ...SHIPPED_CONTEXT, databases };
  return run(process.execPath, ['--import', 'tsx', 'infra/app.ts'], {
    cwd: PROJECT,
    env: { ...aBareEnvironment(), CDK_OUTDIR: join(home, 'out'), CDK_CONTEXT_JSON: JSON.stringify(context) },
  });
}

function aBareEnvironment() {
  return { PATH: process.env['PATH'], HOME: home, AWS_EC2_METADATA_DISABLED: 'true' };
}

function templates(): readonly string[] {
  return readdirSync(join(home, 'out'))
    .filter((name) => name.endsWith('.template.json'))
    .toSorted();
}
