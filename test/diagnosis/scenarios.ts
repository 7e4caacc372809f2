/**
 * The scenarios. Those of `incidents` happened: each is what an on-call engineer was once told wrongly. The others vary
 * drivers, pools and neighbours.
 */
import type { Scenario, Service, Verdict } from './scenario.js';

/** A pool that is healthy may be seen at rest or in use. */
const HEALTHY: readonly [Verdict, ...Verdict[]] = ['pool_at_rest', 'busy'];

/** Healthy neighbours, each of another driver. */
const WEB: Service = {
  service: 'web',
  expected: HEALTHY,
  client: 'node-postgres',
  mode: 'busy',
  connections: 5,
  table: 'stock',
};
const API: Service = {
  service: 'api',
  expected: 'pool_at_rest',
  client: 'hikari',
  mode: 'rest',
  connections: 10,
  role: 'billing',
  table: 'invoices',
};
const JOBS: Service = {
  service: 'jobs',
  expected: 'pool_at_rest',
  client: 'psycopg3',
  mode: 'rest',
  connections: 6,
  role: 'orders',
  table: 'shipments',
};
const SEARCH: Service = {
  service: 'search',
  expected: 'pool_at_rest',
  client: 'lib-pq',
  mode: 'rest',
  connections: 8,
  table: 'events',
};
const STREAM: Service = {
  service: 'stream',
  expected: 'pool_at_rest',
  client: 'postgres-js',
  mode: 'rest',
  connections: 5,
  table: 'events',
};

const incidents: readonly Scenario[] = [
  {
    name: 'psycopg2 leaks in a transaction, 92 of the slots',
    quick: true,
    services: [
      {
        service: 'checkout',
        expected: 'leak_in_transaction',
        client: 'psycopg2',
        mode: 'leak-in-transaction',
        connections: 92,
      },
    ],
  },
  {
    name: 'SQLAlchemy leaks in a transaction beside a healthy pool',
    services: [
      {
        service: 'checkout',
        expected: 'leak_in_transaction',
        client: 'sqlalchemy',
        mode: 'leak-in-transaction',
        connections: 60,
      },
      WEB,
    ],
  },
  {
    name: '13 pods leak 6 each',
    quick: true,
    hurrySeconds: 10,
    services: [
      {
        service: 'checkout-*',
        expected: 'leak',
        client: 'node-postgres',
        mode: 'leak',
        connections: 6,
        pods: 13,
        pauseMs: 250,
      },
    ],
  },
  {
    name: '18 pods with a pool of 5 each fill the server',
    quick: true,
    services: [
      {
        service: 'checkout-*',
        expected: 'pool_too_large',
        client: 'node-postgres',
        mode: 'rest',
        connections: 5,
        pods: 18,
      },
    ],
  },
  {
    name: 'a leak fills the server in seconds and is younger than idleTimeout',
    quick: true,
    ageSeconds: 15,
    services: [
      { service: 'checkout', expected: 'leak', client: 'node-postgres', mode: 'leak', connections: 92, pauseMs: 0 },
    ],
  },
  {
    name: 'two leakers under one role',
    quick: true,
    services: [
      { service: 'checkout', expected: 'leak', client: 'node-postgres', mode: 'leak', connections: 40 },
      {
        service: 'invoicing',
        expected: 'leak_in_transaction',
        client: 'psycopg2',
        mode: 'leak-in-transaction',
        connections: 30,
        table: 'invoices',
      },
      WEB,
    ],
  },
  {
    name: 'three leakers under three roles',
    services: [
      { service: 'checkout', expected: 'leak', client: 'node-postgres', mode: 'leak', connections: 30 },
      {
        service: 'invoicing',
        expected: 'leak',
        client: 'lib-pq',
        mode: 'leak',
        connections: 20,
        role: 'billing',
        table: 'invoices',
      },
      {
        service: 'dispatch',
        expected: 'leak_in_transaction',
        client: 'psycopg3',
        mode: 'leak-in-transaction',
        connections: 20,
        role: 'orders',
        table: 'shipments',
      },
    ],
  },
  {
    name: 'four services without application_name, two of them leak',
    quick: true,
    services: [
      {
        service: 'orders (none)',
        expected: 'leak',
        client: 'node-postgres',
        mode: 'leak',
        connections: 40,
        name: null,
        role: 'orders',
      },
      {
        service: 'billing (none)',
        expected: 'leak_in_transaction',
        client: 'psycopg2',
        mode: 'leak-in-transaction',
        connections: 20,
        name: null,
        role: 'billing',
        table: 'invoices',
      },
      {
        service: 'reporting (none)',
        expected: 'pool_at_rest',
        client: 'psycopg3',
        mode: 'rest',
        connections: 6,
        name: null,
        role: 'reporting',
        table: 'events',
      },
      {
        service: 'shop (none)',
        expected: HEALTHY,
        client: 'node-postgres',
        mode: 'busy',
        connections: 5,
        name: null,
        table: 'stock',
      },
    ],
  },
  {
    name: 'two services named PostgreSQL JDBC Driver, one leaks',
    quick: true,
    services: [
      {
        service: 'orders (PostgreSQL JDBC Driver)',
        expected: 'leak',
        client: 'hikari',
        mode: 'leak',
        connections: 50,
        name: null,
        role: 'orders',
      },
      {
        service: 'billing (PostgreSQL JDBC Driver)',
        expected: 'pool_at_rest',
        client: 'hikari',
        mode: 'rest',
        connections: 10,
        name: null,
        role: 'billing',
        table: 'invoices',
      },
    ],
  },
  {
    name: 'three HikariCP pools at rest',
    services: [
      {
        service: 'api-*',
        expected: 'pool_at_rest',
        client: 'hikari',
        mode: 'rest',
        connections: 10,
        pods: 3,
        role: 'billing',
        table: 'invoices',
      },
    ],
  },
  {
    name: 'PgBouncer at rest, transaction pooling',
    poolers: { bouncer: { mode: 'transaction', size: 20 } },
    services: [
      {
        service: 'web',
        expected: ['pooler', 'pool_at_rest'],
        client: 'node-postgres',
        mode: 'rest',
        connections: 20,
        through: 'bouncer',
        queryMs: 60,
      },
      { ...API },
    ],
  },
  {
    name: 'PgBouncer at rest, session pooling',
    quick: true,
    poolers: { bouncer: { mode: 'session', size: 20 } },
    services: [
      {
        service: 'web',
        expected: ['pooler', 'pool_at_rest'],
        client: 'node-postgres',
        mode: 'rest',
        connections: 20,
        through: 'bouncer',
        queryMs: 60,
      },
      { service: 'checkout', expected: 'leak', client: 'node-postgres', mode: 'leak', connections: 30 },
    ],
  },
  {
    name: 'PgBouncer in front of three applications',
    quick: true,
    looks: 2,
    poolers: { bouncer: { mode: 'transaction', size: 15 } },
    services: [
      {
        service: /^(web|mail|feed)$/,
        name: () => 'web',
        expected: 'pooler',
        client: 'node-postgres',
        mode: 'busy',
        connections: 10,
        through: 'bouncer',
        queryMs: 60,
        pauseMs: 100,
      },
      {
        service: /^(web|mail|feed)$/,
        name: () => 'mail',
        expected: 'pooler',
        client: 'psycopg3',
        mode: 'busy',
        connections: 6,
        through: 'bouncer',
        queryMs: 60,
        pauseMs: 100,
      },
      {
        service: /^(web|mail|feed)$/,
        name: () => 'feed',
        expected: 'pooler',
        client: 'postgres-js',
        mode: 'rest',
        connections: 6,
        through: 'bouncer',
        queryMs: 60,
      },
    ],
  },
  {
    name: 'a loop leaves 45 psql open',
    quick: true,
    services: [
      {
        service: 'reporting (psql)',
        expected: 'script_loop',
        client: 'psql',
        mode: 'leak',
        connections: 45,
        name: null,
        role: 'reporting',
      },
    ],
  },
  {
    name: 'a monitoring tool holds 20',
    quick: true,
    services: [
      {
        service: 'dashboards',
        expected: 'monitoring',
        client: 'node-postgres',
        mode: 'monitor',
        connections: 20,
        role: 'monitoring',
      },
      WEB,
    ],
  },
  {
    name: 'a host with two services froze',
    services: [
      {
        service: 'render',
        expected: 'silent_clients',
        client: 'node-postgres',
        mode: 'busy',
        connections: 40,
        host: 'frozen',
        frozen: true,
        pauseMs: 0,
      },
      {
        service: 'thumbnails',
        // So few may as well rest.
        expected: ['pool_at_rest', 'silent_clients'],
        client: 'node-postgres',
        mode: 'busy',
        connections: 15,
        host: 'frozen',
        frozen: true,
        pauseMs: 0,
        table: 'events',
      },
      WEB,
    ],
  },
  {
    name: 'a client connects again at once, three sweeps long',
    ageSeconds: 60,
    sweeps: 3,
    services: [
      { service: 'poller', expected: 'reconnects', client: 'node-postgres', mode: 'reconnect', connections: 30 },
    ],
  },
  {
    name: 'a leak of 60 hides behind max_connections 1000',
    maxConnections: 1000,
    services: [
      { service: 'checkout', expected: 'leak', client: 'node-postgres', mode: 'leak', connections: 60 },
      WEB,
      SEARCH,
    ],
  },
  {
    name: 'one application with two roles',
    services: [
      { service: 'store', expected: 'leak', client: 'node-postgres', mode: 'leak', connections: 60 },
      {
        service: 'store',
        expected: 'leak',
        client: 'node-postgres',
        mode: 'rest',
        connections: 1,
        role: 'migrations',
      },
    ],
  },
  {
    name: 'results that nobody reads',
    services: [
      { service: 'export', expected: 'unread_result', client: 'node-postgres', mode: 'unread', connections: 8 },
      WEB,
    ],
  },
  {
    name: 'a leak after a sweep terminated it',
    ageSeconds: 60,
    sweeps: 1,
    services: [{ service: 'checkout', expected: 'leak', client: 'node-postgres', mode: 'leak', connections: 40 }],
  },
];

/** A leak of one driver, and a healthy pool of the same driver next to it. */
function beside(
  name: string,
  leak: Partial<Service> & Pick<Service, 'client' | 'mode' | 'connections'>,
  healthy: Service,
  quick = false,
): Scenario {
  const expected = leak.mode === 'leak-in-transaction' ? 'leak_in_transaction' : 'leak';
  return { name, quick, services: [{ service: 'checkout', expected, ...leak }, healthy] };
}

const drivers: readonly Scenario[] = [
  beside('postgres.js leaks, and rests', { client: 'postgres-js', mode: 'leak', connections: 25 }, STREAM),
  beside(
    'node-postgres leaks after commit',
    { client: 'node-postgres', mode: 'leak-after-commit', connections: 25 },
    STREAM,
  ),
  beside(
    'psycopg2 leaks after commit',
    { client: 'psycopg2', mode: 'leak-after-commit', connections: 25 },
    { ...JOBS, client: 'psycopg2' },
  ),
  beside(
    'psycopg2 leaks in autocommit',
    { client: 'psycopg2', mode: 'leak', connections: 25 },
    { ...JOBS, client: 'psycopg2', mode: 'busy', expected: HEALTHY },
  ),
  beside(
    'psycopg 3 leaks in a transaction',
    { client: 'psycopg3', mode: 'leak-in-transaction', connections: 20 },
    JOBS,
  ),
  beside('psycopg 3 leaks in autocommit', { client: 'psycopg3', mode: 'leak', connections: 20 }, JOBS),
  beside(
    'SQLAlchemy leaks in autocommit',
    { client: 'sqlalchemy', mode: 'leak', connections: 30 },
    { ...JOBS, client: 'sqlalchemy', connections: 15 },
  ),
  beside(
    'asyncpg leaks',
    { client: 'asyncpg', mode: 'leak', connections: 25 },
    { ...JOBS, client: 'asyncpg', connections: 10 },
  ),
  beside('Go lib/pq leaks rows', { client: 'lib-pq', mode: 'leak', connections: 30 }, SEARCH, true),
  beside(
    'Go lib/pq leaks in a transaction',
    { client: 'lib-pq', mode: 'leak-in-transaction', connections: 30 },
    SEARCH,
  ),
  beside('pgx leaks', { client: 'pgx', mode: 'leak', connections: 30 }, { ...SEARCH, client: 'pgx' }),
  beside(
    'ActiveRecord leaks',
    { client: 'active-record', mode: 'leak', connections: 25 },
    { ...JOBS, client: 'active-record' },
  ),
  beside('ruby-pg leaks', { client: 'ruby-pg', mode: 'leak', connections: 25 }, WEB),
  beside('a long PHP job leaks', { client: 'php', mode: 'leak', connections: 25 }, WEB),
  beside('HikariCP leaks, and rests', { client: 'hikari', mode: 'leak', connections: 40 }, API),
  beside(
    'HikariCP leaks in a transaction',
    { client: 'hikari', mode: 'leak-in-transaction', connections: 20 },
    { ...API, mode: 'busy', expected: HEALTHY },
  ),
];

const pools: readonly Scenario[] = [
  {
    name: 'threads of Django keep their connections (CONN_MAX_AGE=None)',
    quick: true,
    services: [
      { service: 'shopfront', expected: 'unclear', client: 'django', mode: 'rest', connections: 25, pauseMs: 300 },
    ],
  },
  {
    name: 'a pool is filled in advance, each connection tested',
    quick: true,
    services: [
      { service: 'checkout', expected: 'pool_at_rest', client: 'node-postgres', mode: 'fill', connections: 15 },
    ],
  },
  {
    name: 'a pool grew by load, one by one',
    quick: true,
    services: [
      { service: 'checkout', expected: 'pool_at_rest', client: 'node-postgres', mode: 'grow', connections: 20 },
    ],
  },
  {
    name: 'a pool of psycopg 3 grew over an hour',
    hurrySeconds: 60,
    services: [{ service: 'jobs', expected: 'pool_at_rest', client: 'psycopg3', mode: 'grow', connections: 15 }],
  },
  {
    name: 'HikariCP keeps spare connections (minimumIdle)',
    services: [{ service: 'api', expected: 'pool_at_rest', client: 'hikari', mode: 'spare', connections: 20 }],
  },
  {
    name: 'eight workers with one connection each, on one host',
    quick: true,
    services: [
      {
        service: 'worker-*',
        expected: 'pool_at_rest',
        client: 'php',
        mode: 'rest',
        connections: 1,
        processes: 8,
        startMs: 400,
        name: (n) => `worker-${4211 + n * 13}`,
      },
    ],
  },
  {
    name: 'three processes with a pool of five each, on one host',
    services: [
      {
        service: 'gunicorn-*',
        expected: 'pool_at_rest',
        client: 'psycopg3',
        mode: 'rest',
        connections: 5,
        processes: 3,
        name: (n) => `gunicorn-${3100 + n}`,
      },
    ],
  },
  {
    name: 'a pool of 40 is in use',
    services: [
      {
        service: 'checkout',
        expected: ['busy', 'pool_at_rest'],
        client: 'node-postgres',
        mode: 'busy',
        connections: 40,
        pauseMs: 20,
      },
    ],
  },
  {
    name: 'a pool replaces its connections',
    services: [
      {
        service: 'checkout',
        expected: HEALTHY,
        client: 'node-postgres',
        mode: 'rotate',
        connections: 15,
        callers: 14,
        pauseMs: 10,
      },
    ],
  },
  {
    name: 'every pool is healthy and the server is nearly full',
    services: [
      WEB,
      API,
      JOBS,
      SEARCH,
      STREAM,
      {
        service: 'shop-*',
        expected: ['pool_at_rest', 'pool_too_large'],
        client: 'node-postgres',
        mode: 'rest',
        connections: 10,
        pods: 5,
      },
    ],
  },
  {
    name: 'four pods of postgres.js at rest',
    services: [
      { service: 'stream-*', expected: 'pool_at_rest', client: 'postgres-js', mode: 'rest', connections: 8, pods: 4 },
    ],
  },
  {
    name: 'pools of four drivers rest behind one address',
    services: [
      { ...WEB, host: 'nat' },
      { ...JOBS, host: 'nat' },
      { ...SEARCH, host: 'nat' },
      { ...STREAM, host: 'nat' },
    ],
  },
];

const mixes: readonly Scenario[] = [
  {
    name: 'one leaker among five healthy services',
    quick: true,
    services: [
      { service: 'checkout', expected: 'leak', client: 'node-postgres', mode: 'leak', connections: 40 },
      WEB,
      API,
      JOBS,
      SEARCH,
      STREAM,
    ],
  },
  {
    name: 'some requests of a pool of 30 forget to give back',
    services: [
      { service: 'checkout', expected: 'leak', client: 'node-postgres', mode: 'forget', connections: 30 },
      WEB,
    ],
  },
  {
    // As long a chain may come of many processes with a connection each.
    name: 'some requests of a pool of 15 forget to give back',
    services: [
      { service: 'checkout', expected: ['unclear', 'leak'], client: 'node-postgres', mode: 'forget', connections: 15 },
      WEB,
    ],
  },
  {
    name: 'a service leaks beside its own busy pool',
    quick: true,
    services: [
      {
        service: 'checkout',
        expected: 'leak',
        client: 'node-postgres',
        mode: 'leak',
        connections: 20,
        host: 'checkout',
      },
      {
        service: 'checkout',
        expected: 'leak',
        client: 'node-postgres',
        mode: 'busy',
        connections: 5,
        host: 'checkout',
      },
    ],
  },
  {
    name: 'four callers leak at once',
    services: [
      { service: 'checkout', expected: 'leak', client: 'psycopg2', mode: 'leak', connections: 40, callers: 4 },
      JOBS,
    ],
  },
  {
    name: 'a slow leak over three hours',
    hurrySeconds: 60,
    services: [
      { service: 'checkout', expected: 'leak', client: 'node-postgres', mode: 'leak', connections: 40, pauseMs: 50 },
      WEB,
    ],
  },
  {
    name: 'processes named by their pid leak',
    services: [
      {
        service: 'worker-*',
        expected: 'leak',
        client: 'psycopg2',
        mode: 'leak',
        connections: 20,
        processes: 2,
        name: (n) => `worker-${4211 + n * 13}`,
      },
    ],
  },
  {
    name: 'processes named by a UUID leak',
    services: [
      {
        service: 'task-*',
        expected: 'leak',
        client: 'node-postgres',
        mode: 'leak',
        connections: 20,
        pods: 2,
        name: (n) => `task-3f2504e0-4f89-41d3-9a0c-0305e82c330${n}`,
      },
    ],
  },
  {
    name: 'a leak that began two hours after its healthy neighbours',
    services: [
      WEB,
      API,
      {
        service: 'checkout',
        expected: 'leak',
        client: 'node-postgres',
        mode: 'leak',
        connections: 30,
        afterSeconds: 7200,
      },
    ],
  },
  {
    name: 'someone left a transaction open in psql',
    services: [
      {
        service: 'migrations (psql)',
        expected: 'leak_in_transaction',
        client: 'psql',
        mode: 'leak-in-transaction',
        connections: 1,
        name: null,
        role: 'migrations',
      },
      WEB,
    ],
  },
  {
    name: 'requests of Django hang in their transactions',
    services: [
      {
        service: 'shopfront',
        expected: 'leak_in_transaction',
        client: 'django',
        mode: 'leak-in-transaction',
        connections: 20,
      },
      API,
    ],
  },
  {
    name: 'a leak of 12 beside a healthy pool of 50 under one role',
    services: [
      { service: 'checkout', expected: 'leak', client: 'node-postgres', mode: 'leak', connections: 12 },
      {
        service: 'catalog',
        expected: ['pool_at_rest', 'pool_too_large', 'busy'],
        client: 'node-postgres',
        mode: 'busy',
        connections: 50,
        callers: 3,
        table: 'stock',
      },
    ],
  },
  {
    name: 'a leak, a psql loop and a monitoring tool',
    services: [
      { service: 'checkout', expected: 'leak', client: 'node-postgres', mode: 'leak', connections: 30 },
      {
        service: 'reporting (psql)',
        expected: 'script_loop',
        client: 'psql',
        mode: 'leak',
        connections: 20,
        name: null,
        role: 'reporting',
      },
      {
        service: 'dashboards',
        expected: 'monitoring',
        client: 'node-postgres',
        mode: 'monitor',
        connections: 10,
        role: 'monitoring',
      },
    ],
  },
];

/** All of them. */
export const SCENARIOS: readonly Scenario[] = [...incidents, ...drivers, ...pools, ...mixes];
