import { existsSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { App } from 'aws-cdk-lib';

/** What CDK's command line loses of a context on its way to the app. They are names of roles like any other, or faults. */
const LOST_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * The context of the databases, as `cdk.json` has it: with the keys that the command line of CDK loses. Where a context
 * comes from elsewhere (`--context`), it is taken as it comes.
 *
 * @param file `cdk.json`, by default in the folder of the app, from which CDK runs it.
 */
export function databasesContext(app: App, file = 'cdk.json'): unknown {
  const given: unknown = app.node.tryGetContext('databases');
  if (!existsSync(file)) return given;
  const written: unknown = JSON.parse(readFileSync(file, 'utf8'))?.context?.databases;
  return isDeepStrictEqual(withoutLostKeys(written), withoutLostKeys(given)) ? written : given;
}

function withoutLostKeys(value: unknown): unknown {
  if (value === undefined) return undefined;
  return JSON.parse(JSON.stringify(value), (key, member) => (LOST_KEYS.has(key) ? undefined : member));
}
