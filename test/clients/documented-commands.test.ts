/**
 * The commands that the pages, the stack's outputs, the alarms and the dashboard give people, run by a shell
 * as they stand there: AWS's and PostgreSQL's own programs, on a real server and the deployed function.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Template } from 'aws-cdk-lib/assertions';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AwsStandIn, startAwsStandIn } from '../../demo/aws-stand-in.js';
import { type Deployment, synthesize } from '../../demo/deployment.js';
import { type LambdaProcess, startLambda } from '../../demo/lambda-process.js';
import { databaseStacks } from '../../infra/cdk-json/database-stacks.js';
import { anApp, propertiesOf, resolved, SECRET_ARN, SHIPPED_CONTEXT } from '../infra/a-reaper.js';
import { commandsLeft, commandsLike, PROJECT, read, theCommand } from '../readme/commands.js';
import { PASSWORD, startDatabase, type TestDatabase } from '../support/database.js';
import { type Ran, shell } from '../support/shell.js';
import { type InvokeApi, startInvokeApi } from './invoke-api.js';

const FUNCTION = 'orders-reaper';

let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'documented-'));
  // Not every version of it takes the endpoint from a variable. And not the first aws on the path, which may be an older
  // one that some package brought along.
  const aws = join(folder, 'aws');
  writeFileSync(aws, '#!/bin/sh\nexec /usr/bin/aws --endpoint-url "$ENDPOINT" "$@"\n');
  chmodSync(aws, 0o755);
  database = await startDatabase();
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await database?.[Symbol.asyncDispose]();
});

/** AWS's command line, by somebody who has no settings of his own. */
function aws(command: string, endpoint: string, environment: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return shell(command, folder, {
    PATH: `${folder}:${process.env['PATH']}`,
    ENDPOINT: endpoint,
    HOME: folder,
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'example',
    AWS_MAX_ATTEMPTS: '1',
    ...environment,
  });
}

/** The commands that a deployed stack tells: in its outputs, in the alarms' descriptions and on the dashboard. */
function toldByTheStack(): readonly string[] {
  const [stack] = databaseStacks(anApp());
  if (stack === undefined) throw new Error('expected a database in cdk.json');
  const template = Template.fromStack(stack);
  const [dashboard] = propertiesOf(template, 'AWS::CloudWatch::Dashboard');
  const told = resolved([template.toJSON(), JSON.parse(String(resolved(dashboard?.['DashboardBody'])))]);
  return [...new Set(textsIn(told).flatMap((text) => text.split('\n').filter((line) => line.startsWith('aws '))))];
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** What the deployment fills in is a variable of the shell here, by its logical id. */
function filledIn(command: string): Readonly<Record<string, string>> {
  return Object.fromEntries([...command.matchAll(/\$\{(\w+)\}/g)].map(([, id = '']) => [id, FUNCTION]));
}

describe('what asks the function', () => {
  let deployment: Deployment;
  let services: AwsStandIn;
  let lambda: LambdaProcess;
  let api: InvokeApi;

  beforeAll(async () => {
    const { vpc } = SHIPPED_CONTEXT.databases.orders;
    deployment = await synthesize('orders', { secretArn: SECRET_ARN, vpc, sslMode: 'disable' });
  });

  afterAll(() => deployment[Symbol.asyncDispose]());

  beforeEach(async () => {
    services = await startAwsStandIn();
    services.setSecret(SECRET_ARN, database.secret());
    lambda = startLambda({ ...deployment, functionName: FUNCTION, handler: 'handler', awsEndpoint: services.endpoint });
    api = await startInvokeApi(FUNCTION, lambda);
  });

  afterEach(async () => {
    await api[Symbol.asyncDispose]();
    await lambda.stop();
    await services.stop();
  });

  const inReadme = commandsLike('aws lambda invoke');
  const ask = theCommand('ask() {');
  const asked = commandsLike("ask '");
  const told = toldByTheStack().filter((command) => command.startsWith('aws lambda invoke '));
  const commands: readonly (readonly [string, string])[] = [
    ...inReadme.map((command) => [`in the README (${command})`, command] as const),
    ...asked.map((command) => [`in the runbook (${command})`, `${ask}\n${command}`] as const),
    ...told.map((command) => [`that the stack tells (${command})`, command] as const),
  ];

  it('has the expected commands', () => {
    const says = (action: string) => expect.stringContaining(`{"action":"${action}"`);
    for (const action of ['report', 'reap', 'sweep']) expect(asked).toContainEqual(says(action));
    for (const action of ['report', 'sweep']) expect(told).toContainEqual(says(action));
    // What terminates comes from a report, which knows whom it reaches.
    expect(told).not.toContainEqual(says('reap'));
  });

  it.each(commands)('%s prints the report', async (_, command) => {
    const { code, stdout, stderr } = await aws(command, api.endpoint, { FUNCTION, ...filledIn(command) });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^orders has free slots: .* usable slots taken/m);
    expect(stdout).toMatch(/^primary · PostgreSQL /m);
  });

  const reports = commands.filter(([, command]) => command.includes('"report"'));

  it.each(reports)('%s prints the report from the error of a run that failed', async (_, command) => {
    services.fail('GetSecretValue', 'denied');
    const { code, stdout, stderr } = await aws(command, api.endpoint, { FUNCTION, ...filledIn(command) });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^orders could not be read: see FAILED below\.\n/m);
    expect(stdout).toContain('from Secrets Manager: AccessDeniedException');
  });

  it('leads from the alarm to the message for the team in two commands, both copied', async () => {
    const leaked: pg.Client[] = [];
    for (let count = 0; count < 12; count += 1) {
      const [client] = await database.leak(1, 'checkout', 'carts-7d9f8b-x2k4p');
      await client.query("select 'literal' as carts");
      leaked.push(client);
    }
    const bystanders = await database.leak(2, 'checkout', 'carts-admin');
    await database.idleFor(1);
    const alarm = told.find((command) => command.includes('"report"')) ?? '';
    const report = await aws(alarm, api.endpoint, filledIn(alarm));
    expect(report.stdout).toMatch(/^orders has free slots: .*\bcarts-\*: leak, 12/m);
    const [, reap = ''] = /^ +now +(aws .*)$/m.exec(report.stdout) ?? [];
    const reaped = await aws(reap, api.endpoint);
    expect(reaped.stdout).toContain('This run terminated 12 of its connections.');
    expect(await database.alive([...leaked, ...bystanders])).toEqual([...Array(12).fill(false), true, true]);
    const message = reaped.stdout.split('To the team of carts-*:\n')[1];
    expect(message).toContain('select ? as carts');
    expect(reaped.stdout).not.toContain('literal');
  });

  it('fails when there is no such function, and prints no old answer for it', async () => {
    const [command = ''] = inReadme;
    await aws(command, api.endpoint, { FUNCTION });
    const { code, stdout, stderr } = await aws(command, api.endpoint, { FUNCTION: 'another' });
    expect(code).not.toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toContain('ResourceNotFoundException');
  });
});

describe('what asks other services of AWS', () => {
  const NOBODY = 'http://127.0.0.1:9';
  const others = [...commandsLike('aws '), ...toldByTheStack()].filter(
    (command) => !command.startsWith('aws lambda invoke '),
  );

  it.each(others)('is valid for the command line of AWS, which only fails to reach the service: %s', async (text) => {
    const command = text.replaceAll(/<[^>]+>|…/g, 'something');
    const { code, stderr } = await aws(command, NOBODY, filledIn(command));
    expect(code).not.toBe(0);
    expect(stderr.trim()).toBe(`Could not connect to the endpoint URL: "${NOBODY}/"`);
  });

  it('has the expected commands', () => {
    const services = others.map((command) => command.split(' ').slice(1, 3).join(' '));
    expect(new Set(services)).toEqual(
      new Set(['cloudwatch describe-alarm-history', 'logs tail', 'cloudformation continue-update-rollback']),
    );
  });
});

describe('what asks PostgreSQL', () => {
  const asSuperuser = () => {
    const { host, port, superuser } = database.server;
    return {
      PGHOST: host,
      PGPORT: `${port}`,
      PGUSER: superuser.user,
      PGPASSWORD: superuser.password,
      PGDATABASE: 'postgres',
    };
  };

  it('sets up the role with the psql command of docs/permissions.md', async () => {
    const { code, stderr } = await shell(theCommand('psql '), PROJECT, asSuperuser());
    expect(stderr).toMatch(/^psql:infra\/grants.sql:\d+: WARNING: {2}These roles do not exist yet, .*: reporting\n$/);
    expect(code).toBe(0);
    const { rows } = await database.admin.query('select connection_reaper.limited_roles() as roles');
    expect(rows[0].roles).toEqual(['checkout', 'reporting', 'checkout_clone', 'reporting_clone']);
  });

  it('previews with npm run sweep of the README', async () => {
    const url = database.server.url('connection_reaper', PASSWORD);
    const command = theCommand('npm run sweep -- --url').replace(/'postgres:[^']*'/, `'${url}'`);
    expect(command).toContain(url);
    const { code, stdout, stderr } = await shell(`${command} --ssl-mode disable`, PROJECT, { HOME: folder });
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^Connection Reaper · postgres · sweep, nothing is changed · mode preview$/m);
  });

  it('lists the options of npm run sweep', async () => {
    const { code, stdout, stderr } = await shell(theCommand('npm run sweep -- --help'), PROJECT, { HOME: folder });
    expect(code, stderr).toBe(0);
    for (const option of ['--url', '--idle-timeout', '--enforce', '--ssl-mode'])
      expect(stdout).toContain(`  ${option} `);
  });

  // It is the last, since it ends with the role's removal.
  it('accepts every statement of the runbook', async () => {
    const leaked = await database.leak(1, 'checkout', 'stuck');
    for (const [, statement = ''] of read('docs/runbook.md').matchAll(/`((?:SELECT|ALTER|BEGIN;) [^`]+;)`/g)) {
      const environment = { ...asSuperuser(), STATEMENT: statement.replace("interval '1 minute'", "interval '0'") };
      const { code, stderr } = await shell('psql -v ON_ERROR_STOP=1 -c "$STATEMENT"', folder, environment);
      expect(code, stderr).toBe(0);
    }
    expect(await database.alive(leaked)).toEqual([false]);
    const { rowCount } = await database.admin.query("select from pg_roles where rolname = 'connection_reaper'");
    expect(rowCount).toBe(0);
  });
});

it('runs every command for AWS, for PostgreSQL and for a trial', () => {
  expect(commandsLeft(import.meta.url)).toEqual([]);
});
