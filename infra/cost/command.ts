/** `npm run cost`: what a month costs, for each database of the ready-made app. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Command, InvalidArgumentError } from 'commander';
import { databaseStacks } from '../cdk-json/database-stacks.js';
import type { Assumptions } from './assumptions.js';
import { PRICE_LIST, PRICES } from './prices.js';
import { type CostReport, costReports } from './report.js';
import { costText, PRICES_NOTE } from './text.js';

const { applications, json } = new Command('cost')
  .description('Says what a month costs, for each database of the ready-made app, and what would change it.')
  .option('--applications <number>', 'how many different applications connect to each instance', wholeNumber)
  .option('--json', 'print one JSON document')
  .parse()
  .opts<{ applications?: number; json?: boolean }>();

const reports = reportsOn(applications === undefined ? {} : { applications });
process.stdout.write(
  json
    ? `${JSON.stringify({ ...PRICE_LIST, prices: PRICES, databases: reports }, null, 2)}\n`
    : `${[...reports.map(costText), PRICES_NOTE].join('\n\n')}\n`,
);

/** Synthesizes the app of cdk.json as it is; whether CloudFormation would take it is the business of `cdk synth`. */
function reportsOn(known: Partial<Assumptions>): readonly CostReport[] {
  const outdir = mkdtempSync(join(tmpdir(), 'cost-'));
  try {
    const { context } = JSON.parse(readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8'));
    const app = new App({ context, outdir, builtinCloudFormationValidation: false });
    return costReports(app, databaseStacks(app), known);
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

function wholeNumber(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a whole number, such as 12');
}
