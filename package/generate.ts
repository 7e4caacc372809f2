/**
 * `npm run schema` writes the schema of `cdk.json`, by which editors complete it: made of the schemas that check it, with
 * the meanings from the tables of the README.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cdkSchema } from '../infra/cdk-json/schema.js';

const inProject = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** A row of a table of keys: the key, its default, and what it means. */
const ROW = /^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$/gm;

/** The schema's text. */
export function schemaText(): string {
  const rows = readFileSync(inProject('README.md'), 'utf8').matchAll(ROW);
  const meanings = [...rows].map(([, key, value, meaning = '']) => [key, `${meaning} (default: ${value})`]);
  return `${JSON.stringify(cdkSchema(Object.fromEntries(meanings)), null, 2)}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(inProject('infra/cdk-json/cdk.schema.json'), schemaText());
