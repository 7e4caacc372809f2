/**
 * `npm run bench:flip-race -- [majors...] [--terminations <count>] [--workload <name>] [--ours]`: what is
 * lost when connections that were idle a moment ago are terminated. Compares our termination, after our snapshot, with what is usual: list the idle
 * connections, then terminate them by pid. The clients are in a process of their own, and reconnect at once.
 *
 * - statements: 200 clients pause for 0.2 s on average and run a SELECT of 20 ms; victims are idle. The bench counts
 *   sessions that were executing when terminated.
 * - transactions: 150 clients pause for 0.9 s on average and run BEGIN, INSERT, COMMIT; victims are idle for 1 s or longer,
 *   as under natural load. The bench counts acknowledged BEGINs that were lost.
 * - copies: 200 clients pause for 0.2 s on average and hold a COPY FROM STDIN open for 20 to 50 ms; victims are idle. The
 *   bench counts COPYs that were cut after the server had asked for the data.
 * - locks: 200 clients pause for 0.2 s on average and hold a session advisory lock for 0.3 s; victims are idle and held no
 *   lock in the snapshot. The bench counts acknowledged locks that were lost.
 *
 * `lost` is what the clients saw. `at work` is what the server's log shows: terminated sessions whose process title was
 * not `idle`. A client that sends a statement at the very moment of the signal loses it before the server has read it. That
 * statement had no effect, and counts as lost only inside a transaction.
 *
 * Exits with 1 when ours terminated a connection at work, cut a COPY, lost a lock, or lost more than 1 BEGIN in 20,000
 * terminations.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { end } from '../demo/child-exit.js';
import { type PostgresServer, startPostgres } from '../demo/postgres-server.js';
import type { Backend } from '../lambda/policy/snapshot.js';
import { type BatchSession, type OpenSession, openSession } from '../lambda/postgres/session.js';
import { readSnapshot } from '../lambda/postgres/sql/snapshot.js';
import { terminateBackends } from '../lambda/postgres/terminate.js';
import { BUNDLED_MAJOR, binariesOf, parseMajor } from '../test/support/postgres-majors.js';
import { count } from './count.js';
import type { Flips, Losses, Workload } from './flip-clients.js';

const ROLE = 'app';
const PASSWORD = 'flip';
const OURS = 'recheck each, then terminate (ours)';

/** Between two rounds, for the clients to come back and to spread out again. */
const ROUND_PAUSE_MS = 300;
const PROGRESS_MS = 10_000;

interface Load {
  readonly clients: number;
  readonly meanIdleMs: number;
  readonly idleTimeoutSeconds: number;
  /** Whether ours lost more than it may. */
  readonly isTooMuch: (result: Result) => boolean;
}

interface Result {
  readonly terminated: number;
  readonly lost: number;
  readonly atWork: number;
}

const LOADS: Readonly<Record<Workload, Load>> = {
  statements: { clients: 200, meanIdleMs: 200, idleTimeoutSeconds: 0, isTooMuch: ({ atWork }) => atWork > 0 },
  transactions: {
    clients: 150,
    meanIdleMs: 900,
    idleTimeoutSeconds: 1,
    isTooMuch: ({ lost, terminated }) => lost > terminated / 20_000,
  },
  copies: { clients: 200, meanIdleMs: 200, idleTimeoutSeconds: 0, isTooMuch: ({ lost }) => lost > 0 },
  locks: { clients: 200, meanIdleMs: 200, idleTimeoutSeconds: 0, isTooMuch: ({ lost }) => lost > 0 },
};
const WORKLOADS = Object.keys(LOADS) as readonly Workload[];
const MAX_CLIENTS = Math.max(...Object.values(LOADS).map(({ clients }) => clients));

/** How one round of a method terminates connections; returns how many it says it terminated. */
type Method = (session: BatchSession, victims: readonly Backend[]) => Promise<number>;

const METHODS: Readonly<Record<string, Method>> = {
  [OURS]: async (session, victims) => {
    const { outcomes } = await terminateBackends(session, victims, () => 60_000);
    return outcomes.filter(({ outcome }) => outcome === 'terminated').length;
  },
  'list, then terminate by pid': async (session, victims) => {
    const rows = await session.query('select pid from unnest($1::int[]) pid where pg_terminate_backend(pid)', [
      victims.map(({ pid }) => pid),
    ]);
    return rows.length;
  },
};

const command = new Command('flip-race')
  .argument(
    '[majors...]',
    'the versions of PostgreSQL',
    (text, named: readonly number[]) => [...named, parseMajor(text)],
    [],
  )
  .option('--terminations <count>', 'of each workload and method, at least', count, 5_000)
  .addOption(new Option('--workload <name>', 'only this one').choices(WORKLOADS))
  .option('--ours', 'without the usual way to compare with', false)
  .parse();
const {
  terminations,
  workload: only,
  ours: oursAlone,
} = command.opts<{ terminations: number; workload?: Workload; ours: boolean }>();
const methods = Object.entries(METHODS).filter(([name]) => !oursAlone || name === OURS);
const named: readonly number[] = command.processedArgs[0];
process.stdout.write(
  'major  workload      method                               terminated   lost   at work   vanished   seconds\n',
);
for (const major of named.length > 0 ? named : [BUNDLED_MAJOR]) {
  await using server = await startPostgres({
    binaries: await binariesOf(major),
    settings: { max_connections: MAX_CLIENTS + 50, log_line_prefix: '%i|', log_min_messages: 'fatal' },
  });
  const { session, close } = await logIn(server);
  await session.query('create table public.flips (n int)');
  // A login costs its client as much as a hundred statements by default.
  await session.query(
    "select set_config('scram_iterations', '1', false) from pg_settings where name = 'scram_iterations'",
  );
  await session.query(`create role ${ROLE} login password '${PASSWORD}'`);
  await session.query(`grant insert on public.flips to ${ROLE}`);
  for (const workload of only === undefined ? WORKLOADS : [only]) {
    for (const [name, method] of methods) {
      const label = `${`${major}`.padEnd(7)}${workload.padEnd(14)}${name.padEnd(37)}`;
      process.stdout.write(`${label}${await measure(server, session, workload, [name, method])}\n`);
    }
  }
  await close();
}

async function measure(
  server: PostgresServer,
  session: BatchSession,
  workload: Workload,
  [name, method]: readonly [string, Method],
): Promise<string> {
  const logged = (await server.logText()).length;
  const { clients, meanIdleMs, idleTimeoutSeconds, isTooMuch } = LOADS[workload];
  await using child = flip({
    host: server.host,
    port: server.port,
    user: ROLE,
    password: PASSWORD,
    workload,
    clients,
    meanIdleMs,
  });
  const began = performance.now();
  let told = began;
  let terminated = 0;
  let chosen = 0;
  while (terminated < terminations) {
    await sleep(ROUND_PAUSE_MS);
    const { backends } = await readSnapshot(session, []);
    const victims = backends.filter(
      ({ role, state, stateSeconds, holding }) =>
        role === ROLE && state === 'idle' && (stateSeconds ?? 0) >= idleTimeoutSeconds && holding !== 'advisory_lock',
    );
    chosen += victims.length;
    terminated += await method(session, victims);
    if (performance.now() - told > PROGRESS_MS) {
      told = performance.now();
      const { lost } = await child.losses();
      process.stderr.write(`· ${workload}, ${name}: ${terminated} of ${terminations} terminated, ${lost} lost\n`);
    }
  }
  const seconds = (performance.now() - began) / 1000;
  // The last clients learn of their end.
  await sleep(ROUND_PAUSE_MS);
  const { lost, unexpected } = await child.losses();
  const result = { terminated, lost, atWork: atWork((await server.logText()).slice(logged)) };
  if (unexpected.length > 0) {
    process.exitCode = 1;
    process.stderr.write(`✘ ${unexpected.length} unexpected errors, such as: ${unexpected[0]}\n`);
  }
  if (name === OURS && isTooMuch(result)) process.exitCode = 1;
  return [
    `${terminated}`.padStart(10),
    (workload === 'statements' ? '-' : `${lost}`).padStart(7),
    `${result.atWork}`.padStart(10),
    `${chosen - terminated}`.padStart(11),
    seconds.toFixed(0).padStart(10),
  ].join('');
}

/** The terminated sessions whose log line does not begin with `idle`: %i is the title of the process. */
function atWork(log: string): number {
  const ends = log.split('\n').filter((line) => line.includes('terminating connection due to administrator command'));
  return ends.filter((line) => !line.startsWith('idle|')).length;
}

function flip(flips: Flips): AsyncDisposable & { losses(): Promise<Losses> } {
  const child = fork(fileURLToPath(new URL('flip-clients.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] });
  child.send(flips);
  return {
    losses: async () => {
      const answered = once(child, 'message');
      child.send('losses');
      const [losses] = await answered;
      return losses;
    },
    [Symbol.asyncDispose]: () => end(child, 'SIGKILL'),
  };
}

function logIn({ host, port, superuser }: PostgresServer): Promise<OpenSession> {
  const credentials = { username: superuser.user, password: superuser.password };
  return openSession(
    { host, port, databaseName: 'postgres', credentials, sslMode: 'disable' },
    new AbortController().signal,
  );
}
