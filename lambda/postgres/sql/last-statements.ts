/** The statement that reads what some connections ran last. Its rows hold literals: they are redacted before they are kept. */
import * as v from 'valibot';
import type { StatementText } from '../../diagnosis/last-statements.js';
import type { Backend } from '../../policy/snapshot.js';
import { decodeRows } from '../rows.js';
import type { Session } from '../session.js';
import { QUERY } from './snapshot.js';

/** As much as a report shows, and what it takes to find the tags that stand at the end of a statement. */
const MOST_BYTES = 4_000;

/** Reads the last statements of these connections; of those that are gone nothing. */
export async function readLastStatements(
  session: Session,
  backends: readonly Pick<Backend, 'pid'>[],
): Promise<readonly StatementText[]> {
  const rows = await session.query(LAST_STATEMENTS, [backends.map(({ pid }) => pid), MOST_BYTES]);
  return decodeRows('the last statements', ROW, rows).map(({ escaped, ...row }) => ({
    ...row,
    text: unescaped(escaped),
  }));
}

const ROW = v.object({
  pid: v.number(),
  backendStart: v.nullable(v.string()),
  queryId: v.nullable(v.string()),
  escaped: v.string(),
});

/** `query_id` exists from PostgreSQL 14 on, and as JSON a column may be missing. */
const LAST_STATEMENTS = /* sql */ `
  select a.pid, a.backend_start::text as "backendStart", to_jsonb(a) ->> 'query_id' as "queryId",
         left(${QUERY}, $2::int) as escaped
    from unnest($1::int[]) wanted (pid)
   cross join lateral pg_stat_get_activity(wanted.pid) a
   where a.query is not null`;

/** A statement comes as its bytes, in whatever encoding; see {@link QUERY}. What is not UTF-8 becomes a replacement character. */
function unescaped(text: string): string {
  const bytes: number[] = [];
  for (const [part, octal] of text.matchAll(/\\(\d{3})|\\\\|[^\\]/gu)) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else if (part === '\\\\') bytes.push(0x5c);
    else bytes.push(...Buffer.from(part));
  }
  return Buffer.from(bytes).toString('utf8');
}
