import { App } from 'aws-cdk-lib';
import { costReports } from './cost-report.js';
import { costLine } from './cost-text.js';
import { databaseStacks } from './database-stacks.js';

const app = new App();
for (const report of costReports(app, databaseStacks(app))) process.stderr.write(`${costLine(report)}\n`);
