import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AwsStandIn, startAwsStandIn } from '../../demo/aws-stand-in.js';
import { type DeployedFunction, type Deployment, synthesize } from '../../demo/deployment.js';
import { type LambdaProcess, startLambda } from '../../demo/lambda-process.js';
import type { SettingsInput } from '../../lambda/input/settings.js';
import type { Answer } from '../../lambda/report/answer.js';
import { type CustomResourceProvider, loadProviderFramework } from '../support/custom-resource.js';
import { PASSWORD, startDatabase, type TestDatabase } from '../support/database.js';
import { environmentWith, failureOf, VPC } from '../support/deployed.js';

const ADMIN_SECRET_ARN = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:orders/admin-AbCdEf';
const OWN_PASSWORD = 'aGeneratedOne-$1-%40';

let database: TestDatabase;
let deployment: Deployment;
let aws: AwsStandIn;
let ownSecretArn: string;
let started: LambdaProcess[];

beforeAll(async () => {
  database = await startDatabase();
  const { host, port } = database.server;
  deployment = await synthesize('orders', {
    adminSecretArn: ADMIN_SECRET_ARN,
    instances: [{ name: 'writer', host, port }],
    vpc: VPC,
    sslMode: 'disable',
    roleLimits: { checkout: 40, billing: 10 },
  });
  ownSecretArn = deployment.ownSecretArn ?? '';
  // What the other tests need of this role, this one gives it by itself.
  await database.admin.query('drop owned by connection_reaper; drop role connection_reaper');
});

afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await deployment[Symbol.asyncDispose]();
});

beforeEach(async () => {
  started = [];
  aws = await startAwsStandIn();
  const { user, password } = database.server.superuser;
  aws.setSecret(ADMIN_SECRET_ARN, JSON.stringify({ username: user, password, dbname: 'template1' }));
  aws.setSecret(ownSecretArn, JSON.stringify({ username: 'connection_reaper', password: OWN_PASSWORD }));
});

afterEach(async () => {
  await Promise.all(started.map((lambda) => lambda.stop()));
  await aws.stop();
});

function start(handler: string, deployed: DeployedFunction, settings: Partial<SettingsInput>): LambdaProcess {
  const environment = environmentWith(deployed, settings);
  const { timeoutSeconds } = deployed;
  const { bundlePath } = deployment;
  const lambda = startLambda({ bundlePath, handler, environment, timeoutSeconds, awsEndpoint: aws.endpoint });
  started.push(lambda);
  return lambda;
}

function bootstrapWith(settings: Partial<SettingsInput> = {}): LambdaProcess {
  if (deployment.bootstrap === null) throw new Error('nothing sets up the role');
  return start('bootstrap', deployment.bootstrap, settings);
}

const failure = (lambda: LambdaProcess) => failureOf(lambda.invoke({}));

async function limitOf(role: string): Promise<number> {
  const { rows } = await database.admin.query('select rolconnlimit from pg_roles where rolname = $1', [role]);
  return rows[0].rolconnlimit;
}

async function limitedRolesOf(reaper: string): Promise<readonly string[]> {
  const { rows } = await database.admin.query(`select ${reaper}.limited_roles() as roles`);
  return rows[0].roles;
}

describe('the bootstrap', () => {
  it('makes the role, twice in a row, and what is deployed can then sweep with a secret of its own', async () => {
    const lambda = bootstrapWith();
    const done = {
      role: 'connection_reaper',
      limitedRoles: ['checkout', 'billing'],
      instances: [{ name: 'writer', outcome: 'set_up', notes: [] }],
    };
    expect(await lambda.invoke({})).toEqual(done);
    expect(await lambda.invoke({})).toEqual(done);

    const answer = (await start('handler', deployment, {}).invoke(deployment.scheduledEvent)) as Answer;
    expect(answer.errors).toEqual([]);
    expect(answer.instances[0]?.roleLimits).toMatchObject([
      { role: 'checkout', to: 40, outcome: 'changed' },
      { role: 'billing', to: 10, outcome: 'changed' },
    ]);
    expect([await limitOf('checkout'), await limitOf('billing')]).toEqual([40, 10]);
  });

  it('revokes what is no longer declared', async () => {
    await bootstrapWith({ roleLimits: { checkout: 40 } }).invoke({});
    const limits = { checkout: 30, billing: 20 };
    const answer = (await start('handler', deployment, { roleLimits: limits }).invoke({})) as Answer;
    expect(answer.instances[0]?.roleLimits).toMatchObject([
      { role: 'checkout', to: 30, outcome: 'changed' },
      { role: 'billing', to: 20, outcome: 'refused', reason: expect.stringMatching(/^42501: .*role "billing"/) },
    ]);
  });

  it('sets the password of the secret again after somebody changed it', async () => {
    await bootstrapWith().invoke({});
    await database.admin.query("alter role connection_reaper password 'another'");
    await bootstrapWith().invoke({});
    const reaper = await database.connect('connection_reaper', { password: OWN_PASSWORD });
    const { rows } = await reaper.query('select current_user as user');
    expect(rows).toEqual([{ user: 'connection_reaper' }]);
  });

  it('writes no password to the log, the answer or the server', async () => {
    await database.admin.query("alter system set log_statement = 'all'");
    await database.admin.query('select pg_reload_conf()');
    const lambda = bootstrapWith();
    const answer = await lambda.invoke({});
    await database.admin.query('alter system reset log_statement');
    await database.admin.query('select pg_reload_conf()');
    const serverLog = await database.server.logText();
    expect(serverLog).toContain('alter role "connection_reaper" password \'SCRAM-SHA-256$');
    expect(`${JSON.stringify(answer)}${lambda.log().join('')}${serverLog}`).not.toContain(OWN_PASSWORD);
    expect(lambda.log().map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ level: 'INFO', event: 'bootstrap', role: 'connection_reaper' }),
    ]);
  });

  it('succeeds when two run at once', async () => {
    // They meet at the grants in one round, at the password in another.
    for (let round = 0; round < 5; round += 1) {
      const answers = await Promise.all([bootstrapWith().invoke({}), bootstrapWith().invoke({})]);
      expect(answers).toMatchObject(Array(2).fill({ instances: [{ outcome: 'set_up' }] }));
    }
  });

  it('makes a separate role for each reaper', async () => {
    await bootstrapWith().invoke({});
    aws.setSecret(ownSecretArn, JSON.stringify({ username: 'billing_reaper', password: OWN_PASSWORD }));
    expect(await bootstrapWith({ databaseLabel: 'billing', roleLimits: { billing: 1 } }).invoke({})).toMatchObject({
      role: 'billing_reaper',
      limitedRoles: ['billing'],
      instances: [{ outcome: 'set_up' }],
    });
    expect(await limitedRolesOf('billing_reaper')).toEqual(['billing', 'billing_clone']);
    expect(await limitedRolesOf('connection_reaper')).toContain('checkout');
  });

  it('names the declared roles that do not exist yet', async () => {
    expect(await bootstrapWith({ roleLimits: { later: 1 } }).invoke({})).toMatchObject({
      instances: [{ notes: ['These roles do not exist yet, and get their limits once they do: later'] }],
    });
  });
});

describe('a bootstrap fails the deployment, with what to do,', () => {
  const superuser = () => database.server.superuser.user;

  it('when the admin secret is wrong', async () => {
    aws.setSecret(ADMIN_SECRET_ARN, JSON.stringify({ username: superuser(), password: 'not-the-password' }));
    const lambda = bootstrapWith();
    const error = await failure(lambda);
    expect(error.errorType).toBe('BootstrapError');
    expect(error.errorMessage).toMatch(
      /^The database role of the Connection Reaper is not set up: could not log in to "writer" at 127\.0\.0\.1:\d+ as the user in the secret \S+orders\/admin-AbCdEf: 28P01: .*compare it with the role\. Then deploy again\. The log is in the group \/aws\/lambda\/connection-reaper\.$/,
    );
    expect(error.trace.join('')).toBe('');
    expect(`${error.errorMessage}${lambda.log().join('')}`).not.toContain('not-the-password');
  });

  it('when a limit is declared for a superuser', async () => {
    const { errorMessage } = await failure(bootstrapWith({ roleLimits: { [superuser()]: 5 } }));
    expect(errorMessage).toMatch(
      /on "writer": 22023: superusers, whom no .*: postgres; Leave them out, .*\. Then deploy again\./,
    );
  });

  it('when the admin has no permission for it', async () => {
    await database.admin.query(`create role no_admin login password '${PASSWORD}'`);
    aws.setSecret(ADMIN_SECRET_ARN, JSON.stringify({ username: 'no_admin', password: PASSWORD }));
    const { errorMessage } = await failure(bootstrapWith());
    await database.admin.query('drop role no_admin');
    expect(errorMessage).toMatch(
      /on "writer": 42501: only a superuser, or a role with CREATEROLE .*, not <username in the secret>\. Then/,
    );
  });

  it('when the role is that of another reaper, and leaves it its password and its limits', async () => {
    await bootstrapWith().invoke({});
    aws.setSecret(ownSecretArn, JSON.stringify({ username: 'connection_reaper', password: 'another' }));
    const { errorMessage } = await failure(bootstrapWith({ databaseLabel: 'billing', roleLimits: { billing: 1 } }));
    expect(errorMessage).toMatch(
      /on "writer": 55006: the role connection_reaper is that of the reaper of orders; .*: set reaperRole \(-v reaper=\)\. .*adopt=on, and deploy again/,
    );
    const reaper = await database.connect('connection_reaper', { password: OWN_PASSWORD });
    await reaper.query("select connection_reaper.set_connection_limit('checkout', 3)");
    expect(await limitedRolesOf('connection_reaper')).toContain('checkout');
  });

  it('when the role cannot log in', async () => {
    await bootstrapWith().invoke({});
    await database.admin.query("alter role connection_reaper valid until '2001-01-01'");
    const { errorMessage } = await failure(bootstrapWith());
    await database.admin.query("alter role connection_reaper valid until 'infinity'");
    expect(errorMessage).toMatch(/could not log in to "writer" at \S+ as the user in the secret \S+: 28P01: /);
  });

  it.each([
    ['when the admin secret cannot be read', ADMIN_SECRET_ARN],
    ['when its own secret cannot be read', 'own'],
  ])('%s', async (_, arn) => {
    await aws.stop();
    aws = await startAwsStandIn();
    const other = arn === ADMIN_SECRET_ARN ? ownSecretArn : ADMIN_SECRET_ARN;
    aws.setSecret(other, JSON.stringify({ username: 'connection_reaper', password: OWN_PASSWORD }));
    const { errorMessage } = await failure(bootstrapWith());
    expect(errorMessage).toContain(arn === ADMIN_SECRET_ARN ? ADMIN_SECRET_ARN : ownSecretArn);
    expect(errorMessage).toMatch(/ResourceNotFoundException: .*; check its ARN/);
  });

  it('when the password would have to be normalized', async () => {
    aws.setSecret(ownSecretArn, JSON.stringify({ username: 'connection_reaper', password: 'pässword' }));
    const { errorMessage } = await failure(bootstrapWith());
    expect(errorMessage).toContain('- password: expected printable ASCII characters alone');
    expect(errorMessage).not.toContain('pässword');
  });

  it('when no server can be reached', async () => {
    const instances = [{ name: 'gone', host: '127.0.0.1', port: 1 }];
    const { errorMessage } = await failure(bootstrapWith({ instances }));
    expect(errorMessage).toMatch(
      /could not log in to "gone" at 127\.0\.0\.1:1 as the user in the secret \S+: .*; nothing listens there: check host and port/,
    );
  });
});

describe('to CloudFormation', () => {
  const NEW = { RequestType: 'Create' } as const;
  const GONE = [{ name: 'gone', host: '127.0.0.1', port: 1 }];
  let provider: CustomResourceProvider;

  beforeAll(async () => {
    provider = await loadProviderFramework();
    // The framework's log level is above what it writes.
    vi.spyOn(console, 'log').mockImplementation(() => undefined);
  });

  afterAll(async () => {
    vi.restoreAllMocks();
    await provider[Symbol.asyncDispose]();
  });

  it('it stays one resource over updates', async () => {
    const { invoke } = bootstrapWith();
    const created = await provider.ask(NEW, invoke);
    expect(created.Status).toBe('SUCCESS');
    const { PhysicalResourceId } = created;
    expect(await provider.ask({ RequestType: 'Update', PhysicalResourceId }, invoke)).toEqual(created);
  });

  it('it leaves the role as it is when it is deleted, and needs no database for that', async () => {
    await bootstrapWith().invoke({});
    const lambda = bootstrapWith({ instances: GONE });
    const deletion = { RequestType: 'Delete', PhysicalResourceId: 'one' } as const;
    expect(await provider.ask(deletion, lambda.invoke)).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId: 'one' });
    const reaper = await database.connect('connection_reaper', { password: OWN_PASSWORD });
    expect((await reaper.query('select current_user as user')).rows).toEqual([{ user: 'connection_reaper' }]);
  });

  it.each([NEW, { RequestType: 'Update', PhysicalResourceId: 'one' } as const])(
    'a failure is told in a few lines, and has no stack: $RequestType',
    async (request) => {
      const { Status, Reason } = await provider.ask(request, bootstrapWith({ instances: GONE }).invoke);
      expect(Status).toBe('FAILED');
      expect(Reason.split('\n')).toEqual([
        expect.stringMatching(
          /^The database role .* is not set up: could not log in to "gone" .*\. Then deploy again\. The log is in the group \/aws\/lambda\/connection-reaper\.$/,
        ),
        '',
        // The framework's own, which knows of no other log.
        'Logs: /aws/lambda/Orders-ReaperBootstrapFunction',
        '',
      ]);
    },
  );

  it('a long failure is shortened to what fits, and the log has all of it', async () => {
    const roles = Array.from({ length: 50 }, (_, index) => `${'ö'.repeat(28)}_${index}`);
    await database.admin.query(roles.map((role) => `create role "${role}" superuser;`).join(''));
    const lambda = bootstrapWith({ roleLimits: Object.fromEntries(roles.map((role) => [role, 1])) });
    const { Status, Reason, bytes } = await provider.ask(NEW, lambda.invoke);
    await database.admin.query(roles.map((role) => `drop role "${role}";`).join(''));
    expect(Status).toBe('FAILED');
    expect(Reason).toMatch(/: superusers, .*\.\.\. \(the log has the rest\)\. Then deploy again\. /);
    expect(bytes).toBeGreaterThan(3_000);
    expect(bytes).toBeLessThanOrEqual(4_096);
    const [line] = lambda.log().map((one) => JSON.parse(one));
    expect(roles.filter((role) => !line.error.includes(role))).toEqual([]);
  });
});
