import { App } from 'aws-cdk-lib';
import { parseDatabases } from './app-config.js';
import { ConnectionReaperStack } from './connection-reaper-stack.js';

const app = new App();

for (const config of parseDatabases(app.node.tryGetContext('databases'))) {
  // The names of stacks have neither dots nor underscores.
  const name = config.settings.database.replaceAll(/[._]/g, '-');
  new ConnectionReaperStack(app, `ConnectionReaper-${name}`, {
    config,
    description: `Connection Reaper of ${config.settings.database}`,
  });
}
