/** The demo's story on one server: a leak fills it, a sweep frees it, and every claim is checked. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { REAPER_ROLE } from '../lambda/contract/names.js';
import { grantRights } from '../lambda/postgres/grant-privileges.js';
import type { Answer } from '../lambda/report/answer.js';
import { type AwsStandIn, startAwsStandIn } from './aws-stand-in.js';
import { type Deployment, synthesize } from './deployment.js';
import { type LambdaProcess, startLambda } from './lambda-process.js';
import { type PostgresServer, startPostgres } from './postgres-server.js';
import type { PublishedMetric } from './put-metric-data.js';
import { type Clients, openClients, openHealthySessions, PASSWORD, type Refusal } from './sessions.js';

/** What the demo shows, as one document. */
export interface Result {
  readonly postgres: { readonly version: string; readonly maxConnections: number };
  /** What the server told a client before the sweep. */
  readonly refused: Refusal;
  /** The function's answer. */
  readonly sweep: Answer;
  /** How long after the sweep began a client got in again. */
  readonly recovered: { readonly sqlState: string | null; readonly afterMs: number };
  readonly survivors: { readonly expected: number; readonly alive: number };
  readonly roleLimit: { readonly role: string; readonly limit: number; readonly refusedSqlState: string | null };
  readonly cloudwatch: {
    readonly requests: number;
    readonly datapoints: number;
    readonly namespaces: readonly string[];
  };
  /** What did not hold; empty when all of it did. */
  readonly failures: readonly string[];
}

/** What the demo tells while it goes on. */
export interface Audience {
  /** Something is under way; `done` of `total` of it is. */
  progress(label: string, done: number, total: number): void;
  /** Something was reached. */
  step(text: string): void;
}

const DATABASE = 'orders';
const SECRET_ARN = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:orders-reaper-AbCdEf';
const MAX_CONNECTIONS = 100;
const RESERVED_CONNECTIONS = 3;
const IDLE_AFTER_SECONDS = 3;
const LEAKING_ROLE = 'checkout';
const ROLE_LIMIT = 20;

/** What an SQLCommenter adds to the statements of an application. */
const ORIGIN = "/*controller='carts',action='show'*/";

/** Fills a real PostgreSQL with leaked connections, lets the deployed function sweep it, and looks at what came of it. */
export async function play(audience: Audience): Promise<Result> {
  audience.step('starting PostgreSQL');
  await using server = await startServer();
  audience.step('synthesizing the stack and its bundle');
  await using deployment = await synthesizeReaper();
  await using aws = await startAwsStandIn();
  const { host, port } = server;
  const secret = {
    engine: 'postgres',
    host,
    port,
    username: REAPER_ROLE,
    password: PASSWORD,
    databaseName: 'postgres',
  };
  aws.setSecret(SECRET_ARN, JSON.stringify(secret));
  await using lambda = startLambda({ ...deployment, handler: 'handler', awsEndpoint: aws.endpoint });
  await using clients = openClients(server);
  const healthy = await openHealthySessions(clients);
  const { leaked, refused } = await leakUntilRefused(clients, audience);
  audience.step(
    `${leaked.length} connections leaked; the next client is refused: FATAL ${refused.sqlState} ${refused.message}`,
  );
  await waitUntilOverdue(audience);

  const { sweep, recovered } = await sweepAndRecover(lambda, deployment, clients, leaked);
  const roleLimit = await exceedRoleLimit(clients);
  const alive = await Promise.all(healthy.map((session) => session.isAlive()));
  return {
    postgres: { version: server.version, maxConnections: MAX_CONNECTIONS },
    refused,
    sweep,
    recovered,
    survivors: { expected: healthy.length, alive: alive.filter(Boolean).length },
    roleLimit,
    cloudwatch: summarize(aws),
    failures: [
      ...leaked.filter(({ ended }) => !ended()).map(({ pid }) => `the leaked backend ${pid} is still there`),
      ...healthy.filter((_, index) => !alive[index]).map(({ kind }) => `a healthy session was lost: ${kind}`),
      ...(recovered.sqlState === null ? [] : [`no client got in again: ${recovered.sqlState}`]),
      ...(roleLimit.refusedSqlState === '53300' ? [] : ['the role limit did not hold']),
      ...(refused.sqlState === '53300' ? [] : [`the full server refused with ${refused.sqlState}`]),
      ...disagreements(leaked.length, sweep, lambda.log(), aws.metrics()),
    ],
  };
}

async function startServer(): Promise<PostgresServer> {
  const server = await startPostgres({
    settings: { max_connections: MAX_CONNECTIONS, reserved_connections: RESERVED_CONNECTIONS },
  });
  const admin = new pg.Client({ host: server.host, port: server.port, database: 'postgres', ...server.superuser });
  try {
    await admin.connect();
    await admin.query(`
      create role checkout login password '${PASSWORD}';
      create role billing login password '${PASSWORD}';
      create role reports login password '${PASSWORD}';
      create role worker login password '${PASSWORD}';
      create table carts (customer_id int, total numeric);
      grant select on carts to ${LEAKING_ROLE};
    `);
    await grantRights(
      { query: async (text, values = []) => (await admin.query(text, [...values])).rows },
      { name: REAPER_ROLE, database: DATABASE, limitedRoles: [LEAKING_ROLE], rescueLogin: 'off', byToken: false },
    );
    await admin.query(`alter role ${REAPER_ROLE} password '${PASSWORD}'`);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  } finally {
    await admin.end();
  }
}

function synthesizeReaper(): Promise<Deployment> {
  return synthesize(DATABASE, {
    secretArn: SECRET_ARN,
    vpc: {
      vpcId: 'vpc-0123456789abcdef0',
      availabilityZones: ['us-east-1a'],
      privateSubnetIds: ['subnet-0123456789abcdef0'],
    },
    // The embedded server has no certificate. On RDS the default, verify-full, needs nothing more.
    sslMode: 'disable',
    idleTimeout: `${IDLE_AFTER_SECONDS}s`,
    roleLimits: { [LEAKING_ROLE]: ROLE_LIMIT },
  });
}

interface Leaked {
  readonly pid: number | null;
  readonly ended: () => boolean;
  /** Settles when the server has ended it. */
  readonly end: Promise<unknown>;
}

/** One application that opens connections and never gives them back. */
async function leakUntilRefused(
  clients: Clients,
  audience: Audience,
): Promise<{ readonly leaked: readonly Leaked[]; readonly refused: Refusal }> {
  const leaked: Leaked[] = [];
  for (;;) {
    audience.progress(`${leaked.length} connections leaked`, leaked.length, MAX_CONNECTIONS);
    try {
      const client = await clients.connect(LEAKING_ROLE, 'checkout');
      let ended = false;
      // Not by events.once, which takes the server's last word, 57P01, for a failure.
      const end = new Promise<void>((resolve) => {
        client.once('end', () => {
          ended = true;
          resolve();
        });
      });
      await client.query(`select total from carts where customer_id = ${leaked.length} ${ORIGIN}`);
      const { processID: pid } = client as pg.Client & { readonly processID: number | null };
      leaked.push({ pid, ended: () => ended, end });
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      return { leaked, refused: { sqlState: error.code ?? '', message: error.message } };
    }
  }
}

async function waitUntilOverdue(audience: Audience): Promise<void> {
  for (let seconds = 0; seconds <= IDLE_AFTER_SECONDS; seconds += 0.1) {
    audience.progress(`idle for ${seconds.toFixed(1)} s of ${IDLE_AFTER_SECONDS} s`, seconds, IDLE_AFTER_SECONDS);
    await sleep(100);
  }
}

async function sweepAndRecover(
  lambda: LambdaProcess,
  { scheduledEvent }: Deployment,
  clients: Clients,
  leaked: readonly Leaked[],
): Promise<Pick<Result, 'sweep' | 'recovered'>> {
  const began = performance.now();
  const sweeping = lambda.invoke(scheduledEvent) as Promise<Answer>;
  let over = false;
  const watched = sweeping.finally(() => {
    over = true;
  });
  // Until the first slot is free, an attempt would only take part in the crowd.
  await Promise.race([...leaked.map(({ end }) => end), watched]);
  let refusal: Refusal | null;
  do {
    await sleep(10);
    refusal = await clients.tryConnect(LEAKING_ROLE, 'checkout');
  } while (refusal !== null && !over);
  const afterMs = Math.round(performance.now() - began);
  return { sweep: await watched, recovered: { sqlState: refusal?.sqlState ?? null, afterMs } };
}

/** Opens connections of the capped role until it is refused; the limit must let in exactly as many as it says. */
async function exceedRoleLimit(clients: Clients): Promise<Result['roleLimit']> {
  // One is in already: the one that found the server open again.
  let open = 1;
  let refusal: Refusal | null = null;
  while (refusal === null && open <= ROLE_LIMIT) {
    refusal = await clients.tryConnect(LEAKING_ROLE, 'checkout');
    if (refusal === null) open += 1;
  }
  const exact = refusal !== null && open === ROLE_LIMIT;
  return { role: LEAKING_ROLE, limit: ROLE_LIMIT, refusedSqlState: exact ? (refusal?.sqlState ?? null) : null };
}

function summarize(aws: AwsStandIn): Result['cloudwatch'] {
  const puts = aws.requests().filter(({ operation }) => operation === 'PutMetricData');
  const metrics = aws.metrics();
  return {
    requests: puts.length,
    datapoints: metrics.length,
    namespaces: [...new Set(metrics.map(({ namespace }) => namespace))],
  };
}

/** Report, audit log and metrics must tell the same number of terminations as were leaked. */
function disagreements(
  leaked: number,
  sweep: Answer,
  log: readonly string[],
  metrics: readonly PublishedMetric[],
): readonly string[] {
  const [instance] = sweep.instances;
  const audited = log
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { readonly event?: string; readonly outcome?: string })
    .filter(({ event, outcome }) => event === 'backend' && outcome === 'terminated');
  const series = metrics.find(
    ({ metricName, dimensions }) => metricName === 'TerminatedConnections' && !('Application' in dimensions),
  );
  const told = {
    answer: instance?.outcomes.filter(({ outcome }) => outcome === 'terminated').length,
    applications: instance?.applications.reduce((sum, { terminated }) => sum + terminated, 0),
    'audit log': audited.length,
    metrics: series?.value,
    datapoints: sweep.metrics.datapoints === metrics.length ? leaked : undefined,
  };
  return Object.entries(told)
    .filter(([, count]) => count !== leaked)
    .map(([where, count]) => `${leaked} were leaked, the ${where} tell ${count}`);
}
