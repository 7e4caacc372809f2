/**
 * Runs the integration tests on every PostgreSQL major version, or on those named on the command line, and ends with a
 * table and the sum as `N passed, N failed`.
 *
 * One version after the other: the tests of one keep two cores busy.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { binariesOf, MAJOR_VARIABLE, MAJORS, parseMajor } from './support/postgres-majors.js';
import { formatTally, parseTally, sumTallies, type Tally } from './support/tally.js';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

/** All of them but these, which start no PostgreSQL: a new test is on every version unless it is named here. */
const INDEPENDENT_OF_POSTGRES = ['test/integration/lambda-process.test.ts', 'test/integration/publish.test.ts'];

interface Result extends Tally {
  readonly major: number;
  readonly seconds: number;
}

const results: Result[] = [];
for (const major of namedMajors() ?? MAJORS) {
  process.stdout.write(`\nPostgreSQL ${major}\n`);
  const began = performance.now();
  const tally = await testOn(major);
  results.push({ major, ...tally, seconds: (performance.now() - began) / 1000 });
}
const total = sumTallies(results);
process.stdout.write(`\n${describeResults(results)}\n\n${formatTally(total)}\n`);
process.exitCode = total.failed === 0 ? 0 : 1;

function namedMajors(): readonly number[] | undefined {
  const named = process.argv.slice(2);
  return named.length === 0 ? undefined : named.map(parseMajor);
}

async function testOn(major: number): Promise<Tally> {
  try {
    // Before the tests, whose time limits are none for a download.
    await binariesOf(major);
  } catch (error) {
    process.stdout.write(`${error instanceof Error ? error.message : error}\n`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
  const excluded = INDEPENDENT_OF_POSTGRES.flatMap((file) => ['--exclude', file]);
  const child = spawn(process.execPath, [vitest, 'run', 'test/integration', ...excluded], {
    cwd: PROJECT,
    env: { ...process.env, [MAJOR_VARIABLE]: `${major}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    process.stdout.write(text);
  });
  const [code] = await once(child, 'close');
  const tally = parseTally(output);
  // Whatever else it was that vitest did not like.
  return code !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
}

function describeResults(rows: readonly Result[]): string {
  const columns = ['passed', 'failed', 'skipped', 'seconds'] as const;
  const line = (first: string, cells: readonly string[]): string =>
    [first.padEnd(12), ...cells.map((cell) => cell.padStart(9))].join('');
  return [
    line('PostgreSQL', columns),
    ...rows.map((row) =>
      line(
        `${row.major}`,
        columns.map((column) => `${Math.round(row[column])}`),
      ),
    ),
  ].join('\n');
}
