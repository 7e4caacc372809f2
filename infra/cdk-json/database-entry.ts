import * as v from 'valibot';
import { check, demand, excerptOfName, type Fault, InputError, isObject, objectOf } from '../../lambda/input/faults.js';
import { label } from '../../lambda/input/settings.js';
import { functionSettings } from '../props/function-settings.js';
import { asKey, propOf } from '../props/naming.js';
import { withIdentifier } from '../props/resolve-props.js';
import type { ParsedProps } from '../props/resolved-props.js';
import { roleClash, roleUse } from '../props/role-clashes.js';
import { DEFAULT_INTERVAL, DEFAULT_TIMEOUT, faultsTogether, unused } from '../props/rules.js';
import type { WrittenDatabases } from './context.js';
import { type Entry, entrySchema } from './entry-schema.js';
import { regionFaults, regionsOf } from './region.js';

/** An entry that holds, resolved as far as that needs no constructs. */
export interface DatabaseConfig extends Omit<Entry, keyof ParsedProps>, ParsedProps {
  readonly databaseLabel: string;
  /** Where all that the entry names is. */
  readonly region: string | undefined;
}

const entries = 'an object that holds an entry for each database, under its name';

const named = v.pipe(
  objectOf(v.string(), v.unknown(), entries),
  v.check((databases) => Object.keys(databases).length > 0, entries),
);

const inContext = v.object({ context: v.object({ databases: named }) });

/**
 * Reads `context.databases` of `cdk.json`, or the whole of `databases.json`: one entry a database, under its name.
 *
 * @throws InputError with every fault of every entry.
 */
export function parseDatabases(
  databases: unknown,
  file: WrittenDatabases['file'] = 'cdk.json',
): readonly DatabaseConfig[] {
  const isContext = file === 'cdk.json';
  const entries = isContext
    ? demand(file, inContext, { context: { databases } }).context.databases
    : demand(file, named, databases);
  const read = Object.entries(entries).map(([name, given]) => readEntry(name, given));
  const configs = read.flatMap(({ config }) => config ?? []);
  const faults = [...read.flatMap(({ faults }) => faults), ...clashes(Object.keys(entries)), ...roleClashes(configs)];
  if (faults.length > 0) {
    const inFile = isContext ? faults.map((fault) => ({ ...fault, path: `context.databases.${fault.path}` })) : faults;
    throw new InputError(file, inFile);
  }
  return configs;
}

/** The name of a database's stack, in which there can be neither dots nor underscores. */
export function stackName(database: string): string {
  return `ConnectionReaper-${database.replaceAll(/[._]/g, '-')}`;
}

function clashes(names: readonly string[]): readonly Fault[] {
  return names.flatMap((name, index) => {
    const other = names.slice(0, index).find((before) => stackName(before) === stackName(name));
    if (other === undefined) return [];
    const got = `that of ${excerptOfName(other)}: ${excerptOfName(stackName(name))}`;
    return [inEntry(name, { problem: 'expected a name whose stack is its own', got })];
  });
}

function roleClashes(configs: readonly DatabaseConfig[]): readonly Fault[] {
  const uses = configs.map((config) => roleUse(config.databaseLabel, config, asKey));
  return uses.flatMap((use, index) => roleClash(use, uses.slice(0, index)).map((fault) => inEntry(use.reaper, fault)));
}

/** Checks and resolves an entry: its keys, each by itself, and then what they say together. */
function readEntry(name: string, written: unknown): { faults: readonly Fault[]; config?: DatabaseConfig } {
  const { value, broken, faults: shapes } = check(entrySchema, written);
  const named = check(label, name);
  if (!isObject(written)) return { faults: [...shapes, ...named.faults].map((fault) => inEntry(name, fault)) };
  // Each alarm is checked by itself.
  const holds = ([key]: [string, unknown]) => key === 'alarms' || !broken.has(key);
  const entry = Object.fromEntries(Object.entries(value).filter(holds)) as Entry;
  const props = resolveEntry(name, entry);
  const faults = [
    ...shapes,
    ...named.faults,
    ...faultsTogether({
      value: props,
      broken: new Set([...broken].map(propOf)),
      written: new Set(Object.keys(written).map(propOf)),
      name: asKey,
    }),
    ...keyFaults(entry),
    ...(['vpc', 'secretArn', 'adminSecretArn'].some((key) => broken.has(key)) ? [] : regionFaults(entry)),
  ];
  if (faults.length > 0) return { faults: faults.map((fault) => inEntry(name, fault)) };
  return { faults, config: { ...entry, ...props, region: regionsOf(entry)[0]?.region } };
}

/** An entry in the form of props, with its defaults and the settings of the function. */
function resolveEntry(databaseLabel: string, entry: Entry): ParsedProps & { readonly databaseLabel: string } {
  const props = {
    ...entry,
    databaseLabel,
    instances: entry.instances?.map(withIdentifier),
    secret: referenceTo(entry.secretArn),
    adminSecret: referenceTo(entry.adminSecretArn),
    breakGlassSecret: referenceTo(entry.breakGlassSecretArn),
    alarmTopic: entry.alarmTopicArn,
    pageTopic: entry.pageTopicArn,
    topicEncryptionKey: entry.topicEncryptionKeyArn,
    interval: entry.interval ?? DEFAULT_INTERVAL[entry.trigger],
    timeout: entry.timeout ?? DEFAULT_TIMEOUT,
  };
  const { reaperRole, ...others } = props;
  // A secret names the role itself.
  return { ...props, settings: functionSettings(entry.secretArn === undefined ? props : others) };
}

function referenceTo(secretArn: string | undefined) {
  return secretArn === undefined ? undefined : { secretArn };
}

/** Keys of secrets that are not there. */
function keyFaults(entry: Entry): readonly Fault[] {
  const { secretArn, adminSecretArn, secretKeyArn, breakGlassSecretArn, breakGlassSecretKeyArn } = entry;
  const faults: Fault[] = [];
  if (breakGlassSecretKeyArn !== undefined && breakGlassSecretArn === undefined) {
    faults.push(unused('breakGlassSecretKeyArn', ' without breakGlassSecretArn, whose key it is'));
  }
  if (secretKeyArn !== undefined && (secretArn ?? adminSecretArn) === undefined) {
    faults.push(unused('secretKeyArn', ' without secretArn or adminSecretArn, whose key it is'));
  }
  return faults;
}

/** A fault with its place among the entries. */
function inEntry(name: string, fault: Fault): Fault {
  return { ...fault, path: [excerptOfName(name), ...(fault.path === undefined ? [] : [fault.path])].join('.') };
}
