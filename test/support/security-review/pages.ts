/** The pages that hold the security review and the limits. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { withBlock } from '../../../package/generated-block.js';
import { limitsTable } from './limits.js';
import { securityTable } from './review.js';

const inDocs = (name: string) => fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url));

/** Each page, and its text with the table as it is made now. */
export const PAGES = [
  { path: inDocs('security.md'), text: () => generated('security.md', 'security review', securityTable()) },
  { path: inDocs('limits.md'), text: () => generated('limits.md', 'limits', limitsTable()) },
] as const;

function generated(page: string, block: string, table: string): string {
  return withBlock(readFileSync(inDocs(page), 'utf8'), block, table);
}
