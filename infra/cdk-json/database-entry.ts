import * as v from 'valibot';
import { check, demand, excerptOfName, type Fault, InputError, objectOf } from '../../lambda/input/faults.js';
import { label } from '../../lambda/input/settings.js';
import { asKey, propOf } from '../props/naming.js';
import { withIdentifier } from '../props/resolve-props.js';
import { namedRole, type RoleUse, roleClash, serverAt } from '../props/role-clashes.js';
import { faultsTogether, type Parsed } from '../props/rules.js';
import { type Entry, entrySchema } from './entry-schema.js';
import { regionFaults, regionsOf } from './region.js';

/** An entry that holds: what the app needs to know to make a stack. */
export interface DatabaseConfig extends Entry {
  readonly databaseLabel: string;
  /** Where all that the entry names is. */
  readonly region: string | undefined;
}

const entries = 'an object that holds an entry for each database, under its name';

const file = v.object({
  context: v.object({
    databases: v.pipe(
      objectOf(v.string(), v.unknown(), entries),
      v.check((databases) => Object.keys(databases).length > 0, entries),
    ),
  }),
});

/**
 * Reads `context.databases` of `cdk.json`: one entry a database, under its name.
 *
 * @throws InputError with every fault of every entry.
 */
export function parseDatabases(databases: unknown): readonly DatabaseConfig[] {
  const named = demand('cdk.json', file, { context: { databases } }).context.databases;
  const read = Object.entries(named).map(([name, given]) => readEntry(name, given));
  const configs = read.flatMap(({ config }) => config ?? []);
  const faults = [
    ...read.flatMap(({ faults }) => faults),
    ...clashes(Object.keys(named)),
    ...roleClashes(configs.map(roleUse)),
  ];
  if (faults.length > 0) throw new InputError('cdk.json', faults);
  return configs;
}

/** The name of a database's stack, in which there can be neither dots nor underscores. */
export function stackName(database: string): string {
  return `ConnectionReaper-${database.replaceAll(/[._]/g, '-')}`;
}

function clashes(names: readonly string[]): readonly Fault[] {
  return names.flatMap((name, index) => {
    const other = names.slice(0, index).find((before) => stackName(before) === stackName(name));
    return other === undefined
      ? []
      : [
          inFile(name, {
            problem: 'expected a name whose stack is its own',
            got: `that of ${excerptOfName(other)}: ${excerptOfName(stackName(name))}`,
          }),
        ];
  });
}

function roleUse({ databaseLabel, reaperRole, secretArn, adminSecretArn, instances = [] }: DatabaseConfig): RoleUse {
  return {
    reaper: databaseLabel,
    ...namedRole({ reaperRole }, secretArn, 'secretArn'),
    servers: [...(adminSecretArn === undefined ? [] : [adminSecretArn]), ...instances.map(serverAt)],
  };
}

function roleClashes(uses: readonly RoleUse[]): readonly Fault[] {
  return uses.flatMap((use, index) => roleClash(use, uses.slice(0, index)).map((fault) => inFile(use.reaper, fault)));
}

/** Checks an entry: its keys, each by itself, and then what they say together. */
function readEntry(
  name: string,
  written: unknown,
): { readonly faults: readonly Fault[]; readonly config?: DatabaseConfig } {
  const { value: entry, broken, faults: shapes } = check(entrySchema, written);
  const named = check(label, name);
  const faults = [...shapes, ...named.faults, ...(isObject(written) ? together(name, written, entry, broken) : [])];
  if (faults.length > 0) return { faults: faults.map((fault) => inFile(name, fault)) };
  return { faults, config: { ...entry, databaseLabel: name, region: regionsOf(entry)[0]?.region } };
}

/** What the keys of an entry say about each other. */
function together(databaseLabel: string, written: object, entry: Entry, broken: ReadonlySet<string>): readonly Fault[] {
  const value = Object.fromEntries(Object.entries(entry).map(([key, member]) => [propOf(key), member]));
  return [
    ...faultsTogether({
      value: { ...(value as unknown as Parsed), databaseLabel, ...withIdentifiers(entry, broken) },
      broken: new Set([...broken].map(propOf)),
      written: new Set(Object.keys(written).map(propOf)),
      name: asKey,
      roleNamedBy: entry.secretArn === undefined ? undefined : 'secretArn',
    }),
    ...keyFaults(entry),
    ...(['vpc', 'secretArn', 'adminSecretArn'].some((key) => broken.has(key)) ? [] : regionFaults(entry)),
  ];
}

function withIdentifiers({ instances }: Entry, broken: ReadonlySet<string>): Pick<Parsed, 'instances'> {
  return broken.has('instances') || instances === undefined ? {} : { instances: instances.map(withIdentifier) };
}

/** Keys of secrets that are not there. */
function keyFaults(entry: Entry): readonly Fault[] {
  const faults: Fault[] = [];
  if (entry.breakGlassSecretKeyArn !== undefined && entry.breakGlassSecretArn === undefined) {
    faults.push({
      path: 'breakGlassSecretKeyArn',
      problem: 'has no effect without breakGlassSecretArn, whose key it is',
      hint: 'Remove it',
    });
  }
  if (entry.secretKeyArn !== undefined && entry.secretArn === undefined && entry.adminSecretArn === undefined) {
    faults.push({
      path: 'secretKeyArn',
      problem: 'has no effect without secretArn or adminSecretArn, whose key it is',
      hint: 'Remove it',
    });
  }
  return faults;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A fault with its place in the file. */
function inFile(name: string, fault: Fault): Fault {
  const path = ['context.databases', excerptOfName(name), ...(fault.path === undefined ? [] : [fault.path])];
  return { ...fault, path: path.join('.') };
}
