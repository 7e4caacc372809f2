import * as v from 'valibot';

/**
 * Input from outside (settings, an event, a secret) that cannot be used. Raised before anything is touched; holds every
 * fault of the input, not just the first.
 */
export class InputError extends Error {
  override readonly name = 'InputError';

  constructor(
    /** What was read: "event", "REAPER_SETTINGS", … */
    readonly source: string,
    /** One line a fault: path, what was expected, what was there. */
    readonly faults: readonly string[],
  ) {
    super(`${source} can't be used:\n${faults.map((fault) => `- ${fault}`).join('\n')}`);
  }
}

/** What a schema gives: the value it makes of the input, or every fault it found. */
export type Checked<Value> =
  | { readonly value: Value; readonly faults?: never }
  | { readonly value?: never; readonly faults: readonly [string, ...string[]] };

/**
 * Holds untrusted input against a schema.
 *
 * Messages in the schemas say what is expected ("a whole number from 1 to 500"); this adds where and what was there.
 *
 * @param quote false for secrets: the faults then name paths and never a value.
 */
export function check<Schema extends v.GenericSchema>(
  schema: Schema,
  input: unknown,
  { quote = true }: { readonly quote?: boolean } = {},
): Checked<v.InferOutput<Schema>> {
  const result = v.safeParse(schema, input);
  if (result.success) return { value: result.output };
  const [first, ...rest] = result.issues;
  const describe = (issue: v.BaseIssue<unknown>): string => describeIssue(issue, quote);
  return { faults: [describe(first), ...rest.map(describe)] };
}

/** Like {@link check}, for callers who can't go on: throws an {@link InputError} with every fault. */
export function demand<Schema extends v.GenericSchema>(
  source: string,
  schema: Schema,
  input: unknown,
  options?: { readonly quote?: boolean },
): v.InferOutput<Schema> {
  const checked = check(schema, input, options);
  if (checked.faults) throw new InputError(source, checked.faults);
  return checked.value;
}

/** Decodes JSON; what isn't JSON is an {@link InputError}. The text itself is never quoted, since it may be a secret. */
export function decodeJson(source: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No `cause`: the engine's message quotes the text.
    throw new InputError(source, [`expected JSON, got ${text.length} characters that are not`]);
  }
}

/** An object with these keys and no others. Unlike valibot's `strictObject` it reports every unknown key, not the first. */
export function exactObject<const Entries extends v.ObjectEntries>(
  entries: Entries,
): v.GenericSchema<v.InferInput<v.ObjectSchema<Entries, string>>, v.InferOutput<v.ObjectSchema<Entries, string>>> {
  const keys = Object.keys(entries).join(', ');
  return v.objectWithRest(entries, v.never(`one of the keys ${keys}`), `an object with the keys ${keys}`);
}

/** A whole number in a range. A value that is off in two ways is one fault. */
export function wholeNumber(from: number, to: number, unit = 'a whole number'): v.GenericSchema<number> {
  const message = `${unit} from ${from} to ${to}`;
  return v.config(v.pipe(v.number(message), v.integer(message), v.minValue(from, message), v.maxValue(to, message)), {
    abortPipeEarly: true,
  });
}

/** Text of a certain form. */
export function textLike(pattern: RegExp, expected: string): v.GenericSchema<string> {
  return v.pipe(v.string(expected), v.regex(pattern, expected));
}

function describeIssue(issue: v.BaseIssue<unknown>, quote: boolean): string {
  const path = v.getDotPath(issue);
  const where = path === null ? '' : `${path}: `;
  if (issue.type === 'never') return `${where}unknown key, expected ${issue.message}`;
  if (path !== null && issue.received === 'undefined') return `${where}missing`;
  // A check of several keys has all of them for its input, and one of them in its path.
  const input = issue.path === undefined ? issue.input : issue.path.at(-1)?.value;
  return `${where}expected ${issue.message}${quote ? `, got ${excerpt(input)}` : ''}`;
}

function excerpt(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > 80 ? `${json.slice(0, 77)}...` : json;
}
