import type { Driver } from './driver.js';

export const NODE_DRIVERS: readonly Driver[] = [
  {
    name: 'node-postgres',
    signs: { platform: 'Node.js', layer: 'driver', tag: /^(pg|node-postgres)(:|$)/ },
    fix: [
      'const client = await pool.connect(); try { … } finally { client.release(); }',
      'For a single statement call pool.query(), which releases the client by itself.',
    ],
    find: 'Log pool.totalCount, pool.idleCount and pool.waitingCount.',
    healsAfterTermination: 'no',
    afterTermination: 'The pool counts a leaked client as in use and callers wait forever. Restart the process.',
    harm: "A process without pool.on('error', …) and client.on('error', …) exits.",
    source: 'run',
  },
  {
    name: 'postgres.js',
    signs: {
      platform: 'Node.js',
      layer: 'driver',
      applicationName: 'postgres.js',
      statements: [/^select b\.oid, b\.typarray from pg_catalog\.pg_type a /],
    },
    fix: [
      'Call postgres() once per process: the connections of each further call stay open.',
      'Call reserved.release() in finally after sql.reserve(), and set idle_timeout: 20.',
    ],
    find: 'Search the code for postgres() inside a request handler, and for sql.reserve().',
    healsAfterTermination: 'yes',
    afterTermination: 'The pool opens new connections. An open sql.begin() rejects with CONNECTION_CLOSED.',
    harm: null,
    source: 'run',
  },
  {
    name: 'Prisma',
    signs: {
      platform: 'Node.js',
      layer: 'framework',
      tag: /^prisma/i,
      // Every column with its schema: "public"."User"."id".
      statements: [
        /^SELECT ("\w+"\."\w+")\."\w+"(, \1\."\w+")* FROM \1( |$)/,
        /^SELECT ("\w+"\."\w+")\."\w+", \1\."\w+", /,
      ],
    },
    fix: [
      'Create one PrismaClient per process and share it.',
      'Keep interactive transactions short, and set their timeout.',
    ],
    find: 'Search the code for new PrismaClient(): each one has a pool of its own.',
    healsAfterTermination: 'partly',
    afterTermination:
      'The pool heals when the timeout of the interactive transaction ends. Restart only if it is long.',
    harm: null,
    source: 'run',
  },
  {
    name: 'knex',
    signs: { platform: 'Node.js', layer: 'framework', tag: /^knex(:|$)/, statements: [/^select version\(\);$/] },
    fix: [
      'Use knex.transaction(async (trx) => { … }): it ends the transaction on every path.',
      'A transaction from await knex.transaction() needs commit() or rollback() in every branch.',
    ],
    find: 'Log knex.client.pool.numUsed().',
    healsAfterTermination: 'no',
    afterTermination: 'The pool counts it as in use and callers get KnexTimeoutError. Restart the process.',
    harm: null,
    source: 'run',
  },
  {
    name: 'TypeORM',
    signs: {
      platform: 'Node.js',
      layer: 'framework',
      tag: /^typeorm(:|$)/,
      statements: [/^SELECT \* FROM current_schema\(\)$/, /^SELECT "(\w+)"\."(\w+)" AS "\1_\2"/],
    },
    fix: [
      'const runner = dataSource.createQueryRunner(); try { … } finally { await runner.release(); }',
      'Use dataSource.transaction(async (manager) => { … }), which releases by itself.',
    ],
    find: 'Search the code for createQueryRunner() without release() in finally.',
    healsAfterTermination: 'yes',
    afterTermination: 'The pool opens new connections. No restart is needed.',
    harm: null,
    source: 'run',
  },
  {
    name: 'Sequelize',
    signs: {
      platform: 'Node.js',
      layer: 'framework',
      tag: /^sequelize(:|$)/,
      statements: [
        /^(SET standard_conforming_strings ?= ?\?; ?)?SET client_min_messages TO \?; ?SET TIME ZONE \?/,
        /^SELECT \?\+\? AS result;?$/,
        /^SELECT .* FROM "\w+" AS "\w+"( |;|$)/,
      ],
    },
    fix: [
      'Use sequelize.transaction(async (t) => { … }): it commits or rolls back on every path.',
      'A transaction from await sequelize.transaction() needs commit() or rollback() in every branch.',
    ],
    find: 'Search the code for await sequelize.transaction() without a callback.',
    healsAfterTermination: 'yes',
    afterTermination: 'The pool opens new connections. No restart is needed.',
    harm: null,
    source: 'run',
  },
];
