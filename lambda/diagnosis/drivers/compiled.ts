/** The drivers of Java, Go and .NET. */
import type { Driver } from './driver.js';

export const COMPILED_DRIVERS: readonly Driver[] = [
  {
    name: 'JDBC (HikariCP, DBCP2, tomcat-jdbc)',
    signs: {
      platform: 'JVM',
      layer: 'driver',
      applicationName: 'PostgreSQL JDBC Driver',
      tag: /^(pgjdbc|jdbc|hikari)/i,
      statements: [
        /^SET extra_float_digits = \?$/,
        // Hibernate 6 and Hibernate 5.
        /^select [a-z]+\d+_\d+\.\w+,/,
        /^select [a-z]+\d+_\.\w+ as \w*\d_\d+_/,
      ],
    },
    fix: [
      'try (Connection connection = dataSource.getConnection()) { … } closes it on every path.',
      'Safety net: DBCP2 removeAbandonedOnBorrow=true, tomcat-jdbc removeAbandoned=true.',
    ],
    find: 'HikariCP: leakDetectionThreshold=60000 logs the stack. DBCP2, tomcat-jdbc: logAbandoned=true.',
    healsAfterTermination: 'no',
    afterTermination: 'The pool counts it as in use, unless it removes abandoned connections. Restart the process.',
    harm: 'tomcat-jdbc without testOnBorrow and validationQuery hands out the terminated connection again.',
    source: 'run',
  },
  {
    name: 'Go database/sql',
    signs: { platform: 'Go', layer: 'driver', tag: /^(database\/sql|lib\/pq)/ },
    fix: [
      'Call defer rows.Close() after each Query, and defer tx.Rollback() after each Begin.',
      'Set db.SetMaxOpenConns(…): without it the number of connections has no limit.',
    ],
    find: 'Log db.Stats().InUse and db.Stats().WaitCount.',
    healsAfterTermination: 'no',
    afterTermination: 'It counts as in use and callers wait until their context ends. Restart the process.',
    harm: 'With pgx one request fails for each terminated connection. With lib/pq none fails.',
    source: 'run',
  },
  {
    name: 'pgxpool',
    signs: { platform: 'Go', layer: 'driver', tag: /^pgx(pool)?(:|\/|$)/ },
    fix: [
      'Call defer conn.Release() after each pool.Acquire.',
      'Call defer rows.Close() after each Query, and defer tx.Rollback(ctx) after each Begin.',
    ],
    find: 'Log pool.Stat().AcquiredConns().',
    healsAfterTermination: 'no',
    afterTermination: 'The pool counts it as in use and callers wait. Restart the process.',
    harm: 'One request fails for each terminated connection.',
    source: 'run',
  },
  {
    name: 'Npgsql',
    signs: {
      platform: '.NET',
      layer: 'driver',
      tag: /^npgsql(:|$)/i,
      // Entity Framework Core: SELECT o."Id", o."Total" FROM "Orders" AS o.
      statements: [/^SELECT ([a-z])\."\w+".* FROM "\w+" AS \1( |$)/],
    },
    fix: [
      'await using var connection = await dataSource.OpenConnectionAsync();',
      'Dispose readers and DbContexts in the same way.',
    ],
    find: 'Watch busy-connections: dotnet-counters monitor --counters Npgsql -p PID.',
    healsAfterTermination: 'no',
    afterTermination:
      'The pool counts it as busy until it is disposed ("pool has been exhausted"). Restart the process.',
    harm: 'One request can fail for each terminated connection.',
    source: 'read',
  },
];
