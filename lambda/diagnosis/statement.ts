/** What may be shown of a statement that somebody else wrote: its text without literals, and where its code is. */
import { readTags, type StatementTags } from './statement-tags.js';
import { readTokens, type Token } from './statement-tokens.js';

export interface RedactedStatement {
  /**
   * One printable line of at most 300 characters, with `?` for each literal and `(…)` for each list of values. Equal for
   * texts that differ only in literals, in the length of lists, in comments and in the width of white space, so
   * connections can be grouped by it.
   */
  readonly text: string;
  readonly tags: StatementTags;
}

const LONGEST_TEXT = 300;

/** Words before which `-` is a sign and does not subtract. */
const BEFORE_SIGN = ['select', 'between', 'and', 'or', 'then', 'else', 'limit', 'offset', 'by'];

/**
 * Removes every literal and comment from an SQL text, which may be cut at its end or not be valid SQL.
 *
 * Names stay. A value that a program put into its SQL without quotes looks like the name of a column, and stays too.
 *
 * @param text a statement as `pg_stat_activity.query` shows it.
 */
export function redactStatement(text: string): RedactedStatement {
  const { tokens, comments } = readTokens(text);
  return { text: written(foldLists(withoutSigns(withoutSettings(withoutTruth(tokens))))), tags: readTags(comments) };
}

/** `true` and `false` are values too, except in `IS NOT TRUE`. */
function withoutTruth(tokens: readonly Token[]): readonly Token[] {
  return tokens.map((token, index) => {
    const isTruth = isWord(token, 'true') || isWord(token, 'false');
    const before = tokens[index - 1];
    return isTruth && !isWord(before, 'is') && !isWord(before, 'not')
      ? { ...token, kind: 'literal', text: '?' }
      : token;
  });
}

/** In `SET x = v`, `SET x TO v`, `SET TIME ZONE v`, also of `ALTER ROLE`, every token of the value becomes one `?`. */
function withoutSettings(tokens: readonly Token[]): readonly Token[] {
  const kept: Token[] = [];
  let command: Token | undefined;
  let place: 'outside' | 'name' | 'value' | 'hidden' = 'outside';
  for (const token of tokens) {
    if (token.text === ';') {
      command = undefined;
      place = 'outside';
    } else if (place === 'value' && token.kind !== 'rest') {
      kept.push({ kind: 'literal', text: '?', spaced: token.spaced });
      place = 'hidden';
      continue;
    } else if (place === 'hidden') {
      continue;
    } else {
      place = nextPlace(place, token, command);
      command ??= token;
    }
    kept.push(token);
  }
  return kept;
}

/** Before the value: whether a setting is named, and whether the next token is its value. */
function nextPlace(
  place: 'outside' | 'name' | 'value' | 'hidden',
  token: Token,
  command: Token | undefined,
): 'outside' | 'name' | 'value' {
  if (place === 'name') {
    if (token.text === '=' || ['to', 'zone', 'names'].some((word) => isWord(token, word))) return 'value';
    return token.kind === 'symbol' && token.text !== '.' ? 'outside' : 'name';
  }
  // The SET of an UPDATE names columns.
  const sets = command === undefined || isWord(command, 'alter') || isWord(command, 'create');
  return sets && isWord(token, 'set') ? 'name' : 'outside';
}

/** The sign of a number belongs to the literal: `= -?` and `= ?` are one statement. */
function withoutSigns(tokens: readonly Token[]): readonly Token[] {
  const kept: Token[] = [];
  let signSpaced = false;
  for (const [index, token] of tokens.entries()) {
    if (isSign(token, tokens[index - 1], tokens[index + 1])) {
      signSpaced ||= token.spaced;
      continue;
    }
    kept.push(signSpaced ? { ...token, spaced: true } : token);
    signSpaced = false;
  }
  return kept;
}

function isSign(token: Token, before: Token | undefined, after: Token | undefined): boolean {
  if (token.text !== '-' && token.text !== '+') return false;
  if (after === undefined || after.kind !== 'literal' || after.spaced) return false;
  if (before?.kind === 'symbol') return before.text !== ')' && before.text !== ']';
  return BEFORE_SIGN.some((word) => isWord(before, word));
}

/** `IN (?, $1)`, `VALUES (?, now()), (?, now())` and `ARRAY[?, ?]` become `IN (…)`, `VALUES (…)` and `ARRAY[…]`. */
function foldLists(tokens: readonly Token[]): readonly Token[] {
  const kept: Token[] = [];
  for (let index = 0; index < tokens.length; ) {
    const token = tokens[index] as Token;
    kept.push(token);
    index += 1;
    const end = listEnd(tokens, index, token);
    if (end === null) continue;
    const text = isWord(token, 'array') ? '[…]' : '(…)';
    kept.push({ kind: 'rest', text, spaced: text === '(…)' });
    index = end;
  }
  return kept;
}

/** Where the list of values ends that begins at `index`, behind the word `token`. `null`: none begins there. */
function listEnd(tokens: readonly Token[], index: number, token: Token): number | null {
  if (isWord(token, 'in')) return closing(tokens, index, '(', isPlainValue);
  if (isWord(token, 'array')) return closing(tokens, index, '[', isPlainValue);
  if (!isWord(token, 'values')) return null;
  let end = closing(tokens, index, '(', isAnything);
  for (let next = end; next !== null && tokens[next]?.text === ','; ) {
    next = closing(tokens, next + 1, '(', isAnything);
    if (next !== null) end = next;
  }
  // The comma at which the text was cut.
  return end !== null && end === tokens.length - 1 && tokens[end]?.text === ',' ? end + 1 : end;
}

/** The place behind the bracket that closes the one at `index`, or behind the last token where the text is cut. */
function closing(
  tokens: readonly Token[],
  index: number,
  open: string,
  accepts: (token: Token, before: Token) => boolean,
): number | null {
  if (tokens[index]?.text !== open) return null;
  let depth = 1;
  for (let at = index + 1; at < tokens.length; at += 1) {
    const token = tokens[at] as Token;
    if (token.text === '(' || token.text === '[') depth += 1;
    else if (token.text === ')' || token.text === ']') depth -= 1;
    else if (!accepts(token, tokens[at - 1] as Token)) return null;
    if (depth === 0) return at + 1;
  }
  return tokens.length;
}

function isAnything(): boolean {
  return true;
}

/** A value, a comma, or a part of a cast such as `?::uuid`. */
function isPlainValue(token: Token, before: Token): boolean {
  if (token.kind !== 'word') return token.kind !== 'identifier' && !'*/<>='.includes(token.text);
  // A list within a list is folded by itself. To read it with each list around it would take time in square.
  if (isWord(token, 'in') || isWord(token, 'array')) return false;
  return before.text === ':' || isWord(token, 'null') || isWord(token, 'default');
}

function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === 'word' && token.text.length === word.length && token.text.toLowerCase() === word;
}

function written(tokens: readonly Token[]): string {
  const line = tokens
    .map(({ text, spaced }) => (spaced ? ` ${text}` : text))
    .join('')
    .replace(/\p{Z}/gu, ' ')
    .replace(/\p{C}/gu, '')
    .trim();
  // Half a character may stand where the line is cut.
  return line.length <= LONGEST_TEXT ? line : `${line.slice(0, LONGEST_TEXT - 1).replace(/\p{Surrogate}$/u, '')}…`;
}
