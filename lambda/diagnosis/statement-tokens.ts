/**
 * Reads an SQL text as tokens of which none holds a literal.
 *
 * The text may be broken: `name = 'O'Brien'` fails in PostgreSQL, yet stays the last statement of its connection. In
 * such a text the quotes no longer tell what is a literal. So where a quote stands at a place where SQL has none, the
 * text is believed only up to its first string.
 */
import { type Part, partAt } from './statement-lexer.js';

export interface Token {
  /** `rest` stands for everything that follows and is not believed. */
  readonly kind: 'word' | 'identifier' | 'literal' | 'parameter' | 'symbol' | 'rest';
  readonly text: string;
  /** White space or a comment stands before it. */
  readonly spaced: boolean;
}

export interface Comment {
  /** What stands between the marks. */
  readonly text: string;
  /** Whether the text ends inside of it. */
  readonly cut: boolean;
}

export interface Reading {
  readonly tokens: readonly Token[];
  /** Comments in the style of C. */
  readonly comments: readonly Comment[];
}

/** A part with what was seen before it. */
interface Seen {
  readonly part: Part;
  readonly spaced: boolean;
}

/** The words that can follow a literal. Any other word there shows that a quote ended the literal too early. */
const AFTER_LITERAL: ReadonlySet<string> = new Set(
  (
    'and or as is in not like ilike similar between collate escape uescape at from for to then else end when where group ' +
    'order by having limit offset fetch union intersect except on using returning asc desc nulls join left right inner ' +
    'cross full natural with language immutable stable volatile strict window over filter valid ' +
    'login superuser createdb createrole inherit replication bypassrls'
  ).split(' '),
);

/** Symbols that SQL has nowhere outside of quotes. */
const NEVER_OUTSIDE = '\\{}';

/** Symbols that do not follow a string without a space, as they do where a quote ends `'http://'x'.y'` too early. */
const NEVER_AFTER_STRING = '.`#?';

/** What an identifier of a real schema or ORM is made of. Others are more likely to hold what stands between two names. */
const PLAIN_IDENTIFIER = /^"[\p{L}\p{N}_$](?:[\p{L}\p{M}\p{N}_$.:>/ -]*[\p{L}\p{M}\p{N}_$])?"$/u;

/** PostgreSQL cuts names at 63 bytes, without their quotes. */
const LONGEST_WORD = 63;

const REST: Token = { kind: 'rest', text: '…', spaced: true };

/** @param text a statement as `pg_stat_activity.query` shows it, which may be cut at its end. */
export function readTokens(text: string): Reading {
  const tokens: Token[] = [];
  const comments: Comment[] = [];
  let firstString: { readonly tokens: number; readonly comments: number } | null = null;
  let before: Part | null = null;
  for (let seen = nextPart(text, 0, comments); seen !== null; seen = nextPart(text, seen.part.end, comments)) {
    const { part, spaced } = seen;
    if (part.kind === 'quoted') firstString ??= { tokens: tokens.length, comments: comments.length };
    if (isBrokenAt(text, seen, before)) {
      tokens.splice(Math.min(firstString?.tokens ?? tokens.length, spaced ? tokens.length : startOfWords(tokens)));
      return { tokens: [...tokens, REST], comments: comments.slice(0, firstString?.comments) };
    }
    if (isUnreadableFrom(text, seen, before)) return { tokens: [...tokens, REST], comments };
    tokens.push(tokenOf(text, seen));
    before = part;
  }
  return { tokens, comments };
}

/** The next part that is neither white space nor a comment. Comments on the way there are added to `comments`. */
function nextPart(text: string, start: number, comments: Comment[]): Seen | null {
  for (let at = start; at < text.length; ) {
    const part = partAt(text, at);
    if (part.kind !== 'space' && part.kind !== 'comment') return { part, spaced: at > start };
    if (part.kind === 'comment') comments.push(...blockComments(text, part));
    at = part.end;
  }
  return null;
}

function blockComments(text: string, { at, end, close }: Part): readonly Comment[] {
  if (!text.startsWith('/*', at)) return [];
  const cut = close === 'cut';
  return [{ text: text.slice(at + 2, cut ? end : end - 2), cut }];
}

/** Whether the quotes up to here cannot be those of a working statement. */
function isBrokenAt(text: string, { part, spaced }: Seen, before: Part | null): boolean {
  if (part.kind === 'quoted') {
    if (part.close === 'cut') return true;
    // A word, a number or another string that touches the quote.
    return before !== null && before.kind !== 'symbol' && (!spaced || before.kind === 'quoted');
  }
  if (part.kind === 'symbol' && isNeverOutside(text, part)) return true;
  if (before?.kind !== 'quoted') return false;
  if (part.kind === 'symbol') return !spaced && NEVER_AFTER_STRING.includes(text.charAt(part.at));
  return !(spaced && part.kind === 'word' && AFTER_LITERAL.has(shortWord(text, part)));
}

function isNeverOutside(text: string, { at }: Part): boolean {
  return NEVER_OUTSIDE.includes(text.charAt(at)) || text.startsWith('*/', at);
}

/** Whether this part and everything after it may be something else than it seems, while all before it is certain. */
function isUnreadableFrom(text: string, { part, spaced }: Seen, before: Part | null): boolean {
  if (part.close !== 'closed') return true;
  // PostgreSQL reads `AS$$` as one name, and its writer did not.
  if (part.kind === 'word') return hasTwoDollars(text, part);
  if (part.kind !== 'identifier') return false;
  if (!spaced && before !== null && before.kind !== 'symbol') return true;
  // The `"` of a later name closes here what an unpaired `"` began.
  return /[\p{L}\p{N}_$"']/u.test(text.charAt(part.end)) || !PLAIN_IDENTIFIER.test(text.slice(part.at, part.end));
}

function hasTwoDollars(text: string, { at, end }: Part): boolean {
  const word = text.slice(at, end);
  return word.indexOf('$') !== word.lastIndexOf('$');
}

function shortWord(text: string, { at, end }: Part): string {
  return end - at > LONGEST_WORD ? '' : text.slice(at, end).toLowerCase();
}

/** Where the run of words begins that touches a quote: `where a = my secret'` lost its first quote before `my`. */
function startOfWords(tokens: readonly Token[]): number {
  let start = tokens.length;
  while (start > 0 && tokens[start - 1]?.kind !== 'symbol') start -= 1;
  return start;
}

function tokenOf(text: string, { part, spaced }: Seen): Token {
  const written = text.slice(part.at, part.end);
  switch (part.kind) {
    case 'word':
      return written.length > LONGEST_WORD ? literal(spaced) : { kind: 'word', text: written, spaced };
    case 'identifier':
      return { kind: 'identifier', text: written.length > LONGEST_WORD + 2 ? '"…"' : written, spaced };
    case 'parameter':
    case 'symbol':
      return { kind: part.kind, text: written, spaced };
    default:
      return literal(spaced);
  }
}

function literal(spaced: boolean): Token {
  return { kind: 'literal', text: '?', spaced };
}
