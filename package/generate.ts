/**
 * `npm run generate` writes the files that repeat what the code says:
 *
 *   infra/cdk-json/cdk.schema.json   by which editors complete `cdk.json`; made of the schemas that check it, with the
 *                                    meanings from the tables of docs/settings.md
 *   infra/cdk-json/databases.schema.json   the same for `databases.json`
 *   infra/grants.sql                 its last statement, for people with psql, is the one that the deployment runs
 *   docs/metrics-and-alarms.md       its tables of metrics and of alarms
 *   docs/cost.md                     its example bill
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cdkSchema, databasesSchema } from '../infra/cdk-json/schema.js';
import { GRANTS } from '../lambda/postgres/sql/grants.js';
import { alarmsTable } from './alarms-table.js';
import { costExample } from './cost-table.js';
import { withBlock } from './generated-block.js';
import { metricsTables } from './metrics-table.js';

const inProject = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const read = (path: string) => readFileSync(inProject(path), 'utf8');

/** A table of settings. That of the keys of a rule has other columns: some of its keys are settings too. */
const TABLE = /^\| [^|]+ \| default \| meaning \|\n(?:\|.*\n)+/gm;

/** A row of it: the key, its default, and what it means. */
const ROW = /^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$/gm;

function schemaText(): string {
  const tables = read('docs/settings.md').match(TABLE) ?? [];
  const rows = tables.flatMap((table) => [...table.matchAll(ROW)]);
  const meanings = rows.map(([, key, value, meaning = '']) => [key, `${meaning} (default: ${value})`]);
  return `${JSON.stringify(cdkSchema(Object.fromEntries(meanings)), null, 2)}\n`;
}

function grantsText(): string {
  const [forPsql] = read('infra/grants.sql').split('do $grants$');
  return `${forPsql}${GRANTS}`;
}

function metricsAndAlarmsText(): string {
  const page = withBlock(read('docs/metrics-and-alarms.md'), 'metrics', metricsTables());
  return withBlock(page, 'alarms', alarmsTable());
}

function costText(): string {
  return withBlock(read('docs/cost.md'), 'cost', costExample());
}

/** The generated files: each path, and the text that belongs there. */
export const GENERATED: Readonly<Record<string, () => string>> = {
  'infra/cdk-json/cdk.schema.json': schemaText,
  'infra/cdk-json/databases.schema.json': () => `${JSON.stringify(databasesSchema(), null, 2)}\n`,
  'infra/grants.sql': grantsText,
  'docs/metrics-and-alarms.md': metricsAndAlarmsText,
  'docs/cost.md': costText,
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of Object.entries(GENERATED)) writeFileSync(inProject(path), text());
}
