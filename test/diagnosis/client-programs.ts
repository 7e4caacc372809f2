/** How the client programs are started, and which Debian packages they need. */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ClientName } from './scenario.js';

const run = promisify(execFile);
const FOLDER = fileURLToPath(new URL('clients/', import.meta.url));
const JARS = ['postgresql.jar', 'HikariCP.jar', 'slf4j-api.jar', 'slf4j-nop.jar'].map(
  (jar) => `/usr/share/java/${jar}`,
);
/** Debian's libraries of Go need neither modules nor the network. */
const GO = { GO111MODULE: 'off', GOPATH: '/usr/share/gocode', CGO_ENABLED: '0' };

/** A program with its arguments. */
export type CommandLine = readonly [program: string, ...args: string[]];

interface Program {
  readonly packages: readonly string[];
  /** @param built an empty folder of this client's own. */
  prepare(built: string): Promise<CommandLine>;
}

function python(script: string, packages: readonly string[]): Program {
  // Debian's own: another Python in the path does not have its packages.
  return { packages: ['python3', ...packages], prepare: async () => ['/usr/bin/python3', join(FOLDER, script)] };
}

function node(script: string): Program {
  return { packages: [], prepare: async () => [process.execPath, join(FOLDER, script)] };
}

function ruby(script: string, packages: readonly string[]): Program {
  return { packages: ['ruby', ...packages], prepare: async () => ['/usr/bin/ruby', join(FOLDER, script)] };
}

function go(folder: string, packages: readonly string[]): Program {
  return {
    packages: ['golang-go', ...packages],
    prepare: async (built) => {
      const program = join(built, folder);
      const sources = ['modes.go', `${folder}.go`].map((file) => join(FOLDER, 'go', file));
      await run('go', ['build', '-o', program, ...sources], { env: { ...process.env, ...GO } });
      return [program];
    },
  };
}

const PROGRAMS: Readonly<Record<ClientName, Program>> = {
  'active-record': ruby('active_record.rb', ['ruby-pg', 'ruby-activerecord']),
  asyncpg: python('asyncpg_client.py', ['python3-asyncpg']),
  django: python('django_client.py', ['python3-django', 'python3-psycopg2']),
  hikari: {
    packages: ['default-jdk-headless', 'libpostgresql-jdbc-java', 'libhikaricp-java', 'libslf4j-java'],
    prepare: async (built) => {
      const path = JARS.join(':');
      await run('javac', ['-d', built, '-cp', path, join(FOLDER, 'Hikari.java')]);
      return ['java', '-XX:TieredStopAtLevel=1', '-Xmx64m', '-cp', `${built}:${path}`, 'Hikari'];
    },
  },
  'lib-pq': go('lib_pq', ['golang-github-lib-pq-dev']),
  'node-postgres': node('node-postgres.mjs'),
  pgx: go('pgx', ['golang-github-jackc-pgx-v4-dev']),
  php: { packages: ['php-cli', 'php-pgsql'], prepare: async () => ['php', join(FOLDER, 'php.php')] },
  'postgres-js': node('postgres-js.mjs'),
  psql: { packages: ['postgresql-client'], prepare: async () => ['/usr/bin/psql', '-q'] },
  psycopg2: python('psycopg2_client.py', ['python3-psycopg2']),
  psycopg3: python('psycopg3_client.py', ['python3-psycopg', 'python3-psycopg-pool']),
  'ruby-pg': ruby('ruby_pg.rb', ['ruby-pg']),
  sqlalchemy: python('sqlalchemy_client.py', ['python3-sqlalchemy', 'python3-psycopg2']),
};

/** Which of these Debian packages are not installed. */
export async function missingPackages(packages: Iterable<string>): Promise<Set<string>> {
  const missing = new Set<string>();
  for (const name of new Set(packages)) {
    const { stdout } = await run('dpkg', ['-s', name]).catch(() => ({ stdout: '' }));
    if (!/^Status: .* installed$/m.test(stdout)) missing.add(name);
  }
  return missing;
}

/** The Debian packages that a client needs. */
export function packagesOf(client: ClientName): readonly string[] {
  return PROGRAMS[client].packages;
}

/** Builds each client at most once, when it is first needed. */
export function clientPrograms(built: string): (client: ClientName) => Promise<CommandLine> {
  const prepared = new Map<ClientName, Promise<CommandLine>>();
  return (client) => {
    const found = prepared.get(client) ?? prepareIn(built, client);
    prepared.set(client, found);
    return found;
  };
}

async function prepareIn(built: string, client: ClientName): Promise<CommandLine> {
  const folder = join(built, client);
  await mkdir(folder, { recursive: true });
  return PROGRAMS[client].prepare(folder);
}
