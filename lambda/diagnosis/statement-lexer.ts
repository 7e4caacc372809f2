/** The smallest parts of an SQL text, as PostgreSQL's own scanner splits it (src/backend/parser/scan.l). */

export type PartKind = 'space' | 'comment' | 'quoted' | 'identifier' | 'word' | 'number' | 'parameter' | 'symbol';

/** A part of the text; `at` and `end` as in `String.slice`. */
export interface Part {
  readonly kind: PartKind;
  readonly at: number;
  readonly end: number;
  /**
   * Where a quoted part ends. `cut`: the text ends inside of it. `ambiguous`: that depends on the session's
   * `standard_conforming_strings`, which no other session can see.
   */
  readonly close: 'closed' | 'cut' | 'ambiguous';
}

// Each pattern matches at one place and has no branch that it could try twice: the time is linear in the text.
const SPACE = /[\s\p{Cc}]+/uy;
const LINE_COMMENT = /--[^\n\r]*/y;
const WORD = /(?:[A-Za-z_]|[^\p{ASCII}\s])(?:[\w$]|[^\p{ASCII}\s])*/uy;
/** Also `0x1F`, `1_000`, `1e-5`, and what a person would read as part of the number: `64MB`, `123abc`. */
const NUMBER = /\.?\d(?:[eE][+-]|[\w.$]|[^\p{ASCII}\s])*/uy;
const DOLLAR_WORD = /\$(?:[\w$]|[^\p{ASCII}\s])*/uy;
const DOLLAR_TAG = /\$(?:(?:[A-Za-z_]|[^\p{ASCII}\s])(?:\w|[^\p{ASCII}\s])*)?\$/uy;
/** At most 65535 parameters: longer digits are a value that somebody wrote after a `$`. */
const PARAMETER = /^\$\d{1,5}$/;
const BLOCK_COMMENT_MARK = /\/\*|\*\//g;

const PLAIN_PREFIXES: readonly string[] = ['b', 'n', 'x'];

/** The part that begins at `at`, which is a place before the end of the text. */
export function partAt(text: string, at: number): Part {
  switch (text.charAt(at)) {
    case "'":
      return plainString(text, at, at);
    case '"':
      return doubleQuoted(text, at);
    case '$':
      return dollar(text, at);
    case '/':
      if (text.charAt(at + 1) === '*') return blockComment(text, at);
      break;
  }
  const space = match(SPACE, text, at);
  if (space !== null) return part('space', at, space);
  const comment = match(LINE_COMMENT, text, at);
  if (comment !== null) return part('comment', at, comment);
  const number = match(NUMBER, text, at);
  if (number !== null) return part('number', at, number);
  const word = match(WORD, text, at);
  if (word !== null) return prefixedString(text, at, word) ?? part('word', at, word);
  return part('symbol', at, at + 1);
}

function part(kind: PartKind, at: number, end: number, close: Part['close'] = 'closed'): Part {
  return { kind, at, end, close };
}

function match(pattern: RegExp, text: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : null;
}

/** `E'…'`, `U&'…'`, `N'…'`, `B'…'`, `X'…'`. */
function prefixedString(text: string, at: number, wordEnd: number): Part | null {
  // A long word is none of them, and need not be copied.
  if (wordEnd - at > 1) return null;
  const prefix = text.charAt(at).toLowerCase();
  if (prefix === 'u' && text.startsWith("&'", wordEnd)) return plainString(text, at, wordEnd + 1);
  if (text.charAt(wordEnd) !== "'") return null;
  if (PLAIN_PREFIXES.includes(prefix)) return plainString(text, at, wordEnd);
  if (prefix !== 'e') return null;
  const end = stringEnd(text, wordEnd, true);
  return end === null ? part('quoted', at, text.length, 'cut') : part('quoted', at, end);
}

function plainString(text: string, at: number, quote: number): Part {
  const end = stringEnd(text, quote, false);
  const escapedEnd = stringEnd(text, quote, true);
  if (end !== escapedEnd) return part('quoted', at, text.length, 'ambiguous');
  return end === null ? part('quoted', at, text.length, 'cut') : part('quoted', at, end);
}

function stringEnd(text: string, quote: number, backslashEscapes: boolean): number | null {
  for (let at = quote + 1; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '\\' && backslashEscapes) at += 1;
    else if (char === "'") {
      if (text.charAt(at + 1) !== "'") return at + 1;
      at += 1;
    }
  }
  return null;
}

function doubleQuoted(text: string, at: number): Part {
  for (let close = text.indexOf('"', at + 1); close !== -1; close = text.indexOf('"', close + 2)) {
    if (text.charAt(close + 1) !== '"') return part('identifier', at, close + 1);
  }
  return part('identifier', at, text.length, 'cut');
}

/** `$1`, `$tag$…$tag$`, or a tag that the end of the text cuts. */
function dollar(text: string, at: number): Part {
  const open = match(DOLLAR_TAG, text, at);
  if (open !== null) {
    const tag = text.slice(at, open);
    const close = text.indexOf(tag, open);
    return close === -1 ? part('quoted', at, text.length, 'cut') : part('quoted', at, close + tag.length);
  }
  const end = match(DOLLAR_WORD, text, at) ?? at + 1;
  return part(PARAMETER.test(text.slice(at, end)) ? 'parameter' : 'number', at, end);
}

/** Comments nest in PostgreSQL. */
function blockComment(text: string, at: number): Part {
  BLOCK_COMMENT_MARK.lastIndex = at + 2;
  for (let depth = 1; ; ) {
    const mark = BLOCK_COMMENT_MARK.exec(text);
    if (mark === null) return part('comment', at, text.length, 'cut');
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return part('comment', at, BLOCK_COMMENT_MARK.lastIndex);
  }
}
