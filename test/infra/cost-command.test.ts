import { expect, test } from 'vitest';
import { commandsLeft, PROJECT, read, theCommand } from '../readme/commands.js';
import { shell } from '../support/shell.js';

const README = read('README.md').split('## Cost\n')[1]?.split('\n## ')[0] ?? '';

/** Runs a command as it stands in the README. */
async function outputOf(beginning: string): Promise<string> {
  const { code, stdout, stderr } = await shell(theCommand(beginning), PROJECT, {});
  expect(code, stderr).toBe(0);
  return stdout;
}

test('npm run cost prints the numbers that the README has', async () => {
  const [{ usd, atMost, changes }] = JSON.parse(await outputOf('npm run --silent cost -- --json')).databases;
  expect(README).toContain(`costs ${usd.toFixed(2)} USD a month`);
  expect(README).toContain(`it is ${atMost.usd.toFixed(2)}.`);
  const told = [...README.matchAll(/^\| [^|]+ \| ([+-]\d+\.\d\d) \|$/gm)].map(([, difference]) => difference);
  const computed = changes.map((change: { usd: number }) => `${change.usd < 0 ? '' : '+'}${change.usd.toFixed(2)}`);
  expect(told.length).toBeGreaterThan(4);
  expect(computed).toEqual(expect.arrayContaining(told));
}, 60_000);

test('npm run cost prints a table with its sum, for the number of applications in the option', async () => {
  const table = await outputOf('npm run cost -- --applications 12');
  expect(table).toMatch(/^orders: \d+\.\d\d USD a month$/m);
  expect(table).toMatch(/metrics of applications +48 /);
}, 60_000);

test('every command with options for the cost is run', () => {
  expect(commandsLeft(import.meta.url)).toEqual([]);
});
