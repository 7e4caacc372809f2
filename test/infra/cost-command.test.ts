import { expect, test } from 'vitest';
import { commandsLeft, PROJECT, read, theCommand } from '../readme/commands.js';
import { shell } from '../support/shell.js';

/** Runs a command as it stands in docs/cost.md. */
async function outputOf(beginning: string): Promise<string> {
  const { code, stdout, stderr } = await shell(theCommand(beginning), PROJECT, {});
  expect(code, stderr).toBe(0);
  return stdout;
}

test('npm run cost prints the numbers of the example in docs/cost.md', async () => {
  const [{ usd, atMost, changes }] = JSON.parse(await outputOf('npm run --silent cost -- --json')).databases;
  const page = read('docs/cost.md');
  expect(page).toContain(`costs ${usd.toFixed(2)} USD a month`);
  expect(page).toContain(`allows | ${atMost.usd.toFixed(2)} |`);
  for (const { change } of changes) expect(page).toContain(`| ${change} |`);
}, 60_000);

test('npm run cost prints a table with its sum, for the number of applications in the option', async () => {
  const table = await outputOf('npm run cost -- --applications 12');
  expect(table).toMatch(/^orders: \d+\.\d\d USD a month$/m);
  expect(table).toMatch(/metrics of applications +48 /);
}, 60_000);

test('every command with options for the cost is run', () => {
  expect(commandsLeft(import.meta.url)).toEqual([]);
});
