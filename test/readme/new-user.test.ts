/**
 * What somebody does who has nothing but the pages and a clone: describes databases in databases.json, synthesizes, reads what
 * would be created, and deploys as far as that goes without an account.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SETTINGS_VARIABLE } from '../../lambda/contract/names.js';
import { type Ran, shell } from '../support/shell.js';
import { cloneProject } from './clone.js';
import { commandsLeft, read, theCommand } from './commands.js';

const STACKS = ['ConnectionReaper-billing', 'ConnectionReaper-orders'];

let home: string;
let clone: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'new-user-'));
  clone = join(home, 'clone');
  await cloneProject(clone);
});

afterAll(() => rm(home, { recursive: true }));

/** The JSON that docs/deploy.md says to put into `databases.json`, and the same for a second database. */
function describedDatabases() {
  const [, block = ''] = /^```json\n(.*?)^```$/ms.exec(read('docs/deploy.md')) ?? [];
  const { $schema, orders } = JSON.parse(block);
  return { $schema, orders, billing: { ...orders, secretArn: orders.secretArn.replace('orders', 'billing') } };
}

/** Without credentials, region or configuration, and without a way to AWS. */
function inClone(command: string): Promise<Ran> {
  return shell(command, clone, { HOME: home, AWS_EC2_METADATA_DISABLED: 'true', HTTPS_PROXY: 'http://127.0.0.1:9' });
}

/** What of a template the test reads. */
interface Template {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties: Properties }>>;
}

interface Properties {
  readonly Handler?: string;
  readonly Environment?: { readonly Variables: Readonly<Record<string, string>> };
}

// Each starts CDK's command line, which takes seconds on its own, and many times that beside other tests.
describe('a clone with two databases in databases.json', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    await writeFile(join(clone, 'databases.json'), JSON.stringify(describedDatabases()));
  });

  it('synthesizes a template for each, with what the page says is deployed', async () => {
    const { code, stderr } = await inClone(theCommand('npx cdk synth'));
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(`Successfully synthesized to ${join(clone, 'cdk.out')}`);
    for (const stack of STACKS) {
      const template = await readFile(join(clone, `cdk.out/${stack}.template.json`), 'utf8');
      const resources = Object.values((JSON.parse(template) as Template).Resources);
      const types = resources.map(({ Type }) => Type);
      expect(types.filter((type) => type === 'AWS::SNS::Topic')).toHaveLength(2);
      expect(types).toEqual(
        expect.arrayContaining([
          'AWS::Lambda::Function',
          'AWS::Scheduler::Schedule',
          'AWS::Logs::LogGroup',
          'AWS::SQS::Queue',
          'AWS::CloudWatch::Alarm',
          'AWS::CloudWatch::Dashboard',
          'AWS::EC2::SecurityGroup',
        ]),
      );
      const sweeper = resources.find(({ Properties }) => Properties?.Handler === 'index.handler');
      expect(JSON.parse(sweeper?.Properties.Environment?.Variables[SETTINGS_VARIABLE] ?? '')).toMatchObject({
        databaseLabel: stack.replace('ConnectionReaper-', ''),
        mode: 'preview',
        roleLimits: { checkout: 40, reporting: 10 },
      });
    }
  });

  it('deploys until it needs credentials', async () => {
    const command = theCommand('npx cdk deploy');
    const { code, stderr } = await inClone(command);
    expect(code).toBe(1);
    const said = stderr.split('\n').filter((line) => line !== '' && !/^(npm warn|\w+: about|✨)/.test(line));
    expect(said).toEqual([expect.stringMatching(/^Unable to resolve AWS account to use\./)]);

    // That comes after the stacks were chosen, which the command line doesn't tell.
    const chosen = await inClone(command.replace('deploy', 'list --app cdk.out'));
    expect(chosen.stdout.trim().split('\n').toSorted()).toEqual(STACKS);
  });

  it('bootstraps until it needs credentials', async () => {
    const { code, stderr } = await inClone(theCommand('npx cdk bootstrap'));
    expect(code).toBe(1);
    expect(stderr).toMatch(/Unable to resolve AWS account to use\./);
  });

  it('fails to deploy a pattern that matches no stack', async () => {
    const command = theCommand('npx cdk deploy').replace('ConnectionReaper', 'Reaper');
    const { code, stderr } = await inClone(command.replace('deploy', 'deploy --app cdk.out'));
    expect(code).toBe(1);
    expect(stderr).toContain('No stacks match');
  });
});

it('runs every command for CDK', () => {
  expect(commandsLeft(import.meta.url)).toEqual([]);
});
