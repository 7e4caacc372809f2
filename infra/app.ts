import { App } from 'aws-cdk-lib';
import { InputError } from '../lambda/input/faults.js';
import { databaseStacks } from './cdk-json/database-stacks.js';
import { costReports } from './cost/report.js';
import { costLine } from './cost/text.js';

try {
  const app = new App();
  for (const report of costReports(app, databaseStacks(app))) process.stderr.write(`${costLine(report)}\n`);
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  // Without the stack trace, in which Node.js prints every fault twice.
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
