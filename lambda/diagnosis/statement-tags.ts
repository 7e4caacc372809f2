/**
 * The tags that web frameworks write into the comments of their statements, to say which code sent them:
 * SQLCommenter (`action='show',controller='carts'`) and Marginalia (`action:show,controller:carts`).
 *
 * @see https://google.github.io/sqlcommenter/spec/
 */
import type { Comment } from './statement-tokens.js';

/** The keys that name code. Others can hold anything: trace ids, users, SQL. */
const TAG_KEYS = ['application', 'controller', 'action', 'route', 'framework', 'job', 'db_driver'] as const;

type TagKey = (typeof TAG_KEYS)[number];

export type StatementTags = Readonly<Partial<Record<TagKey, string>>>;

const LONGEST_VALUE = 100;

/** The first value of each key. A pair that the end of the text cuts is left out. */
export function readTags(comments: readonly Comment[]): StatementTags {
  const tags: Partial<Record<TagKey, string>> = {};
  for (const { text, cut } of comments) {
    const pairs = text.split(',');
    for (const pair of cut ? pairs.slice(0, -1) : pairs) {
      const tag = readTag(pair);
      if (tag !== null && tag.value !== '') tags[tag.key] ??= tag.value;
    }
  }
  return tags;
}

function readTag(pair: string): { readonly key: TagKey; readonly value: string } | null {
  const separator = pair.search(/[=:]/);
  const key = TAG_KEYS.find((name) => name === pair.slice(0, separator).trim());
  if (key === undefined) return null;
  const written = pair.slice(separator + 1).trim();
  return { key, value: shownValue(key, pair.charAt(separator) === '=' ? unquote(written) : written) };
}

/** The value of SQLCommenter: in quotes, each quote inside of it behind a backslash, and encoded as in a URL. */
function unquote(written: string): string {
  if (written.length < 2 || !written.startsWith("'") || !written.endsWith("'")) return '';
  const value = written.slice(1, -1).replaceAll("\\'", "'");
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function shownValue(key: TagKey, value: string): string {
  // A route that is the path of one request can carry the values of its query.
  const path = key === 'route' ? value.replace(/[?#].*/s, '') : value;
  const line = path
    .slice(0, 4 * LONGEST_VALUE)
    .replace(/\p{Z}/gu, ' ')
    .replace(/\p{C}/gu, '')
    .trim();
  return line.slice(0, LONGEST_VALUE).replace(/\p{Surrogate}$/u, '');
}
