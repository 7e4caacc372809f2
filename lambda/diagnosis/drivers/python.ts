import type { Driver } from './driver.js';

export const PYTHON_DRIVERS: readonly Driver[] = [
  {
    name: 'psycopg2',
    // SQLAlchemy's own tag is `psycopg2` without a version.
    signs: { platform: 'Python', layer: 'driver', tag: /^psycopg2:/ },
    fix: [
      'connection = pool.getconn(), then try: … finally: pool.putconn(connection)',
      'Without a pool: with contextlib.closing(psycopg2.connect(…)) as connection: …',
    ],
    find: 'Search the code for getconn() and connect() without putconn() or close() in finally.',
    healsAfterTermination: 'no',
    afterTermination: 'The pool counts it as in use and raises PoolError (exhausted). Restart the process.',
    harm: 'One request fails for each terminated connection.',
    source: 'run',
  },
  {
    name: 'psycopg 3',
    signs: { platform: 'Python', layer: 'driver', tag: /^psycopg:/ },
    fix: [
      'with pool.connection() as connection: …',
      'Without a pool: with psycopg.connect(…) as connection: …, which also closes it.',
    ],
    find: 'Log pool.get_stats(): pool_size, pool_available and requests_waiting.',
    healsAfterTermination: 'no',
    afterTermination: 'The pool counts it as in use and callers get PoolTimeout. Restart the process.',
    harm: 'One request fails for each terminated connection.',
    source: 'run',
  },
  {
    name: 'SQLAlchemy',
    signs: {
      platform: 'Python',
      layer: 'framework',
      tag: /^sqlalchemy(:|$)/i,
      statements: [/^select pg_catalog\.version\(\)$/, /^SELECT (\w+)\.(\w+) AS \1_\2\b/],
    },
    fix: [
      'with Session() as session: … or with engine.connect() as connection: …',
      'Create one engine per process: the pool of each further engine stays open.',
    ],
    find: 'Log engine.pool.status(): it says how many connections are checked out.',
    healsAfterTermination: 'no',
    afterTermination: 'The pool counts it as in use ("QueuePool limit … reached"). Restart the process.',
    harm: 'One request fails, then the pool is renewed. None fails with pool_pre_ping=True.',
    source: 'run',
  },
  {
    name: 'Django',
    signs: {
      platform: 'Python',
      layer: 'framework',
      tag: /^django\b/,
      statements: [/ FROM "_django_curs_\d/],
    },
    fix: [
      'Set CONN_MAX_AGE = 60 and CONN_HEALTH_CHECKS = True.',
      'Call connection.close() at the end of every thread that your own code starts.',
    ],
    find: 'Search the code for threads and executors that use the ORM outside a request.',
    healsAfterTermination: 'partly',
    afterTermination: 'Requests heal by themselves. Your own threads must call close_old_connections() or restart.',
    harm: 'One request fails for each thread.',
    source: 'run',
  },
  {
    name: 'asyncpg',
    signs: {
      platform: 'Python',
      layer: 'driver',
      statements: [/^SELECT pg_advisory_unlock_all\(\); CLOSE ALL; UNLISTEN \*; RESET ALL;$/],
    },
    fix: ['async with pool.acquire() as connection: …'],
    find: 'Log pool.get_size() and pool.get_idle_size().',
    healsAfterTermination: 'yes',
    afterTermination: 'The pool opens new connections. No restart is needed.',
    harm: null,
    source: 'run',
  },
];
