import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Signer } from '@aws-sdk/rds-signer';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AwsStandIn, startAwsStandIn } from '../../demo/aws-stand-in.js';
import { type DeployedFunction, type Deployment, synthesize } from '../../demo/deployment.js';
import { type LambdaProcess, startLambda } from '../../demo/lambda-process.js';
import type { BootstrapAnswer } from '../../lambda/bootstrap-handler.js';
import type { SettingsInput } from '../../lambda/input/settings.js';
import type { Answer } from '../../lambda/report/answer.js';
import { aCertificateBy, anAuthority, installCertificate } from '../support/certificates.js';
import { startDatabase, type TestDatabase, until } from '../support/database.js';
import { environmentWith, failureOf, VPC } from '../support/deployed.js';
import { BUNDLED_MAJOR, major } from '../support/postgres-majors.js';

/**
 * A token is new with every second, so the clock of the function stands still here, and the server is told beforehand
 * which token to expect. As in RDS, members of rds_iam send their password as it is, by TLS, and nobody else does.
 */
const NOW = Date.now();
const CLOCK_THAT_STANDS_STILL = `--import=data:text/javascript,${encodeURIComponent(
  `globalThis.Date = class extends Date { constructor(...at) { super(...(at.length ? at : [${NOW}])); } static now() { return ${NOW}; } };`,
)}`;

const RULES = `
hostssl all +rds_iam all password
hostnossl all +rds_iam all reject
hostssl all another_reaper all reject
`;

const ROLE = 'connection_reaper';
const ADMIN_SECRET_ARN = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:orders/admin-AbCdEf';

let folder: string;
let database: TestDatabase;
let deployment: Deployment;
let aws: AwsStandIn;
let started: LambdaProcess[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'iam-test-'));
  chmodSync(folder, 0o711);
  const authority = await anAuthority('Ours');
  writeFileSync(join(folder, 'ours.pem'), authority.cert);
  const certificate = installCertificate(folder, await aCertificateBy(authority));
  database = await startDatabase({ ...certificate, max_connections: 20, log_connections: true });
  deployment = await synthesize('orders', {
    iamAuthentication: true,
    reaperRole: ROLE,
    databaseResourceId: 'db-ABCDEFGHIJKL01234',
    adminSecretArn: ADMIN_SECRET_ARN,
    instances: [{ name: 'writer', host: 'localhost', port: database.server.port }],
    sslRootCert: join(folder, 'ours.pem'),
    vpc: VPC,
  });
  await database.admin.query('create role rds_iam');
  await rule();
});

afterAll(async () => {
  await database?.[Symbol.asyncDispose]();
  await deployment?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

beforeEach(async () => {
  started = [];
  aws = await startAwsStandIn();
  const { user, password } = database.server.superuser;
  aws.setSecret(ADMIN_SECRET_ARN, JSON.stringify({ username: user, password }));
  await database.admin.query(`grant rds_iam to ${ROLE}`);
  await expectTokenFor('localhost');
});

afterEach(async () => {
  await Promise.all(started.map((lambda) => lambda.stop()));
  await aws.stop();
});

async function rule(): Promise<void> {
  const { rows } = await database.admin.query<{ file: string; rules: string }>(
    "select setting as file, pg_read_file(setting) as rules from pg_settings where name = 'hba_file'",
  );
  for (const { file, rules } of rows) writeFileSync(file, `${RULES}${rules}`);
  await database.admin.query('select pg_reload_conf()');
  await until(async () => (await database.server.logText()).includes('received SIGHUP'));
}

/** The server takes the token that this function signs at this moment for this host, and no other. */
async function expectTokenFor(hostname: string): Promise<void> {
  const { port } = database.server;
  const signer = new Signer({
    hostname,
    port,
    username: ROLE,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example', sessionToken: 'example' },
  });
  vi.useFakeTimers({ toFake: ['Date'], now: NOW });
  const token = await signer.getAuthToken().finally(() => vi.useRealTimers());
  await database.admin.query(`alter role ${ROLE} password '${token}'`);
}

function start(handler: string, deployed: DeployedFunction, overrides: Partial<SettingsInput> = {}): LambdaProcess {
  const environment = { ...environmentWith(deployed, overrides), NODE_OPTIONS: CLOCK_THAT_STANDS_STILL };
  const { bundlePath } = deployment;
  const lambda = startLambda({ ...deployed, bundlePath, handler, environment, awsEndpoint: aws.endpoint });
  started.push(lambda);
  return lambda;
}

const sweeper = (overrides?: Partial<SettingsInput>) => start('handler', deployment, overrides);

function bootstrap(overrides?: Partial<SettingsInput>): LambdaProcess {
  if (deployment.bootstrap === null) throw new Error('nothing sets up the role');
  return start('bootstrap', deployment.bootstrap, overrides);
}

const failure = async (lambda: LambdaProcess) => (await failureOf(lambda.invoke({}))).errorMessage;

/** How the server let the reaper's sessions in, since this was asked last. It tells from 14 on. */
async function methods(): Promise<readonly string[]> {
  const text = await database.server.logText();
  const found = [...text.slice(read).matchAll(/identity="connection_reaper" method=(\S+)/g)];
  read = text.length;
  return found.map(([, method = '']) => method);
}
let read = 0;

const ADVICE =
  'for a login by token the role must be a member of rds_iam (GRANT rds_iam TO "connection_reaper"), IAM authentication on ' +
  'at this instance or its cluster, the function allowed rds-db:connect as connection_reaper on its resource id ' +
  '(db-... or cluster-...), and the host its real endpoint and no alias';

describe('a login by token', () => {
  it('sweeps with no secret at all', async () => {
    await methods();
    const answer = (await sweeper().invoke(deployment.scheduledEvent)) as Answer;
    expect(answer.errors).toEqual([]);
    expect(answer.instances[0]).toMatchObject({ name: 'writer', login: { way: 'own', attempts: 1 } });
    expect(aws.requests().map(({ operation }) => operation)).toEqual([
      'GetMetricData',
      'GetMetricData',
      'PutMetricData',
    ]);
    expect(await methods()).toEqual(major >= 14 ? ['password'] : []);
  });

  it('is by a token of its own for each instance, and says at the one that refuses it what to check', async () => {
    const { port } = database.server;
    const lambda = sweeper({
      instances: [
        { name: 'writer', host: 'localhost', port },
        { name: 'alias', host: '127.0.0.1', port },
      ],
    });
    const message = await failure(lambda);
    expect(message).toMatch(/^could not log in to "alias" at 127\.0\.0\.1:\d+ as connection_reaper: 28P01: /);
    expect(message.split('\n')[0]).toBe(
      `${message.split(': 28P01: ')[0]}: 28P01: password authentication failed for user "${ROLE}"; ${ADVICE}`,
    );
    expect(message).toContain('writer · PostgreSQL');
    expect(`${message}${lambda.log().join('')}`).not.toContain('X-Amz-Signature');
  });

  it('says the same where the server refuses the role as RDS does, by 28000', async () => {
    const message = await failure(sweeper({ iamAuthentication: true, reaperRole: 'another_reaper' }));
    expect(message).toMatch(/^could not log in to "writer" at localhost:\d+ as another_reaper: 28000: /);
    expect(message).toContain(ADVICE.replaceAll('connection_reaper', 'another_reaper'));
  });

  it('leaves the break-glass login its secret, for when the server is full', async () => {
    const clients: pg.Client[] = [];
    const full = async () => {
      const opened = await database.leak(1, 'checkout').catch(() => []);
      clients.push(...opened);
      return opened.length === 0;
    };
    await until(full);
    try {
      const answer = (await sweeper({ breakGlassSecretArn: ADMIN_SECRET_ARN }).invoke({})) as Answer;
      expect(answer.errors).toEqual([]);
      expect(answer.instances[0]?.login).toMatchObject({ way: 'break_glass', refusals: ['reserved_slots'] });
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
  });
});

describe('a bootstrap of a role that logs in by token', () => {
  const done = { role: ROLE, limitedRoles: [], instances: [{ name: 'writer', outcome: 'set_up', notes: [] }] };

  it('makes it a member of rds_iam, and proves it by a token', async () => {
    await database.admin.query(`revoke rds_iam from ${ROLE}`);
    await methods();
    expect(await bootstrap().invoke({})).toEqual(done);
    expect(await methods()).toEqual(major >= 14 ? ['password'] : []);
    expect(aws.secretReads(ADMIN_SECRET_ARN)).toBe(1);
  });

  it('waits for the rights of the function to spread, where the token is refused at first', async () => {
    await database.admin.query(`alter role ${ROLE} password 'of no token'`);
    const refusals = async () =>
      (await database.server.logText()).split(`authentication failed for user "${ROLE}"`).length;
    const before = await refusals();
    const answer = bootstrap().invoke({});
    // A login tries two tokens.
    await until(async () => (await refusals()) === before + 2);
    await expectTokenFor('localhost');
    expect(await answer).toEqual(done);
  });

  it('does not wait when the server rejects a password', async () => {
    const secretArn = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:orders/own-AbCdEf';
    aws.setSecret(secretArn, JSON.stringify({ username: 'another_reaper', password: 'by password' }));
    const began = performance.now();
    expect(await failure(bootstrap({ secretArn, iamAuthentication: false }))).toMatch(
      /as the user in the secret \S+: 28000: /,
    );
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  // It waits long, and the version changes nothing.
  it.runIf(major === BUNDLED_MAJOR)(
    'makes the role without a password, and fails when the token is refused',
    async () => {
      const began = performance.now();
      const message = await failure(bootstrap({ iamAuthentication: true, reaperRole: 'new_reaper' }));
      // Rights that were given a moment ago get their time, and no more than that.
      expect(performance.now() - began).toBeGreaterThan(20_000);
      expect(performance.now() - began).toBeLessThan(25_000);
      expect(message).toMatch(/is not set up: could not log in to "writer" at \S+ as new_reaper: 28P01: /);
      expect(message).toContain(ADVICE.replaceAll('connection_reaper', 'new_reaper'));
      const { rows } = await database.admin.query(
        "select rolpassword, pg_has_role(oid, 'rds_iam', 'MEMBER') as iam from pg_authid where rolname = 'new_reaper'",
      );
      expect(rows).toEqual([{ rolpassword: null, iam: true }]);
    },
  );

  it('lets it log in by password again, once a secret says so', async () => {
    const secretArn = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:orders/own-AbCdEf';
    aws.setSecret(secretArn, JSON.stringify({ username: ROLE, password: 'by password' }));
    await methods();
    const answer = (await bootstrap({ secretArn, iamAuthentication: false }).invoke({})) as BootstrapAnswer;
    expect(answer).toEqual(done);
    expect(await methods()).toEqual(major >= 14 ? ['scram-sha-256'] : []);
  });

  it('fails where the server has no rds_iam, and says what that means', async () => {
    await database.admin.query('drop role rds_iam');
    try {
      expect(await failure(bootstrap())).toMatch(
        /on "writer": 42704: there is no role rds_iam, whose members log in by token; On RDS and Aurora, turn on/,
      );
    } finally {
      await database.admin.query('create role rds_iam');
    }
  });
});
