/** Which driver or pool is behind the connections of a service, by what it really sends. */
import { COMPILED_DRIVERS } from './drivers/compiled.js';
import type { Driver } from './drivers/driver.js';
import { NODE_DRIVERS } from './drivers/node.js';
import { OTHER_DRIVERS } from './drivers/others.js';
import { PYTHON_DRIVERS } from './drivers/python.js';
import type { StatementTags } from './statement-tags.js';

export const DRIVERS: readonly Driver[] = [...NODE_DRIVERS, ...PYTHON_DRIVERS, ...COMPILED_DRIVERS, ...OTHER_DRIVERS];

/** The advice that holds where the driver is not known. */
export const UNKNOWN_DRIVER: Omit<Driver, 'signs'> = {
  name: 'unknown driver',
  fix: [
    'Give the connection back on every path: finally, with, defer or try-with-resources.',
    'Create one pool per process, never one per request.',
  ],
  find: 'Log the numbers of the pool: connections in all, idle ones, and callers that wait.',
  healsAfterTermination: 'partly',
  afterTermination: 'Most pools count a leaked connection as in use. Restart the process if its callers wait.',
  harm: 'A client that does not check its idle connections can fail once for each one.',
  source: 'read',
};

/** What is seen of the connections of one service. */
export interface DriverEvidence {
  readonly applicationNames: readonly string[];
  /** The last statements, redacted. */
  readonly statements: readonly string[];
  readonly tags: readonly StatementTags[];
}

/** Sessions of PostgreSQL's own programs, whose statements are like those of a driver. */
const OTHER_CLIENTS: readonly string[] = ['postgres_fdw', 'pg_dump'];

/** The one driver that everything seen agrees with. `null`: unknown, or two could be meant. */
export function recogniseDriver(evidence: DriverEvidence): Driver | null {
  if (evidence.applicationNames.some((name) => OTHER_CLIENTS.includes(name))) return null;
  const matching = DRIVERS.filter((driver) => matches(driver, evidence));
  // Behind a pooler the application may show too, but the connections are the pooler's.
  const pooler = matching.find(({ signs }) => signs.platform === 'PgBouncer');
  if (pooler !== undefined) return pooler;
  if (new Set(matching.map(({ signs }) => signs.platform)).size > 1) return null;
  const frameworks = matching.filter(({ signs }) => signs.layer === 'framework');
  const [driver, ...others] = frameworks.length > 0 ? frameworks : matching;
  return driver === undefined || others.length > 0 ? null : driver;
}

function matches({ name, signs }: Driver, { applicationNames, statements, tags }: DriverEvidence): boolean {
  const { applicationName, tag } = signs;
  return (
    (applicationName !== undefined && applicationNames.includes(applicationName)) ||
    (tag !== undefined &&
      tags.some(({ db_driver = '', framework = '' }) => tag.test(db_driver) || tag.test(framework))) ||
    (signs.statements ?? []).some((pattern) => statements.some((statement) => pattern.test(statement))) ||
    (name === 'Django' && looksLikeDjango(statements))
  );
}

/**
 * Django names each column with its table, as Diesel and SeaORM do too, and writes its values into the text, as those
 * never do.
 */
function looksLikeDjango(statements: readonly string[]): boolean {
  return (
    statements.some((statement) => /^SELECT ("\w+")\."\w+", \1\."\w+", \1\."\w+"/.test(statement)) &&
    statements.some((statement) => statement.includes('?')) &&
    !statements.some((statement) => /\$\d/.test(statement))
  );
}
