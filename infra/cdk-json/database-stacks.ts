import type { App } from 'aws-cdk-lib';
import { ConnectionReaperStack } from './connection-reaper-stack.js';
import { parseDatabases } from './database-entry.js';

/**
 * The stacks of the ready-made app: one for each entry under `databases` in its context, as `cdk.json` has it.
 *
 * @throws InputError with every fault of every entry.
 */
export function databaseStacks(app: App): readonly ConnectionReaperStack[] {
  return parseDatabases(app.node.tryGetContext('databases')).map((config) => {
    // The names of stacks have neither dots nor underscores.
    const name = config.settings.database.replaceAll(/[._]/g, '-');
    return new ConnectionReaperStack(app, `ConnectionReaper-${name}`, {
      config,
      description: `Connection Reaper of ${config.settings.database}`,
    });
  });
}
