import { spawn } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, expect, it } from 'vitest';
import { type AwsStandIn, startAwsStandIn } from '../../demo/aws-stand-in.js';
import { end } from '../../demo/child-exit.js';
import { type LambdaProcess, startLambda } from '../../demo/lambda-process.js';
import { SETTINGS_VARIABLE } from '../../lambda/contract/names.js';
import { SWEEP_EVENT } from '../../lambda/input/event.js';
import type { SettingsInput } from '../../lambda/input/settings.js';
import { grantRights } from '../../lambda/postgres/grant-privileges.js';
import type { Answer } from '../../lambda/report/answer.js';
import { PASSWORD, startDatabase, type TestDatabase, until } from '../support/database.js';
import { type NetworkNamespace, networkNamespace } from './network-namespace.js';

/** After the freeze. A schedule leaves at least a minute between two sweeps. */
const SWEEPS_AT_MS = { first: 5_000, second: 25_000 };

/** Between the sweeps of one reaper and the next: two dozen at once would wait for a busy machine, not for each other. */
const APART_MS = 150;

const LIMIT = 7;

/** Built anew for each test run, and what a deployment uploads. */
const BUNDLE = fileURLToPath(new URL('../../bundle/index.mjs', import.meta.url));

const STOP_AFTER_WRITE = new URL('./stop-after-write.mjs', import.meta.url).href;
const STOP_READING = fileURLToPath(new URL('./stop-reading.ts', import.meta.url));

/** How a function that gets frozen reaches the server. */
type Network = Pick<NetworkNamespace, 'host' | 'clientHost'> & Partial<NetworkNamespace>;

const UP: Network = { host: '127.0.0.1', clientHost: '127.0.0.1' };

/** The reaper of a sweep that nothing stops. */
const WHOLE = 'whole';

let network: Network;
let database: TestDatabase;
/** Many ask at the same time. */
let admin: pg.Pool;
let aws: AwsStandIn;
const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function secretOf(reaper: string): string {
  return `arn:aws:secretsmanager:us-east-1:123456789012:secret:${reaper}-AbCdEf`;
}

/** Starts the server and the stand-in for AWS, where this network reaches them too. */
async function startServers(on: Network): Promise<void> {
  network = on;
  const addresses = [...new Set([UP.host, network.host, network.clientHost])].join(',');
  database = await startDatabase({ max_connections: 400, listen_addresses: addresses });
  undo.push(() => database[Symbol.asyncDispose]());
  admin = new pg.Pool({
    ...database.server.superuser,
    host: UP.host,
    port: database.server.port,
    database: 'postgres',
  });
  undo.push(() => admin.end());
  aws = await startAwsStandIn({}, network.host);
  undo.push(() => aws.stop());
  await admin.query('create database shop');
  if (network.block === undefined) return;
  const { rows } = await admin.query<{ hba_file: string }>('show hba_file');
  for (const { hba_file: file } of rows) appendFileSync(file, `host all all ${network.block} scram-sha-256\n`);
  await admin.query('select pg_reload_conf()');
  await until(async () => (await database.server.logText()).includes('received SIGHUP'));
}

/** Makes reapers, each with a lock and a secret of its own and with the role of an application that it limits. */
async function addReapers(names: readonly string[]): Promise<void> {
  for (const name of names) {
    await admin.query(`create role app_${name} login password '${PASSWORD}'`);
    await grantRights(
      { query: async (text, values = []) => (await admin.query(text, [...values])).rows },
      {
        name: `reaper_${name}`,
        database: name,
        limitedRoles: [`app_${name}`],
        rescueLogin: 'off',
        byToken: false,
      },
    );
    await admin.query(`alter role reaper_${name} password '${PASSWORD}'`);
    const login = {
      username: `reaper_${name}`,
      password: PASSWORD,
      host: network.host,
      port: `${database.server.port}`,
    };
    aws.setSecret(secretOf(name), JSON.stringify(login));
  }
}

/** Gives a reaper something to do: a session to terminate, in another database than its own, and a limit to set. */
async function giveWork(reaper: string): Promise<void> {
  await admin.query(`alter role app_${reaper} connection limit -1`);
  const { clientHost: host } = network;
  await database.connect(`app_${reaper}`, { host, database: 'shop', application_name: `leak_${reaper}` });
}

/** The deployed function of a reaper. */
function start(reaper: string, environment: Readonly<Record<string, string>> = {}, node?: string): LambdaProcess {
  const settings: SettingsInput = {
    databaseLabel: reaper,
    sslMode: 'disable',
    secretArn: secretOf(reaper),
    idleTimeout: '1d',
    rules: [{ application: `leak_${reaper}`, idleTimeout: '1s' }],
    roleLimits: { [`app_${reaper}`]: LIMIT },
  };
  const lambda = startLambda({
    bundlePath: BUNDLE,
    environment: { [SETTINGS_VARIABLE]: JSON.stringify(settings), ...environment },
    handler: 'handler',
    awsEndpoint: aws.endpoint,
    // Lambda's timeout would end a frozen function, and its sessions with it.
    timeoutSeconds: 600,
    ...(node === undefined ? {} : { node }),
  });
  undo.push(() => lambda.stop());
  return lambda;
}

/** A function that says what its sweep writes to the network, warmed up by a report. */
interface WatchedFunction {
  /** What it has written so far, such as the second statement of one text: `2. select 1`. */
  writes(): readonly string[];
  /** Sweeps; returns when it has answered or has been stopped. */
  sweep(): Promise<'answered' | 'frozen'>;
}

/** Starts a function that will be frozen right after a write, or after none. */
async function startWatched(reaper: string, stopAfter?: string): Promise<WatchedFunction> {
  const stop = stopAfter === undefined ? {} : { STOP_AFTER: stopAfter };
  const lambda = start(reaper, { NODE_OPTIONS: `--import=${STOP_AFTER_WRITE}`, ...stop }, network.node);
  const written = () => lambda.log().flatMap((line) => /^wrote as process (\d+): (.+)$/.exec(line)?.slice(1, 3) ?? []);
  const isFrozen = () => {
    const [pid] = written();
    return pid !== undefined && isStopped(Number(pid));
  };
  await lambda.invoke({ action: 'report' });
  return {
    writes: () => written().filter((_, index) => index % 2 === 1),
    sweep: async () => {
      let answered = false;
      // It fails when the function is killed, in the end.
      lambda.invoke(SWEEP_EVENT).then(
        () => {
          answered = true;
        },
        () => undefined,
      );
      while (!answered && !isFrozen()) await sleep(100);
      return answered ? 'answered' : 'frozen';
    },
  };
}

/** Four at a time, since a start takes half a second of a processor. */
async function startAll<Started>(
  reapers: readonly string[],
  startOne: (reaper: string, index: number) => Promise<Started>,
): Promise<Started[]> {
  const started: Started[] = [];
  const waiting = reapers.entries();
  const worker = async () => {
    for (const [index, reaper] of waiting) started[index] = await startOne(reaper, index);
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  return started;
}

function isStopped(pid: number): boolean {
  // The state comes after the name, in parentheses.
  return /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** Freezes a run that has the lock and reads no more of a large answer. */
async function stopReading(reaper: string): Promise<void> {
  const args = ['--import', 'tsx', STOP_READING, network.host, `${database.server.port}`, `reaper_${reaper}`, PASSWORD];
  const child = spawn(network.node ?? process.execPath, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  undo.push(() => end(child, 'SIGKILL'));
  let seen: readonly SeenSession[] = [];
  const stuck = async () => {
    seen = await sessionsOf(reaper);
    return seen.some(({ wait }) => wait === 'ClientWrite');
  };
  await until(stuck, 30_000).catch((cause) => {
    throw new Error(`the answer went through: ${JSON.stringify(seen)}, exit ${child.exitCode}`, { cause });
  });
}

interface SeenSession {
  readonly pid: number;
  readonly state: string;
  readonly wait: string | null;
  readonly query: string;
}

/** The sessions of a reaper that have logged in. The server ends others after authentication_timeout, a minute by default. */
async function sessionsOf(reaper: string): Promise<readonly SeenSession[]> {
  const { rows } = await admin.query<SeenSession>(
    `select pid, state, wait_event as wait, ltrim(regexp_replace(query, '\\s+', ' ', 'g')) as query
       from pg_stat_activity where usename = $1 order by backend_start`,
    [`reaper_${reaper}`],
  );
  return rows;
}

/** Two sweeps after a freeze, as scheduled, and what came of the second one. */
async function sweepTwice(reaper: string, sweeper: LambdaProcess, lostAt: number) {
  const at = (afterMs: number) => sleep(Math.max(0, lostAt + afterMs - performance.now()));
  const sweep = async () => (await sweeper.invoke(SWEEP_EVENT)) as Answer;
  const completed = () =>
    aws.metrics().filter(({ metricName, dimensions }) => {
      return metricName === 'SweepsCompleted' && dimensions['Database'] === reaper;
    }).length;

  await at(SWEEPS_AT_MS.first - 1_000);
  const seen = await sessionsOf(reaper);
  await at(SWEEPS_AT_MS.first);
  const first = otherRun(await sweep());
  await giveWork(reaper);
  const before = completed();
  await at(SWEEPS_AT_MS.second);
  // Where the first sweep took its time.
  await database.idleFor(1);
  const second = await sweep();
  const gone = async () => (await sessionsOf(reaper)).length === 0;
  await until(gone, 2_000).catch(() => undefined);

  const { rows } = await admin.query(
    `select rolconnlimit as limit,
            (select count(*)::int from pg_stat_activity where application_name = $2) as leaks
       from pg_roles where rolname = $1`,
    [`app_${reaper}`, `leak_${reaper}`],
  );
  return {
    reaper,
    seen: seen.map(({ state, wait, query }) => `${state} (${wait}): ${query}`),
    first: first === null ? 'worked' : seen.some(({ pid }) => pid === first) ? 'stood back' : `no session ${first}`,
    second: {
      errors: second.errors,
      otherRun: otherRun(second),
      outcomes: [...new Set(leakOutcomes(second, reaper))],
      ...rows[0],
      completed: completed() - before,
      left: await sessionsOf(reaper),
    },
  };
}

/** The session for which a sweep stood back. */
function otherRun({ instances }: Answer): number | null {
  const evidence = instances.flatMap(({ findings }) => findings).find(({ code }) => code === 'another_run')?.evidence;
  return evidence === undefined ? null : Number(/\(pid (\d+)\)/.exec(evidence)?.[1]);
}

function leakOutcomes({ instances }: Answer, reaper: string): readonly string[] {
  return instances
    .flatMap(({ outcomes }) => outcomes)
    .filter(({ applicationName }) => applicationName === `leak_${reaper}`)
    .map(({ outcome }) => outcome);
}

/** What a second sweep does, whatever was frozen. */
const FULL_WORK = {
  errors: [],
  otherRun: null,
  outcomes: ['terminated'],
  limit: LIMIT,
  leaks: 0,
  completed: 1,
  left: [],
};

/** What the server last heard of a frozen run, by the step that it stands in. */
const STEPS = {
  login: /^idle \(ClientRead\): $/,
  firstStatement: /: select pg_backend_pid\(\)/,
  lock: /: select pg_try_advisory_lock\(/,
  snapshot: /: with role as/,
  limitsItMaySet: /: select "reaper_\w+"\.limited_roles\(/,
  temporaryTablesElsewhere: /: with temporary as/,
  signals: /: with self as/,
  verification: /: select seen\.pid/,
  roleLimit: /: select "reaper_\w+"\.set_connection_limit\(/,
  largeAnswer: /^active \(ClientWrite\): /,
};

/** How often a run signals differs on a busy machine, and how often it looks whether what it terminated is gone. */
const MAY_BE_LEFT_OUT = /^[2-9]\. (?:with self as|select seen\.pid)/;

/** Freezes functions at every step, and one that stops reading, and expects their second sweep to do its full work. */
async function freezeEverywhere(on: Network): Promise<void> {
  await startServers(on);
  await addReapers([WHOLE]);
  const whole = await startWatched(WHOLE);
  await giveWork(WHOLE);
  await database.idleFor(1);
  expect(await whole.sweep()).toBe('answered');
  const writes = whole.writes();

  const steps = writes.map((_, index) => `step_${index + 1}`);
  const reapers = [...steps, 'reading'];
  await addReapers(reapers);
  const functions = await startAll(steps, (reaper, index) =>
    startWatched(reaper, writes[index]?.replaceAll(`"reaper_${WHOLE}"`, `"reaper_${reaper}"`)),
  );
  const sweepers = await startAll(reapers, async (reaper) => {
    const sweeper = start(reaper);
    // Warm, so that its sweeps are on time.
    await sweeper.invoke({ action: 'report' });
    return sweeper;
  });
  for (const reaper of reapers) await giveWork(reaper);
  await database.idleFor(1);

  const freezes = await Promise.all([
    ...functions.map(async (one) => ({ frozen: (await one.sweep()) === 'frozen', at: performance.now() })),
    stopReading('reading').then(() => ({ frozen: true, at: performance.now() })),
  ]);
  const unreached = writes.filter((write, index) => !freezes[index]?.frozen && !MAY_BE_LEFT_OUT.test(write));
  expect(unreached).toEqual([]);
  network.cut?.();
  const cutAt = network.cut === undefined ? null : performance.now();
  const results = await Promise.all(
    sweepers.flatMap((sweeper, index) => {
      const [reaper = '', { frozen = false, at = 0 } = {}] = [reapers[index], freezes[index]];
      return frozen ? [sweepTwice(reaper, sweeper, (cutAt ?? at) + index * APART_MS)] : [];
    }),
  );
  expect(results).toEqual(
    results.map((result) => ({ ...result, first: expect.stringMatching(/^(worked|stood back)$/), second: FULL_WORK })),
  );
  const seen = results.flatMap((result) => result.seen);
  const untried = Object.entries(STEPS).filter(([, step]) => !seen.some((session) => step.test(session)));
  expect(untried).toEqual([]);
  expect(results.map(({ first }) => first)).toContain('stood back');
}

it('a function frozen at any step, which the network still reaches, costs one sweep at most', async () => {
  await freezeEverywhere(UP);
}, 400_000);

it('a function frozen at any step, whose host is gone, costs one sweep at most', async ({ skip }) => {
  let namespace: NetworkNamespace;
  try {
    namespace = networkNamespace();
  } catch (cause) {
    if (process.env['CI'] !== undefined) throw cause;
    return skip(`network namespaces take root, Linux and iproute2: ${cause}`);
  }
  undo.push(() => namespace[Symbol.dispose]());
  await freezeEverywhere(namespace);
}, 400_000);
