import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { parseDatabases } from '../../infra/app-config.js';
import { ConnectionReaperStack } from '../../infra/connection-reaper-stack.js';
import { SETTINGS_VARIABLE } from '../../lambda/contract.js';
import { parseSettings } from '../../lambda/settings.js';
import { anApp, propertiesOf, resolved, SECRET_ARN } from './a-reaper.js';

const VPC = {
  vpcId: 'vpc-0123456789abcdef0',
  availabilityZones: ['eu-central-1a', 'eu-central-1b'],
  privateSubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
};

const TOPIC_ARN = 'arn:aws:sns:eu-central-1:123456789012:on-call';
const KEY_ARN = 'arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000';

const FULL_ENTRY = {
  secretArn: SECRET_ARN,
  instances: [{ name: 'writer', host: 'writer.example', port: 6432 }],
  dbname: 'shop',
  tls: 'verify-full',
  caFile: '/opt/rds.pem',
  mode: 'preview',
  idleAfter: '2m',
  keepPerApplication: 3,
  maxTerminationsPerRun: 50,
  rules: [
    { application: 'batch*', idleAfter: '1h', keep: 2 },
    { role: 'admin', spare: true },
  ],
  roleLimits: { checkout: 40 },
  maxApplications: 5,
  applicationNames: [{ match: 'web-*', name: 'web' }],
  secretKeyArn: KEY_ARN,
  vpc: VPC,
  databaseSecurityGroupId: 'sg-0123456789abcdef0',
  alarmTopicArn: TOPIC_ARN,
  logRetentionDays: 7,
  slotsNearlyFullPercent: 60,
  applicationHoggingPercent: 30,
  roleNearLimitPercent: 75,
};

describe('an entry that says everything', () => {
  const template = templateOf(FULL_ENTRY);

  test('gives the function every setting as it was written', () => {
    const [{ Environment } = {}] = propertiesOf(template, 'AWS::Lambda::Function');
    const { [SETTINGS_VARIABLE]: json } = (Environment as { Variables: Record<string, string> }).Variables;
    const { secretKeyArn, vpc, databaseSecurityGroupId, alarmTopicArn, logRetentionDays, ...rest } = FULL_ENTRY;
    const { slotsNearlyFullPercent, applicationHoggingPercent, roleNearLimitPercent, ...settings } = rest;
    expect(parseSettings(json)).toEqual(parseSettings(JSON.stringify({ ...settings, database: 'orders' })));
  });

  test.each([
    ['subnets', 'AWS::Lambda::Function', { VpcConfig: { SubnetIds: VPC.privateSubnetIds } }],
    ['VPC', 'AWS::EC2::SecurityGroup', { VpcId: VPC.vpcId }],
    [
      "database's security group",
      'AWS::EC2::SecurityGroupIngress',
      { GroupId: 'sg-0123456789abcdef0', FromPort: 6432 },
    ],
    ['retention', 'AWS::Logs::LogGroup', { RetentionInDays: 7 }],
    ['topic', 'AWS::CloudWatch::Alarm', { AlarmActions: [TOPIC_ARN] }],
    ['slotsNearlyFullPercent', 'AWS::CloudWatch::Alarm', { MetricName: 'SlotsUsedPercent', Threshold: 60 }],
    ['applicationHoggingPercent', 'AWS::CloudWatch::Alarm', { AlarmName: /Hogging/, Threshold: 30 }],
    ['roleNearLimitPercent', 'AWS::CloudWatch::Alarm', { AlarmName: /RoleNearLimit/, Threshold: 75 }],
  ])('uses its %s', (_, type, properties) => {
    template.hasResourceProperties(type, withMatchers(properties));
  });

  test('may decrypt the secret with its key', () => {
    const statements = propertiesOf(template, 'AWS::IAM::Policy').map((policy) => JSON.stringify(policy));
    expect(statements.filter((json) => json.includes('"kms:Decrypt"') && json.includes(KEY_ARN)).length).toBe(1);
  });
});

test('the port of an entry without instances is the one that is opened', () => {
  templateOf({ secretArn: SECRET_ARN, vpc: VPC, databasePort: 6432 }).hasResourceProperties('AWS::EC2::SecurityGroup', {
    SecurityGroupEgress: [{ FromPort: 443 }, { FromPort: 6432 }],
  });
});

test('tells how to ask for a report, where to subscribe and where to look', () => {
  const outputs = templateOf({ secretArn: SECRET_ARN, vpc: VPC }).findOutputs('*');
  expect(Object.fromEntries(Object.entries(outputs).map(([key, { Value }]) => [key, resolved(Value)]))).toEqual({
    FunctionName: expect.stringMatching(/^\$\{ReaperFunction\w+\}$/),
    ReportCommand: expect.stringMatching(
      /^aws lambda invoke --function-name \$\{ReaperFunction\w+\} .*--payload '\{"action":"report"\}' answer\.json && jq /,
    ),
    AlarmTopicArn: expect.stringMatching(/^\$\{ReaperAlarmTopic\w+\}$/),
    DashboardName: expect.stringMatching(/^\$\{ReaperDashboard\w+\}$/),
  });
});

test('is bound to no account and no region, so that nothing is looked up', () => {
  const [config] = parseDatabases({ orders: { secretArn: SECRET_ARN, vpc: VPC } });
  if (config === undefined) throw new Error('no config');
  const app = anApp();
  new ConnectionReaperStack(app, 'Stack', { config });
  const assembly = app.synth();
  expect(assembly.getStackByName('Stack').environment.name).toBe('aws://unknown-account/unknown-region');
  expect(assembly.manifest.missing).toBeUndefined();
});

function templateOf(entry: unknown): Template {
  const [config] = parseDatabases({ orders: entry });
  if (config === undefined) throw new Error('no config');
  return Template.fromStack(new ConnectionReaperStack(anApp(), 'Stack', { config }));
}

function withMatchers(properties: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(
    Object.entries(properties).map(([key, value]) => [
      key,
      value instanceof RegExp ? Match.stringLikeRegexp(value.source) : value,
    ]),
  );
}
