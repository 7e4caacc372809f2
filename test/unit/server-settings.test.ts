import { describe, expect, it } from 'vitest';
import { diagnose } from '../../lambda/diagnosis/diagnose.js';
import { settingFindings } from '../../lambda/diagnosis/server-settings.js';
import type { SettingOverride } from '../../lambda/policy/server-settings.js';
import type { Backend, Snapshot } from '../../lambda/policy/snapshot.js';
import {
  aBackend,
  anInstanceResult,
  aRole,
  aServer,
  aSnapshot,
  backends,
  someServerSettings,
} from '../support/builders.js';

function findings(overrides: Partial<Snapshot>) {
  const snapshot = aSnapshot(overrides);
  const diagnoses = diagnose(snapshot, ({ applicationName }) => applicationName, 'connection_reaper');
  return settingFindings(anInstanceResult({ snapshot, diagnoses }), snapshot);
}

/** Each was opened after the one before had been put down. */
const LEAK: readonly Backend[] = Array.from({ length: 15 }, (_, index) =>
  aBackend({ ageSeconds: 3_600 - 60 * index, stateSeconds: 3_599 - 60 * index, statementSeconds: 3_599 - 60 * index }),
);

/** A pool that holds more than a fifth of the slots, and is no suspect. */
const POOL = backends(30, { applicationName: 'web', role: 'web', state: 'active', ageSeconds: 100, stateSeconds: 0 });

const own = (role: string | null, database: string | null, value: string): SettingOverride => ({
  role,
  database,
  name: 'idle_in_transaction_session_timeout',
  value,
});

/** Not a leak in transactions, whose own remedy says the same. */
const forgotten = [
  ...LEAK,
  ...backends(5, { role: 'job', applicationName: 'psql' }),
  ...backends(2, {
    role: 'job',
    applicationName: 'psql',
    state: 'idle in transaction',
    stateSeconds: 90,
  }),
];

describe('a setting', () => {
  it.each<[string, Partial<Snapshot>, string[]]>([
    ['good settings, and a leak', { backends: LEAK }, []],
    ['defaults, and nothing suspicious', { settings: someServerSettings({ tcpKeepalivesIdle: 0 }) }, []],
    [
      'the keepalives of the operating system',
      { backends: LEAK, settings: someServerSettings({ tcpKeepalivesIdle: 0 }) },
      ['info slow_keepalives: ALTER SYSTEM SET tcp_keepalives_idle = 60; SELECT pg_reload_conf();'],
    ],
    [
      'keepalives after two hours',
      { backends: LEAK, settings: someServerSettings({ tcpKeepalivesIdle: 7_200 }) },
      ['info slow_keepalives: ALTER SYSTEM SET tcp_keepalives_idle = 60; SELECT pg_reload_conf();'],
    ],
    ['keepalives that are unknown', { backends: LEAK, settings: someServerSettings({ tcpKeepalivesIdle: null }) }, []],
    [
      'no check for a client that is gone',
      { backends: LEAK, settings: someServerSettings({ clientConnectionCheckInterval: 0 }) },
      [
        "info no_client_connection_check: ALTER SYSTEM SET client_connection_check_interval = '10s'; SELECT pg_reload_conf();",
      ],
    ],
    [
      'no idle_session_timeout',
      { backends: LEAK, settings: someServerSettings({ idleSessionTimeout: 0 }) },
      [`info no_idle_session_timeout: ALTER ROLE "checkout" SET idle_session_timeout = '1h';`],
    ],
    ['a version without it', { backends: LEAK, settings: someServerSettings({ idleSessionTimeout: null }) }, []],
    [
      'no idle_in_transaction_session_timeout',
      { backends: LEAK, settings: someServerSettings({ idleInTransactionSessionTimeout: 0 }) },
      [
        "info no_idle_in_transaction_timeout: ALTER SYSTEM SET idle_in_transaction_session_timeout = '1min'; SELECT pg_reload_conf();",
      ],
    ],
    [
      'none, and a role that forgets its transactions',
      { backends: forgotten, settings: someServerSettings({ idleInTransactionSessionTimeout: 0 }) },
      [`info no_idle_in_transaction_timeout: ALTER ROLE "job" SET idle_in_transaction_session_timeout = '1min';`],
    ],
    [
      'none on the server, and one for each role or database',
      {
        backends: forgotten,
        settings: someServerSettings({
          idleInTransactionSessionTimeout: 0,
          overrides: [own('job', null, '1min'), own(null, 'shop', '0'), own('checkout', 'shop', '60000')],
        }),
      },
      [],
    ],
    [
      'one on the server, switched off for a role in a database',
      {
        backends: forgotten,
        settings: someServerSettings({ overrides: [own('job', null, '5s'), own('job', 'shop', '0')] }),
      },
      [`info no_idle_in_transaction_timeout: ALTER ROLE "job" SET idle_in_transaction_session_timeout = '1min';`],
    ],
    [
      'a large max_connections for the memory',
      { backends: LEAK, server: aServer({ maxConnections: 2_000 }) },
      ['info max_connections_high: ALTER SYSTEM SET max_connections = 500;'],
    ],
    [
      'a large max_connections, and the memory for it',
      {
        backends: LEAK,
        server: aServer({ maxConnections: 2_000 }),
        settings: someServerSettings({ sharedBuffers: 2 ** 36 }),
      },
      [],
    ],
    [
      'another role with many slots and no limit',
      { backends: [...LEAK, ...POOL] },
      ['info role_without_limit: ALTER ROLE "web" CONNECTION LIMIT 60;'],
    ],
    ['the same role with a limit', { backends: [...LEAK, ...POOL], roles: [aRole('web', 40)] }, []],
    [
      'a database near its own limit',
      {
        backends: backends(9, { database: 'a"b', stateSeconds: 1, ageSeconds: 100 }),
        settings: someServerSettings({
          limitedDatabases: [
            { name: 'a"b', connectionLimit: 10 },
            { name: 'closed', connectionLimit: 0 },
          ],
        }),
      },
      ['warning database_near_limit: ALTER DATABASE "a""b" CONNECTION LIMIT 20;'],
    ],
    [
      'a superuser of an application',
      { backends: backends(2, { role: 'postgres', superuser: true }) },
      ['warning superuser_application: CREATE ROLE "postgres_app" LOGIN NOSUPERUSER;'],
    ],
    [
      'a superuser on a Unix socket',
      { backends: backends(2, { role: 'postgres', superuser: true, clientAddr: null }) },
      [],
    ],
  ])('is judged: %s', (_, snapshot, expected) => {
    const seen = findings(snapshot).map(
      ({ severity, code, remedy }) => `${severity} ${code}: ${/(ALTER|CREATE) [A-Z].*;/.exec(remedy)?.[0]}`,
    );
    expect(seen).toEqual(expected);
  });
});
