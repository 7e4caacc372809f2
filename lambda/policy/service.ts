/**
 * The service that a connection belongs to: what a team would call it. It depends on this one connection alone, so a
 * service keeps its name, and its metric series, when a second pod of it starts.
 */
import { UNNAMED_APPLICATION } from '../contract/metrics.js';
import { globMatcher } from '../input/match.js';
import type { Settings } from '../input/settings.js';
import type { Backend } from './snapshot.js';

/** Names the service that a connection is counted under. */
export type Attribution = (backend: Pick<Backend, 'applicationName' | 'role'>) => string;

/** Letters and digits of which Kubernetes makes the suffixes of its names: no vowels, so that no words come out. */
const POD_LETTER = '[bcdfghjklmnpqrstvwxz2456789]';

/** What tells copies of one service apart, the most specific first. */
const COPIES: readonly (readonly [RegExp, string])[] = [
  // A UUID.
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, '*'],
  // A pod of a Deployment (checkout-7d9f8b-x2k4p), of a CronJob (report-28391230-x2k4p).
  [new RegExp(`-(?:${POD_LETTER}{6,10}|\\d{8,10})-${POD_LETTER}{5}$`), '-*'],
  // A pod of a DaemonSet or a Job. Without a digit it may be a word.
  [new RegExp(`-(?=${POD_LETTER}*\\d)${POD_LETTER}{5}$`), '-*'],
  // An address, as EC2 writes it in host names too.
  [/\b\d{1,3}([-.])\d{1,3}\1\d{1,3}\1\d{1,3}\b/g, '*'],
  // A container, a commit, an instance of EC2.
  [/\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b/gi, '*'],
  // Puma and others number their workers.
  [/\bworker \d+/gi, 'worker *'],
  // A process id.
  [/\b\d{4,}\b/g, '*'],
  // A replica: the pod of a StatefulSet (orders-2), worker:3, [4].
  [/([-_:#@/ [(])\d+([\])]?)$/, '$1*$2'],
];

/** Names that drivers, tools and runtimes set by default. They say nothing about whose connection it is. */
const DEFAULT_NAMES: ReadonlySet<string> = new Set([
  'postgresql jdbc driver',
  'postgres.js',
  'psql',
  'pgbouncer',
  'odyssey',
  'supavisor',
  'npgsql',
  'psycopg',
  'asyncpg',
  'sqlalchemy',
  'django',
  'prisma',
  'node',
  'java',
  'python',
  'python3',
  'ruby',
  'php',
  'rails',
  'bin/rails',
  'gunicorn',
  'uvicorn',
  'app',
  'main',
  'server',
  'unknown',
  '[unknown]',
  '*',
]);

/** The connection's own name, with what tells copies of one service apart as `*`: `checkout-7d9f8b-x2k4p` is `checkout-*`. */
function foldCopies(applicationName: string): string {
  return COPIES.reduce((name, [copy, folded]) => name.replace(copy, folded), applicationName.trim());
}

/**
 * The service of a connection. Where the name is missing or a driver's default, the role goes before it:
 * `orders (PostgreSQL JDBC Driver)`, `orders (none)`.
 */
export function serviceOf({ applicationName, role }: Pick<Backend, 'applicationName' | 'role'>): string {
  const name = foldCopies(applicationName);
  if (name !== '' && !DEFAULT_NAMES.has(name.toLowerCase())) return name;
  const shown = name === '' ? UNNAMED_APPLICATION : `(${name})`;
  return role === null ? shown : `${role} ${shown}`;
}

/**
 * Attribution by service, then by `applicationNames`: the first glob that matches the service or the own name renames it.
 * A run asks for the same names again and again, so they are kept as long as the run.
 */
export function attributionBy(applicationNames: Settings['applicationNames']): Attribution {
  const renames = applicationNames.map(({ match, name }) => ({ matches: globMatcher(match), name }));
  const known = new Map<string | null, Map<string, string>>();
  return (backend) => {
    const ofRole = known.get(backend.role) ?? new Map<string, string>();
    const before = ofRole.get(backend.applicationName);
    if (before !== undefined) return before;
    const service = serviceOf(backend);
    const name = renames.find(({ matches }) => isNamed(backend, service, matches))?.name ?? service;
    known.set(backend.role, ofRole.set(backend.applicationName, name));
    return name;
  };
}

/** Whether a glob matches a connection by its service's name, or by its own `application_name`. */
export function isNamed(
  { applicationName }: Pick<Backend, 'applicationName'>,
  service: string,
  matches: (name: string) => boolean,
): boolean {
  return matches(service) || matches(applicationName.trim() === '' ? UNNAMED_APPLICATION : applicationName);
}
