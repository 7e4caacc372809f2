/**
 * `npm run bench:storm -- [majors] [--runs <count>]`: how surely and how soon a run gets in while 50 clients reconnect
 * without pause (SCRAM) to a server without a free slot: by a reserved slot, and by the rescue login with a superuser's
 * slots taken as well. Beside each stands what a single attempt would have got.
 *
 * Exits with 1 when no run got in by one of the ways, or the storm was over before the runs were.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import pg from 'pg';
import { type PostgresServer, startPostgres } from '../demo/postgres-server.js';
import type { CredentialsSource } from '../lambda/login/credentials.js';
import { login } from '../lambda/login/login.js';
import type { LoginTarget } from '../lambda/login/login-target.js';
import { binariesOf, MAJORS, parseMajor } from '../test/support/postgres-majors.js';
import { count } from './count.js';
import type { Storm } from './storm-clients.js';

const LOOPS = 50;
const PASSWORD = 'storm';

interface Way {
  readonly name: string;
  readonly credentials: (server: PostgresServer) => { readonly username: string; readonly password: string };
  readonly rescueLogin: LoginTarget['rescueLogin'];
  /** Whether the storm takes the superuser's slots as well. */
  readonly everySlot: boolean;
}

const RESERVED: Way = {
  name: 'reserved slot',
  credentials: () => ({ username: 'reaper', password: PASSWORD }),
  rescueLogin: 'off',
  everySlot: false,
};
const SUPERUSER: Way = {
  name: "superuser's slot",
  credentials: ({ superuser }) => ({ username: superuser.user, password: superuser.password }),
  rescueLogin: 'off',
  everySlot: false,
};
const RESCUE: Way = {
  name: 'rescue login',
  credentials: () => ({ username: 'rescuer', password: PASSWORD }),
  rescueLogin: 'replication',
  everySlot: true,
};

const command = new Command('storm')
  .argument(
    '[majors...]',
    'the versions of PostgreSQL',
    (text, named: readonly number[]) => [...named, parseMajor(text)],
    [],
  )
  .option('--runs <count>', 'for each version and way', count, 100)
  .parse();
const { runs } = command.opts<{ runs: number }>();
const named: readonly number[] = command.processedArgs[0];
process.stdout.write('major  way                got in   median ms   worst ms   attempts   single attempt\n');
for (const major of named.length > 0 ? named : MAJORS) {
  // Before 16 only superusers have slots of their own.
  for (const way of major >= 16 ? [RESERVED, RESCUE] : [SUPERUSER, RESCUE]) {
    process.stdout.write(`${await measure(major, way)}\n`);
  }
}

async function measure(major: number, way: Way): Promise<string> {
  await using server = await startPostgres({
    binaries: await binariesOf(major),
    settings: {
      max_connections: 60,
      superuser_reserved_connections: 3,
      max_wal_senders: 4,
      ...(major >= 16 ? { reserved_connections: 2 } : {}),
    },
  });
  await prepare(server, major);
  using storm = await raise(server, way);
  const milliseconds: number[] = [];
  let attempts = 0;
  let first = 0;
  const refusals: string[] = [];
  for (let run = 0; run < runs; run += 1) {
    const began = performance.now();
    const got = await getIn(server, way).catch((error: unknown) => String(error));
    if (typeof got === 'string') {
      refusals.push(got);
      continue;
    }
    milliseconds.push(performance.now() - began);
    attempts += got.facts.attempts;
    // In the rescue, the attempts before its own are the own login's, which has no chance here.
    if (got.facts.attempts === 1 || (way.rescueLogin === 'replication' && !got.facts.refusals.includes('walsenders')))
      first += 1;
    await got.close();
  }
  milliseconds.sort((a, b) => a - b);
  const at = (share: number) => Math.round(milliseconds[Math.floor((milliseconds.length - 1) * share)] ?? Number.NaN);
  const row = [
    `${major}`.padEnd(7),
    way.name.padEnd(18),
    `${milliseconds.length}/${runs}`.padStart(7),
    `${at(0.5)}`.padStart(12),
    `${at(1)}`.padStart(11),
    (attempts / Math.max(1, milliseconds.length)).toFixed(1).padStart(11),
    `${Math.round((100 * first) / runs)} %`.padStart(17),
  ];
  if (milliseconds.length === 0 || !storm.alive()) process.exitCode = 1;
  return [row.join(''), ...(storm.alive() ? [] : ['the storm ended early']), ...refusals].join('\n');
}

async function prepare(server: PostgresServer, major: number): Promise<void> {
  const admin = new pg.Client({ host: server.host, port: server.port, database: 'postgres', ...server.superuser });
  await admin.connect();
  await admin.query(`
    create role app login password '${PASSWORD}';
    create role reaper login password '${PASSWORD}';
    create role rescuer login replication password '${PASSWORD}';
    ${major >= 16 ? 'grant pg_use_reserved_connections to reaper;' : ''}
  `);
  await admin.end();
}

async function raise({ host, port, superuser }: PostgresServer, way: Way): Promise<Disposable & { alive(): boolean }> {
  const child = fork(fileURLToPath(new URL('storm-clients.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] });
  const app = { user: 'app', password: PASSWORD };
  child.send({ host, port, loops: LOOPS, logins: way.everySlot ? [app, superuser] : [app] } satisfies Storm);
  await once(child, 'message');
  return { alive: () => child.exitCode === null, [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

function getIn(server: PostgresServer, way: Way) {
  const { host, port } = server;
  const own: CredentialsSource = { read: async () => way.credentials(server) };
  const target: LoginTarget = {
    name: 'primary',
    address: { host, port },
    databaseName: 'postgres',
    sslMode: 'disable',
    sslRootCert: undefined,
    rescueLogin: way.rescueLogin,
  };
  return login(target, { own, breakGlass: null }, new AbortController().signal);
}
