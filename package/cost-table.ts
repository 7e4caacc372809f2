/** The example bill in docs/cost.md. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { databaseStacks } from '../infra/cdk-json/database-stacks.js';
import { PRICE_LIST } from '../infra/cost/prices.js';
import { type CostReport, costReports } from '../infra/cost/report.js';
import { markdownTable } from './generated-block.js';

/** What the database of `cdk.json` costs, and what would change that. */
export function costExample(): string {
  const { usd, items, atMost, changes, assumptions } = shippedDatabase();
  return [
    `The database in \`cdk.json\` costs ${cents(usd)} USD a month with ${assumptions.applications} applications, by the prices of`,
    `${PRICE_LIST.region} in ${PRICE_LIST.date} ([prices.ts](../infra/cost/prices.ts)):`,
    '',
    markdownTable([
      ['item', 'USD a month'],
      ...items.map((item) => [item.item, cents(item.usd)]),
      ['together', cents(usd)],
      ['at most, with as many metrics as `maxApplications` allows', cents(atMost.usd)],
    ]),
    '',
    'What would change it:',
    '',
    markdownTable([
      ['change', 'USD a month'],
      ...changes.map(({ change, usd }) => [change, `${usd > 0 ? '+' : ''}${cents(usd)}`]),
    ]),
  ].join('\n');
}

function shippedDatabase(): CostReport {
  const outdir = mkdtempSync(join(tmpdir(), 'cost-'));
  try {
    const { context } = JSON.parse(readFileSync(new URL('../cdk.json', import.meta.url), 'utf8'));
    const app = new App({ context, outdir, builtinCloudFormationValidation: false });
    const [report] = costReports(app, databaseStacks(app, { file: 'cdk.json', databases: context.databases }));
    if (report === undefined) throw new Error('expected a database in cdk.json');
    return report;
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

function cents(usd: number): string {
  return usd > 0 && usd < 0.005 ? '< 0.01' : usd.toFixed(2);
}
