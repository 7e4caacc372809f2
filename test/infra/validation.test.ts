import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack, Validations } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseDatabases } from '../../infra/app-config.js';
import { ConnectionReaperStack } from '../../infra/connection-reaper-stack.js';
import { aReaper, aStack, SHIPPED_CONTEXT } from './a-reaper.js';

let outdir = '';
beforeEach(() => {
  outdir = mkdtempSync(join(tmpdir(), 'connection-reaper-'));
});
afterEach(() => rmSync(outdir, { recursive: true }));

test('the shipped stack passes the validator of CDK and the AwsSolutions checks of cdk-nag', () => {
  const app = aCheckedApp();
  for (const config of parseDatabases(SHIPPED_CONTEXT.databases)) new ConnectionReaperStack(app, 'Stack', { config });
  expect(findingsOf(app)).toEqual([]);
});

test('the construct with everything of its own passes them too', () => {
  const app = aCheckedApp();
  aReaper({ instances: [{ name: 'writer', host: 'writer.example' }] }, aStack(app));
  expect(findingsOf(app)).toEqual([]);
});

test('fails when a resource beside them is unsafe, so the checks are awake', () => {
  const app = aCheckedApp();
  const stack = new Stack(app, 'Stack');
  new Bucket(stack, 'Bucket');
  expect(() => findingsOf(app)).toThrow('AwsSolutions-S1');
});

function aCheckedApp(): App {
  const app = new App({ outdir, context: { ...SHIPPED_CONTEXT, 'aws:cdk:bundling-stacks': [] } });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app;
}

/** The reports of all validators that have something to say, be it only a warning. */
function findingsOf(app: App): readonly unknown[] {
  app.synth();
  return JSON.parse(readFileSync(join(outdir, 'validation-report.json'), 'utf8')).pluginReports;
}
