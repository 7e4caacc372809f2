import * as v from 'valibot';
import { printable } from './printable.js';

/** One thing that is wrong with an input. */
export interface Fault {
  /** The keys that lead to the value, with dots; absent for the input as a whole. */
  readonly path?: string;
  /** What is wrong: what was expected, or that it is missing. */
  readonly problem: string;
  /** What was there, as far as it may be quoted. */
  readonly got?: string;
  /** What to do. */
  readonly hint?: string;
}

/** A fault as people read it: `mode: expected "enforce" or "preview", got "watch". What to do.` */
export function faultText({ path, problem, got, hint }: Fault): string {
  return [path && `${path}: `, problem, got && `, got ${got}`, hint && `. ${hint}.`].filter(Boolean).join('');
}

/**
 * Input from outside (settings, an event, a secret) that cannot be used. Raised before anything is touched; holds every
 * fault of the input, not just the first.
 */
export class InputError extends Error {
  override readonly name = 'InputError';

  constructor(
    /** What was read: "event", "REAPER_SETTINGS", … */
    readonly source: string,
    readonly faults: readonly Fault[],
  ) {
    super(`${source} can't be used:\n${faults.map((fault) => `- ${faultText(fault)}`).join('\n')}`);
  }
}

/** The most that one check tells. An input of a megabyte could otherwise have a fault for every few bytes. */
const MOST = { faults: 20, unknownKeys: 10 };

/** The most characters that a fault quotes of its input: 200 in all, the name of a database in `cdk.json` included. */
const MOST_QUOTED = { name: 64, path: 76, value: 60 };

/** What several keys of an input must be together. The fault is at the first of them. */
export type KeyRule<Value> = readonly [
  keys: readonly (keyof Value & string)[],
  holds: (value: Value) => boolean,
  expected: string,
];

/** What a check found: the value is as the schema makes it, except for the keys that are broken. */
export interface Checked<Value> {
  readonly value: Value;
  /** The paths of what is broken, and of all that it is in: `alarms`, `alarms.RoleNearLimit`, … */
  readonly broken: ReadonlySet<string>;
  readonly faults: readonly Fault[];
}

/**
 * Holds untrusted input against a schema, and against rules as far as the keys that they are about are sound.
 *
 * Messages in the schemas say what is expected ("a whole number from 1 to 500"); this adds where and what was there. Both
 * the number of the faults and what each of them quotes of the input are bounded.
 *
 * @param quote shows a value in a fault.
 */
export function check<Schema extends v.GenericSchema>(
  schema: Schema,
  input: unknown,
  rules: readonly KeyRule<v.InferOutput<Schema>>[] = [],
  quote = excerpt,
): Checked<v.InferOutput<Schema>> {
  const { output, issues = [] } = v.safeParse(schema, input);
  const value = output as v.InferOutput<Schema>;
  const paths = issues.map(({ path = [] }) => path.map(({ key }) => String(key)));
  const broken = new Set(paths.flatMap((path) => path.map((_, index) => path.slice(0, index + 1).join('.'))));
  const hidden = issues.length - MOST.faults;
  return {
    value,
    broken,
    faults: [
      ...issues.slice(0, MOST.faults).map((issue) => describeIssue(issue, quote)),
      ...(hidden > 0 ? [{ problem: `and ${hidden} more faults` }] : []),
      ...(isObject(input) ? ruleFaults(rules, value, broken) : []),
    ],
  };
}

/** The faults of the rules whose keys are all sound. */
export function ruleFaults<Value>(
  rules: readonly KeyRule<Value>[],
  value: Value,
  broken: ReadonlySet<string>,
): readonly Fault[] {
  return rules.flatMap(([keys, holds, expected]) => {
    const [path] = keys;
    if (path === undefined || keys.some((key) => broken.has(key)) || holds(value)) return [];
    return [{ path, problem: `expected ${expected}`, got: excerpt(value[path]) }];
  });
}

/** Like {@link check}, for callers who can't go on: throws an {@link InputError} with every fault. */
export function demand<Schema extends v.GenericSchema>(
  source: string,
  schema: Schema,
  input: unknown,
  rules?: readonly KeyRule<v.InferOutput<Schema>>[],
): v.InferOutput<Schema> {
  const { value, faults } = check(schema, input, rules);
  if (faults.length > 0) throw new InputError(source, faults);
  return value;
}

/** Decodes JSON; what isn't JSON is an {@link InputError}, which does not quote the text. */
export function decodeJson(source: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No `cause`: the engine's message quotes the text.
    throw new InputError(source, [{ problem: 'expected JSON', got: `${text.length} characters that are not` }]);
  }
}

/**
 * An object with these keys and no others. Unlike valibot's own schemas it reports every unknown key, `__proto__`,
 * `constructor` and `prototype` too, and does not accept a list. After the first few it counts the unknown keys.
 */
export function exactObject<const Entries extends v.ObjectEntries>(
  entries: Entries,
): v.GenericSchema<v.InferInput<v.ObjectSchema<Entries, string>>, v.InferOutput<v.ObjectSchema<Entries, string>>> {
  const keys = Object.keys(entries).join(', ');
  const expected = `an object with the keys ${keys}`;
  const unknownKey = v.never();
  const known = v.object(entries, expected);
  return {
    // For those who read schemas, such as the converter to JSON Schema.
    ...v.objectWithRest(entries, unknownKey, expected),
    '~run'(dataset, config) {
      const input = dataset.value;
      if (!isObject(input)) return notAnObject(known, dataset, config);
      const checked = known['~run'](dataset, config);
      const unknown = Object.keys(input).filter((key) => !Object.hasOwn(entries, key));
      for (const key of unknown.slice(0, MOST.unknownKeys)) {
        v._addIssue(unknownKey, 'key', checked, config, {
          message: `unknown key, ${nearMiss(key, Object.keys(entries)) ?? `expected one of the keys ${keys}`}`,
          path: [step('key', input, key)],
        });
      }
      const untold = unknown.length - MOST.unknownKeys;
      if (untold > 0) v._addIssue(unknownKey, 'key', checked, config, { message: `and ${untold} more unknown keys` });
      return checked;
    },
  };
}

/**
 * An object by names that are not known beforehand. Unlike valibot's own schema it keeps the names `__proto__`,
 * `constructor` and `prototype`, and does not accept a list. Look names up with `Object.hasOwn`.
 */
export function objectOf<Input, Output>(
  name: v.GenericSchema<string>,
  value: v.GenericSchema<Input, Output>,
  expected: string,
): v.GenericSchema<Record<string, Input>, Record<string, Output>> {
  const record = v.record(name, value, expected);
  return {
    ...record,
    '~run'(dataset, config) {
      const input = dataset.value;
      if (!isObject(input)) return notAnObject(record, dataset, config);
      const issues: v.BaseIssue<unknown>[] = [];
      const entries = Object.keys(input).map((key): [string, Output] => {
        const named = name['~run']({ value: key }, config);
        const valued = value['~run']({ value: input[key] }, config);
        for (const issue of named.issues ?? []) issues.push({ ...issue, path: [step('key', input, key)] });
        for (const issue of valued.issues ?? []) {
          issues.push({ ...issue, path: [step('value', input, key), ...(issue.path ?? [])] });
        }
        return [key, valued.value as Output];
      });
      const [first, ...rest] = issues;
      // An assignment would set the prototype by the name of it.
      const output = Object.fromEntries(entries);
      if (first === undefined) return { typed: true, value: output };
      return { typed: false, value: output, issues: [first, ...rest] };
    },
  };
}

/** Asks for the known name that an unknown one is at most two edits, or a fifth of its length, away from. */
function nearMiss(name: string, known: readonly string[]): string | undefined {
  const near = known.find((one) => {
    const most = Math.max(2, one.length / 5);
    return Math.abs(one.length - name.length) <= most && edits(name, one) <= Math.min(most, one.length - 1);
  });
  return near && `did you mean ${near}?`;
}

/** The Levenshtein distance. */
function edits(a: string, b: string): number {
  let row = Array.from(`${b} `, (_, index) => index);
  for (const character of a) {
    const next = [(row[0] ?? 0) + 1];
    for (const [at, up] of row.slice(1).entries()) {
      next.push(Math.min((next[at] ?? 0) + 1, up + 1, (row[at] ?? 0) + Number(character !== b[at])));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** Whether a value is an object, and not a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notAnObject(
  schema: v.GenericSchema,
  dataset: v.UnknownDataset,
  config: v.Config<v.BaseIssue<unknown>>,
): v.FailureDataset<v.BaseIssue<unknown>> {
  v._addIssue(schema, 'type', dataset, config);
  return dataset as v.UnknownDataset & v.FailureDataset<v.BaseIssue<unknown>>;
}

function step(origin: 'key' | 'value', input: Record<string, unknown>, key: string): v.ObjectPathItem {
  return { type: 'object', origin, input, key, value: input[key] };
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

function describeIssue(issue: v.BaseIssue<unknown>, quote: typeof excerpt): Fault {
  const path = issue.path && cut(printable(issue.path.map(({ key }) => String(key)).join('.')), MOST_QUOTED.path);
  const where = path === undefined ? {} : { path };
  if (issue.type === 'never') return { ...where, problem: issue.message };
  if (path !== undefined && issue.received === 'undefined') return { path, problem: 'missing' };
  return { ...where, problem: `expected ${issue.message}`, got: quote(issue.input) };
}

/** What a fault quotes of a value: its JSON, up to 60 characters of it. */
export function excerpt(value: unknown): string {
  try {
    return cut(printable(JSON.stringify(value) ?? 'nothing'), MOST_QUOTED.value);
  } catch {
    // A RangeError: thousands of lists within lists are more than the stack holds.
    return 'a value that is nested too deeply to be shown';
  }
}

/** What a fault quotes of a name. */
export function excerptOfName(name: string, most = MOST_QUOTED.name): string {
  return cut(printable(name), most);
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 3)}...` : text;
}
