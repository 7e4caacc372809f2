/** Ruby, PHP, and what is not an application. */
import type { Driver } from './driver.js';

export const OTHER_DRIVERS: readonly Driver[] = [
  {
    name: 'ActiveRecord',
    signs: {
      platform: 'Ruby',
      layer: 'framework',
      tag: /^(rails|activerecord)/i,
      statements: [/^SET SESSION timezone TO \?$/, /^SELECT "(\w+)"\.\* FROM "\1"( |$)/],
    },
    fix: [
      'In your own threads: ActiveRecord::Base.connection_pool.with_connection { |connection| … }',
      'Or call ActiveRecord::Base.connection_handler.clear_active_connections! at the end of the thread.',
    ],
    find: 'Log ActiveRecord::Base.connection_pool.stat: busy, dead, idle and waiting.',
    healsAfterTermination: 'partly',
    afterTermination: 'ConnectionTimeoutError lasts while the thread lives that holds it. Restart the process.',
    harm: null,
    source: 'run',
  },
  {
    name: 'PHP PDO',
    signs: { platform: 'PHP', layer: 'driver', tag: /^(pdo|php)/i, statements: [/^DEALLOCATE pdo_stmt_\w+;?$/] },
    fix: [
      'Turn off persistent connections: PDO::ATTR_PERSISTENT => false.',
      'In a worker that runs for long, set the PDO object to null after each job.',
    ],
    find: 'Count the PHP workers: each one keeps a connection for each database and role.',
    healsAfterTermination: 'yes',
    afterTermination: 'Each worker connects again after one failed request. No restart is needed.',
    harm: 'One request fails for each worker.',
    source: 'run',
  },
  {
    name: 'psql',
    signs: { platform: 'psql', layer: 'driver', applicationName: 'psql' },
    fix: ['Leave psql with \\q. In scripts use psql -c or psql -f, which disconnect at their end.'],
    find: 'Look for terminals and scripts on the host at that address.',
    healsAfterTermination: 'partly',
    afterTermination: 'An interactive psql connects again at its next statement. A script must be started again.',
    harm: 'A script between two statements loses its session.',
    source: 'read',
  },
  {
    name: 'PgBouncer',
    signs: {
      platform: 'PgBouncer',
      layer: 'framework',
      statements: [/^(SET \w+=\?; ?)*SET application_name=\?;( ?SET \w+=\?;)*$/],
    },
    fix: [
      'Find the application behind PgBouncer and fix it there.',
      'Set pool_mode = transaction: a client that is idle then holds no connection.',
    ],
    find: 'Run SHOW CLIENTS; and SHOW SERVERS; on the admin console of PgBouncer.',
    healsAfterTermination: 'partly',
    afterTermination: 'PgBouncer heals. In session mode the client of that connection must connect again.',
    harm: 'In session mode the client of that connection is cut off. In transaction mode nobody is.',
    source: 'run',
  },
];
