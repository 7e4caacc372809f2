/** A word, sign, number or quoted text of one of CloudWatch's small languages. */
interface Token {
  readonly kind: string;
  /** As it is written; of a quoted text, what is between the quotes. */
  readonly text: string;
  /** As it is written, with its quotes. */
  readonly length: number;
}

/** The signs and words that a language reads by themselves; what is in quotes is never one. */
const PLAIN = ['word', 'sign'];

/**
 * Reads a text of a small language token by token. What the language's tokens don't cover is an error, and so is whatever
 * the parser did not ask for: nothing of a query is ever passed over.
 */
export class TokenReader<Kind extends string> {
  private rest: string;

  /** @param kinds how each kind of token looks; what is in quotes is the first capturing group. */
  constructor(
    private readonly text: string,
    private readonly kinds: Readonly<Record<Kind, RegExp>>,
  ) {
    this.rest = text.trimStart();
  }

  /** Takes the next token if it is one of these signs or words. */
  take(...texts: readonly string[]): string | undefined {
    const { kind, text } = this.next;
    return PLAIN.includes(kind) && texts.includes(text) ? this.shift() : undefined;
  }

  /** Takes the next token if it is of a kind. */
  takeKind(kind: Kind): string | undefined {
    return this.next.kind === kind ? this.shift() : undefined;
  }

  /** Takes signs and words that must follow one after the other. */
  demand(...texts: readonly string[]): void {
    for (const text of texts) if (this.take(text) === undefined) throw this.unexpected(text);
  }

  /** Takes a token of a kind that must follow. */
  demandKind(kind: Kind, expected: string): string {
    const text = this.takeKind(kind);
    if (text === undefined) throw this.unexpected(expected);
    return text;
  }

  /** Items with commas between them. */
  list<Item>(item: () => Item): Item[] {
    const items = [item()];
    while (this.take(',') !== undefined) items.push(item());
    return items;
  }

  /** Says that all must have been read. */
  demandEnd(): void {
    if (this.next.kind !== 'end') throw this.unexpected('its end');
  }

  /** Tells what would have been right in place of the next token. */
  unexpected(expected: string): Error {
    return this.error(`expected ${expected}, got ${this.next.text}`);
  }

  /** Tells what is wrong with the text. */
  error(message: string): Error {
    return new Error(`${message}, in: ${this.text}`);
  }

  private get next(): Token {
    if (this.rest === '') return { kind: 'end', text: 'its end', length: 0 };
    for (const [kind, pattern] of Object.entries<RegExp>(this.kinds)) {
      const match = pattern.exec(this.rest);
      if (match?.index !== 0) continue;
      // In quotes, a backslash makes the next sign mean itself.
      const text = match[1]?.replaceAll(/\\(.)/g, '$1') ?? match[0];
      return { kind, text, length: match[0].length };
    }
    throw this.error(`"${this.rest}" begins with nothing that is known`);
  }

  private shift(): string {
    const { text, length } = this.next;
    this.rest = this.rest.slice(length).trimStart();
    return text;
  }
}
