/**
 * `npm run bench:flip-race -- [--terminations <count>]`: how many of the ended backends were executing at the moment they were ended, by the server's
 * own log. 200 clients are idle for about 200 ms and then busy for 20; everything idle is ended, by our terminating
 * statement, and by what is usual: list the idle ones, then end them by pid. Exits with 1 when ours ended one at work.
 */
import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { type PostgresServer, startPostgres } from '../demo/postgres-server.js';
import { type OpenSession, openSession, type Session } from '../lambda/session.js';
import type { Backend } from '../lambda/snapshot.js';
import { readSnapshot } from '../lambda/sql/snapshot.js';
import { terminateBackends } from '../lambda/terminate.js';
import { count } from './count.js';
import type { Flips } from './flip-clients.js';

const CLIENTS = 200;

const OURS = 'recheck in the statement (ours)';

/** How one round of a method ends backends; returns how many it says it ended. */
type Method = (session: Session, idle: readonly Backend[]) => Promise<number>;

const METHODS: Readonly<Record<string, Method>> = {
  [OURS]: async (session, idle) => {
    const { outcomes } = await terminateBackends(session, idle, () => 60_000);
    return outcomes.filter(({ outcome }) => outcome === 'terminated').length;
  },
  'list, then terminate by pid': async (session, idle) => {
    const rows = await session.query<{ ended: boolean }>(
      'select pg_terminate_backend(pid) as ended from unnest($1::int[]) pid',
      [idle.map(({ pid }) => pid)],
    );
    return rows.filter(({ ended }) => ended).length;
  },
};

const { terminations } = new Command('flip-race')
  .option('--terminations <count>', 'of each method, at least', count, 5_000)
  .parse()
  .opts<{ terminations: number }>();
process.stdout.write('method                             ended   while executing   vanished   seconds\n');
for (const [name, method] of Object.entries(METHODS)) process.stdout.write(`${await measure(name, method)}\n`);

async function measure(name: string, method: Method): Promise<string> {
  await using server = await startPostgres({
    settings: { max_connections: CLIENTS + 50, log_line_prefix: '%i|', log_min_messages: 'fatal' },
  });
  const { session, close } = await logIn(server);
  await session.query("create role app login password 'flip'");
  using _clients = flip(server);
  const began = performance.now();
  let ended = 0;
  let chosen = 0;
  while (ended < terminations) {
    const { backends } = await readSnapshot(session, []);
    const idle = backends.filter(({ state, role }) => state === 'idle' && role === 'app');
    chosen += idle.length;
    ended += await method(session, idle);
    // Let them come back and spread out again.
    await sleep(300);
  }
  const seconds = (performance.now() - began) / 1000;
  await close();
  const busy = executing(await server.logText());
  if (name === OURS && busy > 0) process.exitCode = 1;
  return [
    name.padEnd(33),
    `${ended}`.padStart(7),
    `${busy}`.padStart(18),
    `${chosen - ended}`.padStart(11),
    seconds.toFixed(0).padStart(10),
  ].join('');
}

/** The ends whose log line names a command at work rather than `idle`: %i is what the backend was doing. */
function executing(log: string): number {
  const ends = log.split('\n').filter((line) => line.includes('terminating connection due to administrator command'));
  return ends.filter((line) => /^(SELECT|BIND|PARSE|EXECUTE)/i.test(line)).length;
}

function flip({ host, port }: PostgresServer): Disposable {
  const child = fork(fileURLToPath(new URL('flip-clients.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] });
  child.send({ host, port, user: 'app', password: 'flip', clients: CLIENTS, meanIdleMs: 200 } satisfies Flips);
  return { [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

function logIn({ host, port, superuser }: PostgresServer): Promise<OpenSession> {
  const credentials = { username: superuser.user, password: superuser.password };
  return openSession({ host, port, dbname: 'postgres', credentials, tls: 'disable' }, new AbortController().signal);
}
