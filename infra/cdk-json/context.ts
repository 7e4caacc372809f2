import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { App } from 'aws-cdk-lib';
import { decodeJson, isObject } from '../../lambda/input/faults.js';

/** The entries of all databases as they are written, and the file that they are in. */
export interface WrittenDatabases {
  readonly file: 'cdk.json' | 'databases.json';
  readonly databases: unknown;
}

/** What CDK's command line loses of a context on its way to the app. They are names of roles like any other, or faults. */
const LOST_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * The databases of `databases.json`, where that file exists, instead of those of `cdk.json`: an upgrade changes the latter.
 * Of `cdk.json` with the keys that the command line of CDK loses. Where a context comes from elsewhere (`--context`), it is
 * taken as it comes.
 *
 * @param folder of both files, by default that of the app, from which CDK runs it.
 * @throws InputError when `databases.json` is no JSON.
 */
export function writtenDatabases(app: App, folder = '.'): WrittenDatabases {
  const given: unknown = app.node.tryGetContext('databases');
  const written: unknown = jsonIn(join(folder, 'cdk.json'))?.context?.databases;
  if (!isDeepStrictEqual(withoutLostKeys(written), withoutLostKeys(given)))
    return { file: 'cdk.json', databases: given };
  const own = join(folder, 'databases.json');
  if (!existsSync(own)) return { file: 'cdk.json', databases: written };
  return { file: 'databases.json', databases: withoutSchema(decodeJson('databases.json', readFileSync(own, 'utf8'))) };
}

function jsonIn(file: string) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

/** Editors look for the schema of a file in it. */
function withoutSchema(databases: unknown): unknown {
  if (!isObject(databases)) return databases;
  return Object.fromEntries(Object.entries(databases).filter(([name]) => name !== '$schema'));
}

function withoutLostKeys(value: unknown): unknown {
  if (value === undefined) return undefined;
  return JSON.parse(JSON.stringify(value), (key, member) => (LOST_KEYS.has(key) ? undefined : member));
}
