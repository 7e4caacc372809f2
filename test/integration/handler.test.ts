import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from 'node:net';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AwsStandIn, startAwsStandIn } from '../../demo/aws-stand-in.js';
import { type Deployment, synthesize } from '../../demo/deployment.js';
import { type LambdaProcess, startLambda } from '../../demo/lambda-process.js';
import type { SettingsInput } from '../../lambda/input/settings.js';
import type { Answer } from '../../lambda/report/answer.js';
import { ALARM_EVENT } from '../support/alarm-event.js';
import { PASSWORD, startDatabase, type TestDatabase } from '../support/database.js';
import { ENTRY, environmentWith, failureOf, SECRET_ARN } from '../support/deployed.js';
import { BUNDLED_MAJOR, major } from '../support/postgres-majors.js';

const BREAK_GLASS_ARN = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:break-glass-AbCdEf';

let database: TestDatabase;
let deployment: Deployment;
let aws: AwsStandIn;
let lambda: LambdaProcess;
let clients: pg.Client[];

beforeAll(async () => {
  [database, deployment] = await Promise.all([startDatabase({ max_connections: 50 }), synthesize('orders', ENTRY)]);
});

afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await deployment[Symbol.asyncDispose]();
});

beforeEach(async () => {
  clients = [];
  aws = await startAwsStandIn();
  setSecret();
  lambda = deploy({ idleTimeout: '1s' });
});

afterEach(async () => {
  await lambda.stop();
  await aws.stop();
  await Promise.all(clients.map((client) => client.end()));
});

function setSecret(password = PASSWORD): void {
  aws.setSecret(SECRET_ARN, database.secret({ password, port: `${database.server.port}` }));
}

/** The deployed bundle with other settings than the synthesized ones. */
function deploy(settings: Partial<SettingsInput>, timeoutSeconds = deployment.timeoutSeconds): LambdaProcess {
  const environment = environmentWith(deployment, settings);
  return startLambda({ ...deployment, timeoutSeconds, environment, handler: 'handler', awsEndpoint: aws.endpoint });
}

async function redeploy(settings: Partial<SettingsInput>, timeoutSeconds?: number): Promise<void> {
  await lambda.stop();
  lambda = deploy(settings, timeoutSeconds);
}

async function leak<const Count extends number>(count: Count, applicationName: string) {
  const opened = await database.leak(count, 'checkout', applicationName);
  clients.push(...opened);
  return opened;
}

/** Takes every slot that an ordinary role can get. */
async function fill(): Promise<void> {
  clients.push(...(await database.fill('checkout', 'filler')));
}

/**
 * A way to the server that passes on what a login takes, its first statement included, and nothing after that: a statement
 * that got through could take the lock of the runs from the others.
 */
async function silentAfterLogin(port: number): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => sockets.add(socket.on('error', () => undefined));
  const listener = createServer((client) => {
    const server = connectSocket(port, database.server.host);
    keep(server);
    keep(client);
    let answered = 0;
    client.on('data', (statement) => {
      if (answered < 2) server.write(statement);
    });
    server.on('data', (answer) => {
      client.write(answer);
      // ReadyForQuery, with which every answer ends.
      answered += answer.toString('latin1').split('Z\0\0\0\x05').length - 1;
    });
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await once(listener.close(), 'close');
    },
  };
}

async function invoke(event: unknown): Promise<Answer> {
  return (await lambda.invoke(event)) as Answer;
}

const failure = (event: unknown) => failureOf(lambda.invoke(event));

function logged(event: string): readonly Record<string, unknown>[] {
  return lambda
    .log()
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line['event'] === event);
}

function metric(name: string, application?: string): number | undefined {
  const found = aws
    .metrics()
    .filter(({ metricName, dimensions }) => metricName === name && dimensions['Application'] === application);
  return found.at(-1)?.value;
}

describe('a scheduled sweep', () => {
  it('terminates overdue connections, and reports the same in answer, log and metrics', async () => {
    // Warm, so that the fresh ones do not grow old over the start of a process.
    await invoke({ action: 'report' });
    const leaked = await leak(5, 'leaky');
    await database.idleFor(1);
    const fresh = await leak(2, 'fresh');
    const answer = await invoke(deployment.scheduledEvent);
    expect(await database.alive(leaked)).toEqual(leaked.map(() => false));
    expect(await database.alive(fresh)).toEqual([true, true]);

    expect(answer).toMatchObject({ database: 'orders', mode: 'enforce', dryRun: false, errors: [] });
    const [instance] = answer.instances;
    expect(instance?.name).toBe('primary');
    expect(instance?.outcomes.filter(({ outcome }) => outcome === 'terminated')).toHaveLength(5);
    expect(instance?.applications.find(({ name }) => name === 'leaky')).toMatchObject({
      connections: 5,
      idle: 5,
      terminated: 5,
    });
    expect(logged('backend').filter(({ outcome }) => outcome === 'terminated')).toHaveLength(5);
    expect(metric('TerminatedConnections')).toBe(5);
    expect(metric('TerminatedConnections', 'leaky')).toBe(5);
    expect(metric('Connections', 'fresh')).toBe(2);
    expect(metric('SweepsCompleted')).toBe(1);
    expect(answer.metrics).toEqual({ requests: 1, datapoints: aws.metrics().length, via: 'api' });
    expect(new Set(aws.metrics().map(({ namespace }) => namespace))).toEqual(new Set(['ConnectionReaper']));
  });

  it('also runs for the empty event', async () => {
    expect((await invoke({})).dryRun).toBe(false);
    expect(metric('SweepsCompleted')).toBe(1);
  });

  it('also runs for the event of an alarm, which the log names', async () => {
    await invoke({ action: 'report' });
    const leaked = await leak(2, 'leaky');
    await database.idleFor(1);
    const answer = await invoke(ALARM_EVENT);
    expect(await database.alive(leaked)).toEqual([false, false]);
    expect(answer.dryRun).toBe(false);
    expect(metric('SweepsCompleted')).toBe(1);
    expect(logged('run')).toMatchObject([{ action: 'report' }, { action: 'sweep', alarmArn: ALARM_EVENT.alarmArn }]);
    expect(logged('run')[0]).not.toHaveProperty('alarmArn');
  });

  it('terminates nothing in preview, and publishes how many it would have terminated', async () => {
    await redeploy({ idleTimeout: '1s', mode: 'preview', roleLimits: { billing: 3 } });
    const leaked = await leak(3, 'leaky');
    await database.idleFor(1);
    const answer = await invoke(deployment.scheduledEvent);
    expect(answer).toMatchObject({ mode: 'preview', dryRun: true });
    expect(await database.alive(leaked)).toEqual([true, true, true]);
    expect(answer.instances[0]?.roleLimits).toMatchObject([{ role: 'billing', outcome: 'would_change' }]);
    expect([metric('ReapableConnections'), metric('TerminatedConnections')]).toEqual([3, 0]);
  });

  it('applies every deployed setting', async () => {
    await redeploy({
      idleTimeout: '1h',
      rules: [
        { application: 'kept*', spare: true },
        { application: 'worker', idleTimeout: '1s', keep: 1 },
        { application: 'pod', idleTimeout: '1s' },
      ],
      keepPerApplication: 0,
      maxTerminationsPerRun: 4,
      roleLimits: { billing: 7 },
      maxApplications: 1,
      applicationNames: [{ match: 'pod-*', name: 'pod' }],
    });
    await leak(1, 'kept-one');
    await leak(2, 'others');
    await leak(3, 'worker');
    for (const name of ['pod-1', 'pod-2', 'pod-3', 'pod-4']) await leak(1, name);
    await database.idleFor(1);
    const answer = await invoke(deployment.scheduledEvent);
    const [instance] = answer.instances;
    const terminated = Object.fromEntries(
      instance?.applications.map(({ name, terminated: count }) => [name, count]) ?? [],
    );
    // Four in all, each from the application that has the most left; the third worker is the one to keep.
    expect(terminated).toMatchObject({ 'kept-one': 0, others: 0, pod: 2, worker: 2 });
    expect(instance?.spared).toMatchObject({ rule: 1, keep: 1, max_terminations: 2, below_idle_timeout: 2 });
    expect(instance?.roleLimits).toMatchObject([{ role: 'billing', from: null, to: 7, outcome: 'changed' }]);
    expect(metric('Connections', 'pod')).toBe(4);
    expect(metric('Connections', '(other)')).toBeGreaterThanOrEqual(6);
    expect(metric('Connections', 'worker')).toBeUndefined();
    await database.admin.query('alter role billing connection limit -1');
  });
});

describe('metrics by the log', () => {
  it('are lines that CloudWatch reads as they are, and take no request', async () => {
    // A name that the settings give has series at once, also where nobody knows the past.
    const applicationNames = [{ match: 'leaky', name: 'leaky' }];
    await redeploy({ idleTimeout: '1s', metricsVia: 'emf', applicationNames });
    await leak(3, 'leaky');
    await database.idleFor(1);
    const { errors, metrics } = await invoke(deployment.scheduledEvent);
    expect(errors).toEqual([]);
    expect(metrics).toMatchObject({ requests: 0, via: 'emf' });
    expect(aws.requests().map(({ operation }) => operation)).toEqual(['GetSecretValue']);
    const embedded = lambda.log().filter((line) => line.startsWith('{"_aws":{'));
    const lines = embedded.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(
      expect.objectContaining({
        Database: 'orders',
        Instance: 'primary',
        Application: 'leaky',
        TerminatedConnections: 3,
      }),
    );
    expect(lines).toContainEqual(expect.objectContaining({ SweepsCompleted: 1, TerminatedConnections: 3 }));
    const published = embedded.flatMap((line) => line.match(/"Name":/g) ?? []);
    expect(published).toHaveLength(metrics.datapoints);
  });
});

describe('settings for a full or stubborn server', () => {
  it('shorten the idle timeout under pressure, and terminate idle transactions', async () => {
    await redeploy({
      idleTimeout: '1h',
      pressure: [{ usedPercent: 1, idleTimeout: '1s' }],
      idleInTransactionTimeout: '1s',
    });
    const leaked = await leak(2, 'leaky');
    const [open] = await leak(1, 'transaction');
    await open.query('begin');
    await database.idleFor(1);
    await invoke(deployment.scheduledEvent);
    expect(await database.alive([...leaked, open])).toEqual([false, false, false]);
  });

  it.each([
    ['break_glass', { breakGlassSecretArn: BREAK_GLASS_ARN }],
    ['rescue', { rescueLogin: 'replication' }],
  ] as const)('use the login by %s when the server rejects the own one, and warn about it', async (way, settings) => {
    const { user: username, password } = database.server.superuser;
    aws.setSecret(BREAK_GLASS_ARN, JSON.stringify({ username, password }));
    await database.admin.query(`alter role connection_reaper ${way === 'rescue' ? 'replication' : 'noreplication'}`);
    await redeploy({ idleTimeout: '1s', ...settings });
    await invoke({ action: 'report' });
    expect(aws.secretReads(BREAK_GLASS_ARN)).toBe(0);
    await fill();
    await database.idleFor(1);
    const { instances, errors } = await invoke(deployment.scheduledEvent);
    expect(errors).toEqual([]);
    expect(instances[0]?.login).toMatchObject({ way, refusals: ['reserved_slots'] });
    expect(instances[0]?.findings.map(({ code }) => code)).toContain(`login_by_${way}`);
    expect(logged('login').at(-1)).toMatchObject({ level: 'WARN', way });
    expect(metric('ServerFull')).toBe(1);
    expect(metric('TerminatedConnections', 'filler')).toBeGreaterThan(30);
  });
});

describe('a manual invoke', () => {
  it('reports without changing or publishing anything', async () => {
    const leaked = await leak(3, 'leaky');
    await database.idleFor(1);
    const answer = await invoke({ action: 'report' });
    expect(answer).toMatchObject({ dryRun: true, metrics: { requests: 0, datapoints: 0, via: 'none' } });
    expect(answer.text).toMatch(/leaky +3 /);
    expect(await database.alive(leaked)).toEqual([true, true, true]);
    expect(aws.metrics()).toEqual([]);
  });

  it('terminates the selected connections, after a dry run that reports the same', async () => {
    await redeploy({ idleTimeout: '1h' });
    const meant = await leak(4, 'checkout-web');
    const others = await leak(2, 'billing-web');
    await database.idleFor(1);
    const reap = {
      action: 'reap',
      idleTimeout: '1s',
      applications: ['checkout*'],
      roles: ['checkout'],
      databases: ['postgres'],
    };
    const options = { ...reap, addresses: ['127.0.0.0/8'], maxTerminations: 3 };

    const dry = await invoke({ ...options, dryRun: true });
    expect(dry.instances[0]?.outcomes.filter(({ outcome }) => outcome === 'reapable')).toHaveLength(3);
    expect(await database.alive([...meant, ...others])).toEqual(new Array(6).fill(true));

    const wet = await invoke(options);
    expect(wet.instances[0]?.outcomes.filter(({ outcome }) => outcome === 'terminated')).toHaveLength(3);
    expect((await database.alive(meant)).filter(Boolean)).toHaveLength(1);
    expect(await database.alive(others)).toEqual([true, true]);
    expect(metric('TerminatedConnections', 'checkout-web')).toBe(3);
    expect(metric('SweepsCompleted')).toBeUndefined();
  });

  it('terminates idle transactions only with includeIdleInTransaction', async () => {
    const [open] = await leak(1, 'transaction');
    await open.query('begin');
    await database.idleFor(1);
    await invoke({ action: 'reap', idleTimeout: '1s' });
    expect(await database.alive([open])).toEqual([true]);
    await invoke({ action: 'reap', idleTimeout: '1s', includeIdleInTransaction: true });
    expect(await database.alive([open])).toEqual([false]);
  });

  it('fails with every fault of its event, before anything is touched', async () => {
    const error = await failure({ action: 'reap', idleTimeout: 60, aplications: ['x'] });
    expect(error.errorType).toBe('InputError');
    expect(error.errorMessage).toMatch(/- idleTimeout: .*\n- aplications: unknown key/);
    expect(aws.secretReads(SECRET_ARN)).toBe(0);
  });
});

describe('the secret', () => {
  it('is read once for many invocations, and again after the server refused it', async () => {
    await invoke({});
    await invoke({});
    expect(aws.secretReads(SECRET_ARN)).toBe(1);
    await database.admin.query("alter role connection_reaper password 'rotated'");
    setSecret('rotated');
    expect((await invoke({})).errors).toEqual([]);
    expect(aws.secretReads(SECRET_ARN)).toBe(2);
    await database.admin.query(`alter role connection_reaper password '${PASSWORD}'`);
  });

  it('that cannot be read fails the run, and the next run reads it again', async () => {
    aws.fail('GetSecretValue', 'denied');
    const error = await failure({});
    expect(error.errorType).toBe('RunError');
    expect(error.errorMessage).toMatch(/^could not read arn:.* from Secrets Manager: AccessDenied/);
    aws.fail('GetSecretValue', undefined);
    expect((await invoke({})).errors).toEqual([]);
  });
});

describe('when AWS is out of reach', () => {
  it('a function that has its credentials sweeps, and names the endpoint that it could not reach', async () => {
    await invoke({});
    await aws.stop();
    const leaked = await leak(2, 'leaky');
    await database.idleFor(1);
    const began = performance.now();
    const error = await failure(deployment.scheduledEvent);
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(await database.alive(leaked)).toEqual([false, false]);
    expect(error.errorMessage).toContain('2 terminated, verified gone');
    const host = aws.endpoint.replace('http://', '');
    expect(error.errorMessage).toMatch(
      new RegExp(
        `^CloudWatch did not take the metrics, so they are in the log: ${host} was not reached .*ECONNREFUSED`,
      ),
    );
  });

  it('a function whose metrics go to the log succeeds', async () => {
    await redeploy({ idleTimeout: '1s', metricsVia: 'emf' });
    await invoke({});
    await aws.stop();
    expect((await invoke(deployment.scheduledEvent)).errors).toEqual([]);
  });
});

describe('when something fails', () => {
  it.each(['denied', 'error500'] as const)(
    'CloudWatch (%s) costs the run its success and nothing else: the metrics are in the log',
    async (fault) => {
      aws.fail('PutMetricData', fault);
      const leaked = await leak(3, 'leaky');
      await database.idleFor(1);
      const error = await failure(deployment.scheduledEvent);
      expect(await database.alive(leaked)).toEqual([false, false, false]);
      expect(error.errorType).toBe('RunError');
      expect(error.errorMessage).toMatch(/^CloudWatch did not take the metrics, so they are in the log: /);
      expect(error.errorMessage).toContain('3 terminated, verified gone');
      const lines = lambda.log().map((line) => JSON.parse(line) as Record<string, unknown>);
      const embedded = lines.filter((line) => '_aws' in line);
      expect(embedded.find((line) => line['Application'] === undefined && 'Instance' in line)).toMatchObject({
        Database: 'orders',
        Instance: 'primary',
        TerminatedConnections: 3,
        SweepsCompleted: 1,
      });
      expect(aws.metrics()).toEqual([]);
    },
  );

  // It waits long, and the version changes nothing.
  it.runIf(major === BUNDLED_MAJOR)('a run ends in its time although a server and CloudWatch fall silent', async () => {
    // So few that no limit of a statement ends the silence, but the end of the result's time.
    const timeoutSeconds = 17;
    const { host, port } = database.server;
    await using silent = await silentAfterLogin(port);
    const instances = [
      { name: 'silent', host, port: silent.port },
      { name: 'writer', host, port },
    ];
    await redeploy({ idleTimeout: '1s', instances }, timeoutSeconds);
    aws.fail('PutMetricData', 'hang');
    const leaked = await leak(2, 'leaky');
    await database.idleFor(1);
    const began = performance.now();
    const error = await failure(deployment.scheduledEvent);
    const tookMs = performance.now() - began;
    expect(error.errorType).toBe('RunError');
    expect(error.errorMessage).toContain('CloudWatch did not take the metrics');
    expect(logged('run')).toMatchObject([{ metrics: { requests: 1, via: 'emf' } }]);
    expect(await database.alive(leaked)).toEqual([false, false]);
    // Both took all that they were given.
    expect(tookMs).toBeGreaterThan((timeoutSeconds - 3) * 1_000);
    expect(tookMs).toBeLessThan(timeoutSeconds * 1_000);
  });

  it('an unreachable instance does not stop the sweep of the other', async () => {
    const { host, port } = database.server;
    await redeploy({
      idleTimeout: '1s',
      instances: [
        { name: 'gone', host: '127.0.0.1', port: 1 },
        { name: 'writer', host, port },
      ],
    });
    const leaked = await leak(2, 'leaky');
    await database.idleFor(1);
    const error = await failure(deployment.scheduledEvent);
    expect(error.errorMessage).toMatch(/^could not log in to "gone" at 127.0.0.1:1 /);
    expect(await database.alive(leaked)).toEqual([false, false]);
    const completed = aws.metrics().filter(({ metricName }) => metricName === 'SweepsCompleted');
    expect(completed.map(({ dimensions }) => dimensions['Instance'])).toEqual(['writer']);
  });

  it('a full server is a metric even when no login succeeds', async () => {
    // So few that the login is not retried for long.
    await redeploy({}, 17);
    await fill();
    const error = await failure({});
    expect(error.errorMessage).toMatch(/53300/);
    expect(aws.metrics().map(({ metricName, value }) => [metricName, value])).toEqual([['ServerFull', 1]]);
  });
});
