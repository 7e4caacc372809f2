import type { App } from 'aws-cdk-lib';
import { ConnectionReaperStack } from './connection-reaper-stack.js';
import { type WrittenDatabases, writtenDatabases } from './context.js';
import { parseDatabases, stackName } from './database-entry.js';

/**
 * The stacks of the ready-made app: one for each entry of `databases.json`, or else of `cdk.json`.
 *
 * @throws InputError with every fault of every entry.
 */
export function databaseStacks(
  app: App,
  { databases, file }: WrittenDatabases = writtenDatabases(app),
): readonly ConnectionReaperStack[] {
  return parseDatabases(databases, file).map(
    (config) =>
      new ConnectionReaperStack(app, stackName(config.databaseLabel), {
        config,
        description: `Connection Reaper of ${config.databaseLabel}`,
        // So that it can't be deployed beside what it names. The account is up to whoever deploys.
        ...(config.region !== undefined && { env: { region: config.region } }),
      }),
  );
}
