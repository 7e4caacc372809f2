/**
 * `npm run bench:reap -- [--sizes <list>] [--rounds <count>] [--comparison <name>] [--profile]`: how a sweep by the deployed
 * bundle compares with the least that could be done, measured in turn on one server.
 *
 * - reap: from the start until the server shows none of the idle connections. An invocation of the bundle, against plain
 *   `pg`, which logs in and runs one bare `select pg_terminate_backend(pid) from pg_stat_activity where …`. A superuser's
 *   session polls the server, in the same way for both. Each round opens the connections anew.
 * - nothing to reap: one whole invocation, publishing included, while no connection is idle for long enough. Against plain
 *   `pg`, which logs in, runs `select * from pg_stat_activity` and logs out.
 *
 * Each runs in a warm process of its own, as the same role, without TLS. The table shows medians and their ratio;
 * `--profile` adds where the time of a sweep goes. Exits with 1 when a sweep failed, did not terminate all connections,
 * or terminated one that it should spare. A missed target does not change the exit code.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type AwsStandIn, startAwsStandIn } from '../demo/aws-stand-in.js';
import { end } from '../demo/child-exit.js';
import { synthesize } from '../demo/deployment.js';
import { type LambdaProcess, startLambda } from '../demo/lambda-process.js';
import { REAPER_ROLE } from '../lambda/contract/names.js';
import type { SettingsInput } from '../lambda/input/settings.js';
import { PASSWORD, startDatabase, type TestDatabase } from '../test/support/database.js';
import { ENTRY, environmentWith, SECRET_ARN } from '../test/support/deployed.js';
import { count } from './count.js';
import type { IdleConnections } from './idle-clients.js';
import { profileOf, watched } from './sweep-profile.js';

const ROLE = 'checkout';
const IDLE_AFTER_SECONDS = 1;

/** Connections that are not the idle ones: of this process, and of the two ways. */
const OTHER_CONNECTIONS = 20;
const POLL_PAUSE_MS = 2;
const GONE_LIMIT_MS = 60_000;

/** What compares a sweep with plain `pg`. */
interface Comparison {
  readonly name: string;
  readonly idleTimeout: string;
  /** What plain `pg` runs. */
  readonly statement: string;
  readonly rounds: (size: number) => number;
  /** The most that a sweep should take, as a multiple of what plain `pg` takes. */
  readonly target: (size: number) => number;
}

const REAP: Comparison = {
  name: 'reap',
  idleTimeout: `${IDLE_AFTER_SECONDS}s`,
  // The superuser by name: one that the server refuses fails the statement.
  statement: `
    select pg_terminate_backend(pid) from pg_stat_activity
     where backend_type = 'client backend' and state = 'idle'
       and state_change <= clock_timestamp() - interval '${IDLE_AFTER_SECONDS} s' and usename <> 'postgres'`,
  // At 4,000 a round takes half a minute, most of it for opening the connections.
  rounds: (size) => (size < 4_000 ? 5 : 3),
  target: (size) => (size === 1_000 ? 1.15 : 1.25),
};
const NOTHING: Comparison = {
  name: 'nothing to reap',
  idleTimeout: '1h',
  statement: 'select * from pg_stat_activity',
  rounds: () => 15,
  target: () => 1.7,
};

const WAYS = ['sweep', 'plain pg'] as const;
type Milliseconds = Readonly<Record<(typeof WAYS)[number], number[]>>;

const { comparison: only, ...options } = new Command('reap')
  .option('--sizes <list>', 'how many connections are idle', sizes, [100, 1_000, 4_000])
  .option('--rounds <count>', 'of each comparison', count)
  .addOption(new Option('--comparison <name>', 'only this one').choices(['reap', 'nothing']))
  .option('--profile', 'show where the time of a sweep goes')
  .parse()
  .opts<{ sizes: readonly number[]; rounds?: number; comparison?: 'reap' | 'nothing'; profile?: true }>();

await using aws = await startAwsStandIn();
await using deployment = await synthesize('bench', ENTRY);
process.stdout.write('                  connections   rounds   sweep ms   plain pg ms   ratio   target\n');
for (const size of options.sizes) {
  await using database = await startDatabase({ max_connections: size + OTHER_CONNECTIONS });
  aws.setSecret(SECRET_ARN, database.secret());
  await shortenLogins(database);
  if (only !== 'nothing') process.stdout.write(`${row(REAP, size, await compareReap(database, size))}\n`);
  if (only !== 'reap') process.stdout.write(`${row(NOTHING, size, await compareNothing(database, size))}\n`);
}

async function compareReap(database: TestDatabase, size: number): Promise<Milliseconds> {
  await using ways = await startWays(database, REAP);
  const taken: Milliseconds = { sweep: [], 'plain pg': [] };
  for (const round of rounds(REAP, size)) {
    for (const way of WAYS) {
      progress(`${REAP.name}, ${size} connections, round ${round}, ${way}`);
      await using _connections = await openOverdue(database, size);
      const began = performance.now();
      const [goneAt] = await Promise.all([gone(database), reported(way, ways[way])]);
      if (goneAt === null) fail(`${way}: connections are left ${GONE_LIMIT_MS / 1000} s after it began`);
      else taken[way].push(goneAt - began);
    }
  }
  if (options.profile) {
    await using profiled = await startProfiled(database, REAP);
    await profiled.sweep();
    await using _connections = await openOverdue(database, size);
    process.stdout.write(`${await profiled.sweep()}\n`);
  }
  return taken;
}

async function compareNothing(database: TestDatabase, size: number): Promise<Milliseconds> {
  await using _connections = await openIdle(database, size);
  await using ways = await startWays(database, NOTHING);
  const taken: Milliseconds = { sweep: [], 'plain pg': [] };
  for (const round of rounds(NOTHING, size)) {
    for (const way of WAYS) {
      progress(`${NOTHING.name}, ${size} connections, round ${round}, ${way}`);
      const began = performance.now();
      await reported(way, ways[way]);
      taken[way].push(performance.now() - began);
    }
  }
  const left = await idleConnections(database);
  if (left !== size) fail(`nothing was to be reaped, and ${left} of ${size} connections are left`);
  if (options.profile) {
    await using profiled = await startProfiled(database, NOTHING);
    let profile = '';
    for (const _round of rounds(NOTHING, size)) profile = await profiled.sweep();
    process.stdout.write(`${profile}\n`);
  }
  return taken;
}

/** Both ways of a comparison, each in a process that is warm. */
async function startWays(
  database: TestDatabase,
  { idleTimeout, statement }: Comparison,
): Promise<Readonly<Record<keyof Milliseconds, () => Promise<unknown>>> & AsyncDisposable> {
  const lambda = deploy({ idleTimeout });
  const plain = startPlainPg(aws);
  const { host, port } = database.server;
  const connection = { host, port, user: REAPER_ROLE, password: PASSWORD, database: 'postgres' };
  const ways = {
    sweep: () => lambda.invoke(deployment.scheduledEvent),
    'plain pg': () => plain.invoke({ connection, statement }),
  };
  for (const way of WAYS) await reported(way, ways[way]);
  return {
    ...ways,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([lambda.stop(), plain.stop()]);
    },
  };
}

/** The deployed bundle with other settings than the synthesized ones. */
function deploy(settings: Partial<SettingsInput>, more: Readonly<Record<string, string>> = {}): LambdaProcess {
  const environment = { ...environmentWith(deployment, settings), ...more };
  return startLambda({ ...deployment, environment, handler: 'handler', awsEndpoint: aws.endpoint });
}

function startPlainPg({ endpoint }: AwsStandIn): LambdaProcess {
  const bundlePath = fileURLToPath(new URL('plain-pg.mjs', import.meta.url));
  return startLambda({ bundlePath, handler: 'handler', environment: {}, timeoutSeconds: 60, awsEndpoint: endpoint });
}

/** The bundle once more, watched. */
async function startProfiled(
  database: TestDatabase,
  { name, idleTimeout }: Comparison,
): Promise<{ sweep(): Promise<string> } & AsyncDisposable> {
  const { admin, server } = database;
  const lambda = deploy({ idleTimeout }, watched(server.port));
  await admin.query(`alter role ${REAPER_ROLE} set log_min_duration_statement = 0`);
  return {
    sweep: async () => {
      const logged = (await server.logText()).length;
      await lambda.invoke(deployment.scheduledEvent);
      return `${name}: where the time of one sweep goes\n${profileOf(lambda.log(), (await server.logText()).slice(logged))}`;
    },
    [Symbol.asyncDispose]: async () => {
      await lambda.stop();
      await admin.query(`alter role ${REAPER_ROLE} reset log_min_duration_statement`);
    },
  };
}

/** Opening 4,000 connections takes long enough without 4,096 iterations for each. Versions before 16 do not take fewer. */
async function shortenLogins({ admin }: TestDatabase): Promise<void> {
  await admin.query(`
    select set_config('scram_iterations', '1', false) from pg_settings where name = 'scram_iterations';
    alter role ${ROLE} password '${PASSWORD}'`);
}

/** Opens the connections, and waits until each may be terminated. */
async function openOverdue(database: TestDatabase, size: number): Promise<AsyncDisposable> {
  const connections = await openIdle(database, size);
  await database.idleFor(IDLE_AFTER_SECONDS);
  return connections;
}

async function openIdle(database: TestDatabase, connections: number): Promise<AsyncDisposable> {
  await gone(database);
  const { host, port } = database.server;
  const child = fork(fileURLToPath(new URL('idle-clients.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] });
  child.send({ host, port, user: ROLE, password: PASSWORD, connections } satisfies IdleConnections);
  await once(child, 'message');
  return { [Symbol.asyncDispose]: () => end(child, 'SIGKILL') };
}

/** When the server showed none of the idle connections; `null` when it did not come to that. */
async function gone(database: TestDatabase): Promise<number | null> {
  const until = performance.now() + GONE_LIMIT_MS;
  while ((await sessions(database)) > OTHER_CONNECTIONS || (await idleConnections(database)) > 0) {
    if (performance.now() > until) return null;
    await sleep(POLL_PAUSE_MS);
  }
  return performance.now();
}

async function idleConnections({ admin }: TestDatabase): Promise<number> {
  const { rows } = await admin.query('select from pg_stat_activity where usename = $1', [ROLE]);
  return rows.length;
}

/** All sessions: a count that the server gives for a tenth of what one by role takes. */
async function sessions({ admin }: TestDatabase): Promise<number> {
  const { rows } = await admin.query<{ sessions: number }>(
    'select numbackends as sessions from pg_stat_database where datname = current_database()',
  );
  return rows[0]?.sessions ?? 0;
}

/** Runs it; a failure is said and changes the exit code, and does not end the bench. */
async function reported(what: string, invoke: () => Promise<unknown>): Promise<void> {
  await invoke().catch((error: unknown) => fail(`${what}: ${error instanceof Error ? error.message : error}`));
}

function rounds(comparison: Comparison, size: number): readonly number[] {
  return Array.from({ length: options.rounds ?? comparison.rounds(size) }, (_, index) => index + 1);
}

function row({ name, target }: Comparison, size: number, taken: Milliseconds): string {
  const [sweep, plain] = WAYS.map((way) => median(taken[way]));
  const ratio = (sweep ?? Number.NaN) / (plain ?? Number.NaN);
  return [
    name.padEnd(18),
    `${size}`.padStart(11),
    `${taken.sweep.length}`.padStart(9),
    `${sweep?.toFixed(1)}`.padStart(11),
    `${plain?.toFixed(1)}`.padStart(14),
    ratio.toFixed(2).padStart(8),
    `${target(size).toFixed(2)} ${ratio <= target(size) ? 'met' : 'missed'}`.padStart(14),
  ].join('');
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}

function progress(text: string): void {
  process.stderr.write(`· ${text}\n`);
}

function fail(text: string): void {
  process.exitCode = 1;
  process.stderr.write(`✘ ${text}\n`);
}

function sizes(text: string): readonly number[] {
  const named = text.split(',').map(count);
  if (named.some((size) => size > 10_000)) throw new InvalidArgumentError('expected at most 10000 connections');
  return named;
}
