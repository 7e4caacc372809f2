import { App } from 'aws-cdk-lib';
import { databaseStacks } from './cdk-json/database-stacks.js';
import { costReports } from './cost/report.js';
import { costLine } from './cost/text.js';

const app = new App();
for (const report of costReports(app, databaseStacks(app))) process.stderr.write(`${costLine(report)}\n`);
