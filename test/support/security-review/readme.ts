import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { limitsTable } from './limits.js';
import { securityTable } from './review.js';

/** Where the file is. */
export const README = fileURLToPath(new URL('../../../README.md', import.meta.url));

/**
 * README with both tables as they are made now, between their marks.
 *
 * @throws Error where marks are missing.
 */
export function readmeAsGenerated(): string {
  const tables = { 'security review': securityTable(), limits: limitsTable() };
  return Object.entries(tables).reduce(
    (text, [name, table]) => {
      const [begin, end] = [`<!-- ${name}: generated -->`, `<!-- end of ${name} -->`];
      const [before, rest, ...more] = text.split(begin);
      const [, after, ...others] = rest?.split(end) ?? [];
      if (before === undefined || after === undefined || more.length + others.length > 0) {
        throw new Error(`README.md: expected ${begin} and ${end}, each once and in this order`);
      }
      return `${before}${begin}\n\n${table}\n\n${end}${after}`;
    },
    readFileSync(README, 'utf8'),
  );
}
