import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { CostReport } from '../../infra/cost-report.js';
import { PRICES } from '../../infra/prices.js';
import { SHIPPED_CONTEXT } from './a-reaper.js';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

test('prints the bill of each database in cdk.json, what would change it, and what was assumed', async () => {
  const { stdout } = await cost();
  for (const name of Object.keys(SHIPPED_CONTEXT.databases)) {
    expect(stdout).toMatch(new RegExp(`^${name}: \\d+\\.\\d\\d USD a month$`, 'm'));
  }
  for (const line of [
    /^ {2}item +quantity +unit price +USD$/m,
    /^ {2}metrics of instances +11 +0\.30 per metric +3\.30$/m,
    /^ {2}schedule +43,800 +1\.00 per 1,000,000 invocations +0\.04$/m,
    /^ {2}together +\d+\.\d\d$/m,
    /^ {2}at most +\d+\.\d\d$/m,
    /^ +\+1\d\.\d\d {2}one instance more$/m,
    /^ +-0\.54 {2}a sweep every 5 minutes$/m,
    /^ {2}5 applications on each instance at a time \(--applications\), 0 roles with limits that are not declared$/m,
    /^Prices of us-east-1 in August 2026; /m,
  ]) {
    expect(stdout).toMatch(line);
  }
}, 60_000);

test('prints the same as one document, for as many applications as there are', async () => {
  const { stdout } = await cost('--json', '--applications', '3');
  const { region, prices, databases } = JSON.parse(stdout) as {
    readonly region: string;
    readonly prices: unknown;
    readonly databases: readonly CostReport[];
  };
  expect({ region, prices }).toEqual({ region: 'us-east-1', prices: PRICES });
  expect(databases.map(({ database }) => database)).toEqual(Object.keys(SHIPPED_CONTEXT.databases));
  for (const { usd, items, assumptions, notPriced } of databases) {
    expect(assumptions.applications).toBe(3);
    expect(items.reduce((sum, item) => sum + item.usd, 0)).toBeCloseTo(usd, 9);
    expect(notPriced).toEqual([]);
  }
}, 60_000);

test('fails when the number of applications is none', async () => {
  await expect(cost('--applications', 'some')).rejects.toThrow(
    /'some' is invalid. expected a whole number, such as 12/,
  );
}, 60_000);

/** `npm run cost`, by somebody without AWS. */
function cost(...options: readonly string[]) {
  return promisify(execFile)(process.execPath, ['--import', 'tsx', 'infra/cost-command.ts', ...options], {
    cwd: PROJECT,
    env: { PATH: process.env['PATH'] },
  });
}
