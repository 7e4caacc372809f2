import { BlockList, isIP } from 'node:net';
import * as v from 'valibot';

/** Says whether a value is meant. `null` (the server did not say) is never meant. */
export type Matcher = (value: string | null) => boolean;

/**
 * Compiles a glob: `*` is any run of characters, `?` is one, `\` takes the next one literally. Everything else, brackets
 * and slashes included, stands for itself, since application names are free text and not paths.
 */
export function globMatcher(glob: string): Matcher {
  const pattern = parseGlob(glob);
  // The shortest text it can match. It also bounds the pattern by the text, which PostgreSQL keeps at 63 bytes.
  const least = pattern.filter((part) => part !== ANY_RUN).length;
  return (value) => value !== null && value.length >= least && matchesAll(pattern, [...value]);
}

const ANY_RUN = Symbol('*');
const ANY_CHARACTER = Symbol('?');
type GlobPart = string | typeof ANY_RUN | typeof ANY_CHARACTER;

function parseGlob(glob: string): readonly GlobPart[] {
  const pattern: GlobPart[] = [];
  let isLiteral = false;
  for (const character of glob) {
    if (character === '\\' && !isLiteral) {
      isLiteral = true;
      continue;
    }
    if (isLiteral || (character !== '*' && character !== '?')) pattern.push(character);
    else if (character === '?') pattern.push(ANY_CHARACTER);
    // Two in a row mean the same as one.
    else if (pattern.at(-1) !== ANY_RUN) pattern.push(ANY_RUN);
    isLiteral = false;
  }
  return pattern;
}

/**
 * Each `*` takes as little as it can. When the rest does not fit, only the last `*` takes one character more: what stands
 * before it fits already, and the earliest place leaves the most for the rest. So there are at most as many steps as the
 * lengths of pattern and text multiplied, where a regular expression may need exponentially many.
 */
function matchesAll(pattern: readonly GlobPart[], text: readonly string[]): boolean {
  let part = 0;
  let at = 0;
  let lastRun: { readonly next: number; end: number } | null = null;
  while (at < text.length) {
    if (pattern[part] === ANY_RUN) {
      part += 1;
      lastRun = { next: part, end: at };
    } else if (part < pattern.length && (pattern[part] === ANY_CHARACTER || pattern[part] === text[at])) {
      part += 1;
      at += 1;
    } else if (lastRun === null) {
      return false;
    } else {
      lastRun.end += 1;
      part = lastRun.next;
      at = lastRun.end;
    }
  }
  return pattern.slice(part).every((rest) => rest === ANY_RUN);
}

/**
 * Compiles a CIDR block, `10.0.0.0/8` or `2001:db8::/32`; a bare address is a block of one. An IPv4 block also holds the
 * IPv4-mapped form of its addresses.
 *
 * @throws TypeError when the text isn't one; {@link cidr} checks beforehand.
 */
export function cidrMatcher(text: string): Matcher {
  const block = parseCidr(text);
  if (block === null) throw new TypeError(`expected an address or a CIDR block, got ${JSON.stringify(text)}`);
  const list = new BlockList();
  list.addSubnet(block.address, block.prefix, block.family);
  return (value) => {
    if (value === null) return false;
    const version = isIP(value);
    return version !== 0 && list.check(value, version === 4 ? 'ipv4' : 'ipv6');
  };
}

/** Combines matchers of one kind: meant by any of them. Of none, nothing is meant. */
export function anyOf(matchers: readonly Matcher[]): Matcher {
  return (value) => matchers.some((matches) => matches(value));
}

/** A glob in settings and events. */
export const glob = v.pipe(
  v.string('a glob such as "checkout*"'),
  v.minLength(1, 'a glob such as "checkout*"; "(none)" is the name of the unnamed'),
  v.maxLength(255, 'a glob of at most 255 characters'),
);

/** An address or CIDR block in settings and events. */
export const cidr = v.pipe(
  v.string('an address or CIDR block such as "10.1.0.0/16"'),
  v.check((text) => parseCidr(text) !== null, 'an address or CIDR block such as "10.1.0.0/16"'),
);

function parseCidr(text: string): { address: string; prefix: number; family: 'ipv4' | 'ipv6' } | null {
  const [address = '', prefixText, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return null;
  const longest = version === 4 ? 32 : 128;
  if (prefixText !== undefined && !/^\d{1,3}$/.test(prefixText)) return null;
  const prefix = prefixText === undefined ? longest : Number(prefixText);
  if (prefix > longest) return null;
  return { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' };
}
