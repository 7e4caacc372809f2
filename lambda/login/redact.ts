/** Takes the values of secrets out of texts that others wrote. */
import { domainToASCII } from 'node:url';

/** What a secret holds, by the names of its keys. Everything inside of it is secret. */
export type SecretValues = Readonly<Record<string, unknown>>;

/** The keys that a text may name. Any other key could be a secret that was set in the wrong place. */
const NAMED_KEYS: readonly string[] = ['username', 'password', 'host', 'port', 'dbname'];

/** A part of a value that is this long is no accident. Others cut values: PostgreSQL cuts names at 63 bytes. */
const PIECE = 8;

/** What may as well be a word of a message: `connection_reaper` must not hide that the server supports no TLS connections. */
const ORDINARY_WORD = /^[a-z]{1,15}$/;

/** A stretch of a text, and what stands there in its place; `null`: itself. */
interface Mark {
  readonly from: number;
  readonly to: number;
  readonly words: string | null;
}

/**
 * Makes the function that takes the values of secrets out of a text that others wrote: the server, node-postgres, Node.js.
 * Words such as `<host in the secret>` stand in their place. A value is secret whatever its key, since a password may have
 * been set as the user, or a URL as the host.
 *
 * It finds whole values, also in the forms of JSON, SQL, URLs and DNS, and parts of 8 characters or more that are not an
 * ordinary word. A shorter value, or one that is an ordinary word, is found where it stands alone, not inside of a word.
 *
 * @param shown texts that are no secret, since the settings hold them too. They stay, with all that is in them.
 */
export function redactorOf(secrets: readonly SecretValues[], shown: readonly string[] = []): (text: string) => string {
  const wordsFor = new Map([...keysByText(secrets)].map(([text, keys]) => [text, placeholder(keys)]));
  // A value may be part of another one.
  const values = [...wordsFor.keys()].sort((a, b) => b.length - a.length);
  return (text) => {
    const marks: Mark[] = [];
    const add = (from: number, length: number, words: string | null) => {
      const to = from + length;
      if (marks.every((mark) => to <= mark.from || from >= mark.to)) marks.push({ from, to, words });
    };
    for (const value of shown) for (const at of placesOf(value, text)) add(at, value.length, null);
    for (const value of values) {
      for (const at of placesOf(value, text)) add(at, value.length, wordsFor.get(value) ?? null);
    }
    return write(text, [...marks, ...partsOf(values, text, marks)]);
  };
}

/** Every text that a value may be written as, with the keys it was found under; `null` for a key that must not be named. */
function keysByText(secrets: readonly SecretValues[]): ReadonlyMap<string, ReadonlySet<string | null>> {
  const found = new Map<string, Set<string | null>>();
  const add = (value: unknown, key: string | null): void => {
    if (typeof value === 'string' || typeof value === 'number') {
      for (const form of formsOf(String(value))) found.set(form, (found.get(form) ?? new Set()).add(key));
    } else if (typeof value === 'object' && value !== null) {
      for (const member of Object.values(value)) add(member, key);
    }
  };
  for (const secret of secrets) {
    for (const [key, value] of Object.entries(secret)) add(value, NAMED_KEYS.includes(key) ? key : null);
  }
  return found;
}

function formsOf(value: string): readonly string[] {
  // What the servers and encoders make of half a character.
  const wellFormed = value.replace(/\p{Surrogate}/gu, '\uFFFD');
  return [
    value,
    wellFormed,
    JSON.stringify(value).slice(1, -1),
    value.replaceAll('"', '""'),
    value.replaceAll("'", "''"),
    encodeURI(wellFormed),
    encodeURIComponent(wellFormed),
    domainToASCII(wellFormed),
  ]
    .flatMap((form) => [form, form.toLowerCase()])
    .filter((form) => form !== '');
}

function placeholder(keys: ReadonlySet<string | null>): string {
  const named = NAMED_KEYS.filter((key) => keys.has(key)).join(' or ');
  return named === '' ? '<a value in the secret>' : `<${named} in the secret>`;
}

function placesOf(value: string, text: string): readonly number[] {
  const places: number[] = [];
  for (let at = text.indexOf(value); at !== -1; at = text.indexOf(value, at + 1)) {
    const isDistinct = value.length >= PIECE && !ORDINARY_WORD.test(value);
    if (isDistinct || standsAlone(text, at, at + value.length)) places.push(at);
  }
  return places;
}

function standsAlone(text: string, from: number, to: number): boolean {
  return !isInsideWord(text, from) && !isInsideWord(text, to);
}

const WORD = /[\p{L}\p{N}_]/u;

function isInsideWord(text: string, at: number): boolean {
  return WORD.test(text.charAt(at - 1)) && WORD.test(text.charAt(at));
}

/** The stretches without a mark that parts of values take up, those that touch or overlap as one. */
function partsOf(values: readonly string[], text: string, marks: readonly Mark[]): readonly Mark[] {
  const pieces = new Set<string>();
  for (const value of values) {
    for (let at = 0; at + PIECE <= value.length; at += 1) pieces.add(value.slice(at, at + PIECE));
  }
  const parts: { from: number; to: number; words: string }[] = [];
  for (let from = 0; from + PIECE <= text.length; from += 1) {
    const to = from + PIECE;
    if (!pieces.has(text.slice(from, to)) || marks.some((mark) => from < mark.to && to > mark.from)) continue;
    const last = parts.at(-1);
    if (last !== undefined && from <= last.to) last.to = to;
    else parts.push({ from, to, words: '<part of a value in the secret>' });
  }
  return parts.filter(({ from, to }) => !ORDINARY_WORD.test(text.slice(from, to)));
}

function write(text: string, marks: readonly Mark[]): string {
  let written = '';
  let at = 0;
  for (const { from, to, words } of [...marks].sort((a, b) => a.from - b.from)) {
    written += text.slice(at, from) + (words ?? text.slice(from, to));
    at = to;
  }
  return written + text.slice(at);
}
