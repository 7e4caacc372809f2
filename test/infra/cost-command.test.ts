import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

const README = readFileSync(`${PROJECT}/README.md`, 'utf8').split('## Cost\n')[1]?.split('\n## ')[0] ?? '';

/** As a reader of the README types it. */
async function npmRunCost(...options: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'cost', '--', ...options], { cwd: PROJECT });
  return stdout;
}

test('npm run cost says what the README says it says', async () => {
  const [{ usd, atMost, changes }] = JSON.parse(await npmRunCost('--json')).databases;
  expect(README).toContain(`costs ${usd.toFixed(2)} USD a month`);
  expect(README).toContain(`it is ${atMost.usd.toFixed(2)}.`);
  const told = [...README.matchAll(/^\| [^|]+ \| ([+-]\d+\.\d\d) \|$/gm)].map(([, difference]) => difference);
  const computed = changes.map((change: { usd: number }) => `${change.usd < 0 ? '' : '+'}${change.usd.toFixed(2)}`);
  expect(told.length).toBeGreaterThan(4);
  expect(computed).toEqual(expect.arrayContaining(told));
}, 60_000);

test('npm run cost is a table with its sum, for as many applications as it is told', async () => {
  const table = await npmRunCost('--applications', '12');
  expect(table).toMatch(/^orders: \d+\.\d\d USD a month$/m);
  expect(table).toMatch(/metrics of applications +48 /);
}, 60_000);
