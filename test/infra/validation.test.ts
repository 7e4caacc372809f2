import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, CfnResource, Stack, Validations } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { IConstruct } from 'constructs';
import { afterAll, describe, expect, test } from 'vitest';
import { ConnectionReaperStack } from '../../infra/cdk-json/connection-reaper-stack.js';
import { parseDatabases } from '../../infra/cdk-json/database-entry.js';
import { ConnectionReaper } from '../../infra/connection-reaper.js';
import type { ConnectionReaperProps } from '../../infra/connection-reaper-props.js';
import { OPTIONS } from '../support/security-review/options.js';
import { DATABASE_KINDS } from './a-database.js';
import { aReaper, aStack, SHIPPED_CONTEXT } from './a-reaper.js';

const folder = mkdtempSync(join(tmpdir(), 'connection-reaper-'));
afterAll(() => rmSync(folder, { recursive: true }));

const CASES = [
  ...DATABASE_KINDS.map(({ kind, make, beside }) => ({
    name: `of one line, for ${kind}`,
    props: (stack: Stack): ConnectionReaperProps => ({ database: make(stack), ...beside?.(stack) }),
  })),
  ...OPTIONS.map(({ name, beside, props }) => ({
    name: `with ${[name, ...beside.map((option) => `beside ${option.name}`)].join(' ')}`,
    props,
  })),
].map((one, index) => ({ ...one, id: `Case${index}` }));

/** What there is to say of databases, secrets and keys, which the construct takes as they are. */
const OF_WHAT_IS_GIVEN = [
  ...['RDS2', 'RDS3', 'RDS6', 'RDS10', 'RDS11', 'SMG4', 'KMS5'].map((rule) => `AwsSolutions-${rule}`),
  'CloudFormation Validate::W9008',
];

describe('the validator of CDK and the AwsSolutions checks of cdk-nag find nothing', () => {
  // One synth for all, whose beginning takes the most of it.
  const app = aCheckedApp();
  const reapers = CASES.map(({ id, props }) => aReaperOf(new Stack(app, id), props));
  const findings = findingsOf(app);

  test.each(CASES)('in the construct $name', ({ id }) => {
    expect(findings.filter((finding) => finding.includes(` ${id}/`))).toEqual([]);
  });

  test('anywhere else', () => {
    expect(findings).toEqual([]);
  });

  test('but what the construct acknowledges', () => {
    const acknowledged = reapers.flatMap((reaper) => notesOn(reaper, 'aws:cdk:acknowledged-rules'));
    const rules = acknowledged.flatMap(({ path, data }) =>
      Object.keys(Object(data)).map((rule) => `${rule} in ${path.replace(/^\w+\//, '')}`),
    );
    expect([...new Set(rules)].sort()).toEqual([
      'Annotation::AwsSolutions-IAM5[Resource::*] in Reaper/Bootstrap/NetworkInterfaces',
      'Annotation::AwsSolutions-IAM5[Resource::*] in Reaper/NetworkInterfaces',
      'Annotation::AwsSolutions-IAM5[Resource::*] in Reaper/PublishMetrics',
      'Annotation::AwsSolutions-SMG4 in Reaper/Login',
    ]);
  });

  test('in the shipped stack', () => {
    const app = aCheckedApp();
    for (const config of parseDatabases(SHIPPED_CONTEXT.databases)) new ConnectionReaperStack(app, 'Stack', { config });
    expect(findingsOf(app)).toEqual([]);
  });

  test('in the construct that is given no database', () => {
    const app = aCheckedApp();
    aReaper({ instances: [{ name: 'writer', host: 'writer.example' }] }, aStack(app));
    expect(findingsOf(app)).toEqual([]);
  });
});

describe('fails when a resource beside them is', () => {
  test.each([
    {
      what: 'unsafe',
      make: (stack: Stack) => new Bucket(stack, 'Bucket'),
      finding: 'AwsSolutions-S1 Stack/Bucket/Resource',
    },
    {
      what: 'nothing that CloudFormation takes',
      make: (stack: Stack) => new CfnResource(stack, 'Queue', { type: 'AWS::SQS::Queue', properties: { Nonsense: 1 } }),
      finding: expect.stringMatching(/^\w+ Stack\/Queue$/),
    },
  ])('$what, so the validators are awake', ({ make, finding }) => {
    const app = aCheckedApp();
    make(new Stack(app, 'Stack'));
    expect(findingsOf(app)).toContainEqual(finding);
  });
});

function aReaperOf(stack: Stack, props: (stack: Stack) => ConnectionReaperProps) {
  const given = props(stack);
  for (const one of stack.node.children) {
    for (const id of OF_WHAT_IS_GIVEN) Validations.of(one).acknowledge({ id, reason: 'The construct is given it.' });
  }
  return new ConnectionReaper(stack, 'Reaper', given);
}

function aCheckedApp(): App {
  const outdir = mkdtempSync(join(folder, 'app-'));
  const app = new App({ outdir, context: { ...SHIPPED_CONTEXT, 'aws:cdk:bundling-stacks': [] } });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app;
}

interface Report {
  readonly violations: readonly {
    readonly ruleName: string;
    readonly violatingConstructs: readonly { readonly constructPath: string }[];
  }[];
}

/** What any validator has to say, be it only a warning, and what constructs warn of: the rule, and the construct. */
function findingsOf(app: App): readonly string[] {
  try {
    app.synth();
  } catch (error) {
    // What it is about is in the report.
    if (!(error instanceof Error && error.name === 'ValidationFailed')) throw error;
  }
  const { pluginReports } = JSON.parse(readFileSync(join(app.outdir, 'validation-report.json'), 'utf8'));
  return (pluginReports as readonly Report[]).flatMap(({ violations }) =>
    violations.flatMap(({ ruleName, violatingConstructs }) =>
      violatingConstructs.map(({ constructPath }) => `${ruleName} ${constructPath}`),
    ),
  );
}

/** What is noted on constructs, by its type, and where. */
function notesOn(scope: IConstruct, type: string): readonly { readonly path: string; readonly data: unknown }[] {
  return scope.node
    .findAll()
    .flatMap(({ node }) =>
      node.metadata.filter((note) => note.type === type).map(({ data }) => ({ path: node.path, data })),
    );
}
