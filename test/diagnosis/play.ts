/** Plays a scenario: starts its clients, lets them age, asks for the report, and ends whatever it started. */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { end, isAlive } from '../../demo/child-exit.js';
import { type PgBouncer, startPgBouncer } from '../clients/pgbouncer.js';
import { PASSWORD, until } from '../support/database.js';
import type { AgingServer } from './aging-server.js';
import type { CommandLine } from './client-programs.js';
import { type Host, startHost } from './hosts.js';
import { type Found, observe } from './report.js';
import { type ClientName, ROLES, type Scenario, type Service } from './scenario.js';

/** What a scenario came to. */
export interface Played {
  readonly scenario: Scenario;
  readonly found: readonly Found[];
  readonly text: string;
  /** What PostgreSQL showed, a line for each application and address. */
  readonly evidence: readonly Evidence[];
}

/** What one look at the server shows of an application at an address. */
export interface Evidence {
  readonly app: string;
  readonly role: string;
  readonly address: string | null;
  readonly connections: number;
  readonly inTransaction: number;
  readonly chain: number;
  readonly statement: string;
}

/** Also ends those that are stopped and would not notice that we are gone. */
const running = new Set<ChildProcess>();
process.on('exit', endClients);

const READY_MS = 120_000;

/** A pool may do its work with fewer connections than it may have. A leak takes all of them. */
const SHARE_OF_POOL = 0.6;
const TICK_MS = 100;

/** A host that freezes has worked before. */
const BEFORE_FREEZE_SECONDS = 900;

/** From one psql of a loop to the next. */
const PSQL_MS = 100;

/** One client program, or the psql processes that stand for one. */
interface Client {
  readonly ready: Promise<void>;
  readonly processes: readonly ChildProcess[];
  /** It is to be stopped once it works. */
  readonly freezes: boolean;
}

/** Ends every client at once, so that what is being played fails and cleans up. */
export function endClients(): void {
  for (const client of running) client.kill('SIGKILL');
}

/** Plays a scenario on a server that has no other clients. */
export async function play(
  scenario: Scenario,
  server: AgingServer,
  program: (client: ClientName) => Promise<CommandLine>,
): Promise<Played> {
  const clients: Client[] = [];
  const places: AsyncDisposable[] = [];
  try {
    await populate(scenario, server, program, clients, places);
    await server.age(scenario.ageSeconds ?? 600);
    // What is in use shows that it is.
    await sleep(1_500);
    const observer = observe(server.server);
    const evidence = await look(server);
    demandSeen(scenario, evidence);
    for (let sweep = 0; sweep < (scenario.sweeps ?? 0); sweep++) {
      await observer.sweep();
      await sleep(1_500);
    }
    for (let earlier = 0; earlier < (scenario.looks ?? 0); earlier++) {
      await observer.report();
      await sleep(1_500);
    }
    const { services, text } = await observer.report();
    return { scenario, found: services, text, evidence };
  } finally {
    // Clients first: a pooler that loses its server would log in again for those that still wait.
    await endAll(clients);
    // A loop that starts processes stops once one of them has ended.
    await Promise.allSettled(clients.map(({ ready }) => ready));
    await endAll(clients);
    for (const place of places.reverse()) await place[Symbol.asyncDispose]();
    await server.empty();
  }
}

async function endAll(clients: readonly Client[]): Promise<void> {
  await Promise.all(clients.flatMap(({ processes }) => processes).map((process) => end(process, 'SIGKILL')));
}

/** Starts the clients of a scenario, each group at its time. What it started is in the lists, also when it fails. */
async function populate(
  { services, poolers: wanted = {}, hurrySeconds }: Scenario,
  server: AgingServer,
  program: (client: ClientName) => Promise<CommandLine>,
  clients: Client[],
  places: AsyncDisposable[],
): Promise<void> {
  const host = addresses(server.server.port, places);
  const poolers = new Map<string, PgBouncer>();
  for (const [name, { mode, size }] of Object.entries(wanted)) {
    const { port } = await host(name);
    const settings = { pool_mode: mode, default_pool_size: size, max_client_conn: 300 };
    const pooler = await startPgBouncer({ host: '127.0.0.1', port }, settings, ROLES);
    places.push(pooler);
    poolers.set(name, pooler);
  }
  const startOf = ({ afterSeconds = 0 }: Service) => afterSeconds;
  let clock = 0;
  for (const start of [...new Set(services.map(startOf))].sort((a, b) => a - b)) {
    await server.age(start - clock);
    clock = start;
    const group = services.filter((one) => startOf(one) === start);
    const working: Promise<void>[] = [];
    for (const service of group) working.push(...(await startService(service, program, host, poolers, clients)));
    await hurry(server, hurrySeconds, Promise.all(working));
    const toFreeze = clients.filter(({ freezes }) => freezes).flatMap(({ processes }) => processes);
    if (toFreeze.length > 0) await server.age(BEFORE_FREEZE_SECONDS);
    if (toFreeze.length > 0) await sleep(2_000);
    for (const process of toFreeze) process.kill('SIGSTOP');
  }
}

/** Starts the processes of a service, and says when each has done its work. */
async function startService(
  service: Service,
  program: (client: ClientName) => Promise<CommandLine>,
  host: (name?: string) => Promise<Host>,
  poolers: ReadonlyMap<string, PgBouncer>,
  clients: Client[],
): Promise<Promise<void>[]> {
  const command = await program(service.client);
  const working: Promise<void>[] = [];
  for (const targets of await targetsOf(service, host, poolers)) {
    const client = startClient(service, command, targets);
    clients.push(client);
    working.push(client.ready);
    // It is awaited only once all have started.
    client.ready.catch(() => undefined);
    if (service.startMs !== undefined) await sleep(service.startMs);
  }
  return working;
}

/** Hands out addresses, each only once unless it is asked for by name. */
function addresses(serverPort: number, places: AsyncDisposable[]): (name?: string) => Promise<Host> {
  const named = new Map<string, Host>();
  let last = 1;
  return async (name) => {
    const known = name === undefined ? undefined : named.get(name);
    if (known !== undefined) return known;
    last += 1;
    const host = await startHost(`127.0.0.${last}`, serverPort);
    places.push(host);
    if (name !== undefined) named.set(name, host);
    return host;
  };
}

/** Where a process connects, and by which name. One process of node-postgres stands for several pods. */
interface Target {
  readonly port: number;
  readonly name: string | undefined;
}

async function targetsOf(
  service: Service,
  host: (name?: string) => Promise<Host>,
  poolers: ReadonlyMap<string, PgBouncer>,
): Promise<Target[][]> {
  const { pods = 1, processes = 1, through } = service;
  const targets: Target[] = [];
  for (let pod = 0; pod < pods; pod++) {
    const port = through === undefined ? (await host(service.host)).port : poolers.get(through)?.port;
    if (port === undefined) throw new Error(`no pooler ${through}`);
    for (let process = 0; process < processes; process++) {
      targets.push({ port, name: nameOf(service, pod * processes + process) });
    }
  }
  return service.client === 'node-postgres' && service.frozen !== true ? [targets] : targets.map((target) => [target]);
}

/** As Kubernetes makes the last part of a pod's name. */
const SUFFIXES =
  'x2k4p 9wq7z 4hd8m t6vbn r5jxc w8fks 2pz9l m7gtd k4ncv 8sxhb z6qwj 5lrfp d9mtk v3kcg n8xbz h2wfs q7jrd c4tlp';

function nameOf({ service, name }: Service, process: number): string | undefined {
  if (name === null) return undefined;
  if (name !== undefined) return name(process);
  if (typeof service !== 'string') throw new Error(`a service of any name needs one: ${service}`);
  return service.replace(/\*$/, `7d9f8b-${SUFFIXES.split(' ')[process] ?? process}`);
}

function startClient(service: Service, [program, ...args]: CommandLine, targets: readonly Target[]): Client {
  const { client, mode, connections, role = 'shop', table = 'carts', pauseMs, callers } = service;
  const isLeak = mode.startsWith('leak');
  const freezes = service.frozen === true;
  const [first] = targets;
  const environment = {
    PATH: process.env['PATH'],
    // Python would write next to the sources.
    PYTHONDONTWRITEBYTECODE: '1',
    HOME: process.env['HOME'],
    PGHOST: '127.0.0.1',
    PGPORT: `${first?.port}`,
    PGUSER: role,
    PGPASSWORD: PASSWORD,
    PGDATABASE: 'postgres',
    PGSSLMODE: 'disable',
    ...(first?.name === undefined ? {} : { PGAPPNAME: first.name }),
    MODE: mode,
    CONNECTIONS: `${connections}`,
    CALLERS: `${callers ?? (isLeak ? 1 : connections)}`,
    PAUSE_MS: `${pauseMs ?? (isLeak ? 20 : 200)}`,
    TABLE: table,
    QUERY_MS: `${service.queryMs ?? 0}`,
    ...(client === 'node-postgres' ? { TARGETS: JSON.stringify(targets) } : {}),
  };
  const start = () => {
    const child = spawn(program, args, { env: environment, stdio: 'pipe' });
    running.add(child);
    return child.on('exit', () => running.delete(child));
  };
  if (client !== 'psql') {
    const process = start();
    return { processes: [process], freezes, ready: says(process, /^ready$/m, client) };
  }
  const processes: ChildProcess[] = [];
  const begin = mode === 'leak-in-transaction' ? 'begin;\n' : '';
  return {
    processes,
    freezes,
    ready: (async () => {
      const answers: Promise<void>[] = [];
      for (let n = 0; n < connections && processes.every(isAlive); n++) {
        const process = start();
        processes.push(process);
        process.stdin?.write(`${begin}select id, note from ${table} where customer = 7 limit 1;\n`);
        answers.push(says(process, /note/, client));
        await sleep(PSQL_MS);
      }
      await Promise.all(answers);
    })(),
  };
}

async function says(process: ChildProcess, expected: RegExp, client: string): Promise<void> {
  let output = '';
  for (const stream of [process.stdout, process.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-4_000);
    });
  }
  process.stdin?.on('error', () => undefined);
  const done = async () => expected.test(output) || !isAlive(process);
  await until(done, READY_MS).catch(() => undefined);
  if (!expected.test(output)) throw new Error(`${client} did not do its work. It printed:\n${output}`);
}

/** Lets the server's clock run ahead until the clients are ready. */
async function hurry(server: AgingServer, seconds: number | undefined, clients: Promise<unknown>): Promise<void> {
  let done = seconds === undefined;
  const finished = clients.finally(() => {
    done = true;
  });
  finished.catch(() => undefined);
  while (!done) {
    await server.age(seconds ?? 0);
    await sleep(TICK_MS);
  }
  await finished;
}

/**
 * One look: the longest chain of connections of which each was opened after the one before had been used for the last
 * time. It is the evidence that the diagnosis starts from, found here by other means.
 */
async function look({ ask }: AgingServer): Promise<Evidence[]> {
  return ask<Evidence>(/* sql */ `
    with recursive a as materialized (
      select application_name app, usename role, client_addr, backend_start, state_change, state,
             backend_type, query,
             query !~* '^\\s*(;?\\s*$|set |show |reset |discard |select set_config|select pg_advisory_unlock_all)'
               and state like 'idle%' as counts
        from pg_stat_activity
       where backend_type = 'client backend' and pid <> pg_backend_pid()
    ), x as (
      select app, role, client_addr, min(state_change) e, 1 l from a where counts group by 1, 2, 3
      union all
      select x.app, x.role, x.client_addr, y.e, x.l + 1 from x cross join lateral (
        select min(a.state_change) e from a
         where counts and a.app = x.app and a.role = x.role and a.client_addr is not distinct from x.client_addr
           and a.backend_start > x.e) y
       where y.e is not null
    )
    select app, role, host(client_addr) address, count(*)::int connections,
           (count(*) filter (where state like 'idle in%'))::int "inTransaction",
           coalesce((select max(l) from x where x.app = a.app and x.role = a.role
                        and x.client_addr is not distinct from a.client_addr), 0)::int chain,
           left(mode() within group (order by query), 60) statement
      from a group by app, role, client_addr order by 1, 2, 3`);
}

/** A scenario that did not happen proves nothing. */
function demandSeen(scenario: Scenario, evidence: readonly Evidence[]): void {
  for (const service of scenario.services) {
    const { role = 'shop', pods = 1, processes = 1, connections, through } = service;
    if (through !== undefined) continue;
    const all = pods * processes * connections;
    const wanted = Math.ceil(all * (service.mode.startsWith('leak') ? 1 : SHARE_OF_POOL));
    const names = new Set(Array.from({ length: pods * processes }, (_, process) => nameOf(service, process)));
    const own = evidence.filter((row) => row.role === role && (names.has(undefined) || names.has(row.app)));
    const seen = own.reduce((sum, row) => sum + row.connections, 0);
    if (seen < wanted) throw new Error(`${service.service} should hold ${wanted} connections, and holds ${seen}`);
  }
}
