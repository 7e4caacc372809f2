import { App } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { ConnectionReaperStack } from '../../infra/cdk-json/connection-reaper-stack.js';
import { parseDatabases } from '../../infra/cdk-json/database-entry.js';
import { databaseStacks } from '../../infra/cdk-json/database-stacks.js';
import { SETTINGS_VARIABLE } from '../../lambda/contract/names.js';
import { parseSettings } from '../../lambda/input/settings.js';
import { anApp, bare, propertiesOf, resolved, SECRET_ARN, SHIPPED_CONTEXT, statementsOf } from './a-reaper.js';

const VPC = {
  vpcId: 'vpc-0123456789abcdef0',
  availabilityZones: ['eu-central-1a', 'eu-central-1b'],
  privateSubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
};

const TOPIC_ARN = 'arn:aws:sns:eu-central-1:123456789012:on-call';
const PAGE_TOPIC_ARN = 'arn:aws:sns:eu-central-1:123456789012:pager';
const KEY_ARN = 'arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000';

const FULL_ENTRY = {
  secretArn: SECRET_ARN,
  instances: [{ name: 'writer', host: 'writer.example', port: 6432 }],
  databaseName: 'shop',
  sslMode: 'verify-full',
  sslRootCert: '/opt/rds.pem',
  mode: 'preview',
  idleTimeout: '2m',
  keepPerApplication: 3,
  maxTerminationsPerRun: 50,
  rules: [
    { application: 'batch*', idleTimeout: '1h', keep: 2 },
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
  metricsVia: 'emf',
  interval: '5m',
  timeout: '2m',
  interfaceEndpoints: true,
  securityGroupIds: ['sg-00000000000000001'],
  pageTopicArn: PAGE_TOPIC_ARN,
  alarms: { SlotsNearlyFull: { threshold: 60 }, RoleNearLimit: false },
};

describe('an entry that says everything', () => {
  const template = templateOf(FULL_ENTRY);

  test('gives the function every setting as it was written', () => {
    const [{ Environment } = {}] = propertiesOf(template, 'AWS::Lambda::Function');
    const { [SETTINGS_VARIABLE]: json } = (Environment as { Variables: Record<string, string> }).Variables;
    const { secretKeyArn, vpc, databaseSecurityGroupId, securityGroupIds, interfaceEndpoints, ...rest } = FULL_ENTRY;
    const { alarmTopicArn, pageTopicArn, alarms, logRetentionDays, interval, timeout, ...settings } = rest;
    expect(parseSettings(String(resolved(json)))).toEqual(
      parseSettings(JSON.stringify({ ...settings, databaseLabel: 'orders' })),
    );
  });

  test.each([
    ['subnets', 'AWS::Lambda::Function', { VpcConfig: { SubnetIds: VPC.privateSubnetIds } }],
    ['VPC', 'AWS::EC2::VPCEndpoint', { VpcId: VPC.vpcId }],
    ['security groups', 'AWS::Lambda::Function', { VpcConfig: { SecurityGroupIds: ['sg-00000000000000001'] } }],
    ['interval', 'AWS::Scheduler::Schedule', { ScheduleExpression: 'rate(5 minutes)' }],
    ['timeout', 'AWS::Lambda::Function', { Timeout: 120 }],
    ['endpoints', 'AWS::EC2::VPCEndpoint', { SubnetIds: VPC.privateSubnetIds }],
    ['page topic', 'AWS::CloudWatch::CompositeAlarm', { AlarmActions: [PAGE_TOPIC_ARN] }],
    [
      "database's security group",
      'AWS::EC2::SecurityGroupIngress',
      { GroupId: 'sg-0123456789abcdef0', FromPort: 6432 },
    ],
    ['retention', 'AWS::Logs::LogGroup', { RetentionInDays: 7 }],
    ['topic', 'AWS::CloudWatch::Alarm', { AlarmActions: [TOPIC_ARN] }],
    ['alarms', 'AWS::CloudWatch::Alarm', { MetricName: 'SlotsUsedPercent', Threshold: 60 }],
  ])('uses its %s', (_, type, properties) => {
    template.hasResourceProperties(type, withMatchers(properties));
  });

  test('may decrypt the secret with its key', () => {
    const statements = propertiesOf(template, 'AWS::IAM::Policy').map((policy) => JSON.stringify(policy));
    expect(statements.filter((json) => json.includes('"kms:Decrypt"') && json.includes(KEY_ARN)).length).toBe(1);
  });
});

test('logs in by IAM where the entry says so', () => {
  const template = templateOf({
    iamAuthentication: true,
    reaperRole: 'reaper',
    databaseResourceId: 'cluster-ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    instances: [{ name: 'writer', host: 'orders-1.abcdefghijkl.eu-central-1.rds.amazonaws.com' }],
    vpc: VPC,
  });
  template.resourceCountIs('AWS::SecretsManager::Secret', 0);
  expect(JSON.stringify(statementsOf({ template }, 'ReaperRole').map(bare))).toContain(
    '"Action":"rds-db:connect","Effect":"Allow","Resource":"arn:<AWS::Partition>:rds-db:<AWS::Region>:<AWS::AccountId>:dbuser:cluster-ABCDEFGHIJKLMNOPQRSTUVWXYZ/reaper"',
  );
});

test('sweeps on the alarm alone where the entry says so', () => {
  const template = templateOf({
    secretArn: SECRET_ARN,
    instances: [{ name: 'writer', host: 'orders-1.abcdefghijkl.eu-central-1.rds.amazonaws.com' }],
    vpc: VPC,
    trigger: 'alarm',
    alarms: { DatabaseConnections: { threshold: 80 } },
  });
  template.resourceCountIs('AWS::Scheduler::Schedule', 0);
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    Namespace: 'AWS/RDS',
    MetricName: 'DatabaseConnections',
    Dimensions: [{ Name: 'DBInstanceIdentifier', Value: 'orders-1' }],
    Threshold: 80,
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
    PageTopicArn: expect.stringMatching(/^\$\{ReaperPageTopic\w+\}$/),
    LogGroupName: expect.stringMatching(/^\$\{ReaperLog\w+\}$/),
    DashboardName: expect.stringMatching(/^\$\{ReaperDashboard\w+\}$/),
  });
});

test('is bound to the region of what it names, and to no account, so that nothing is looked up', () => {
  const app = new App({
    context: { ...SHIPPED_CONTEXT, databases: { orders: { secretArn: SECRET_ARN, vpc: VPC } } },
    builtinCloudFormationValidation: false,
  });
  const [stack] = databaseStacks(app);
  const assembly = app.synth();
  expect(assembly.getStackArtifact(stack?.artifactId ?? '').environment.name).toBe(
    'aws://unknown-account/eu-central-1',
  );
  expect(assembly.manifest.missing).toBeUndefined();
});

test('may decrypt each secret with its own key', () => {
  const breakGlassKey = KEY_ARN.replaceAll('0000', '1111');
  const template = templateOf({
    secretArn: SECRET_ARN,
    secretKeyArn: KEY_ARN,
    breakGlassSecretArn: SECRET_ARN.replace('orders', 'break-glass'),
    breakGlassSecretKeyArn: breakGlassKey,
    vpc: VPC,
  });
  const decrypts = statementsOf({ template }, 'ReaperRole').filter((statement) =>
    JSON.stringify(statement).includes('kms:Decrypt'),
  );
  expect(JSON.stringify(decrypts)).toContain(KEY_ARN);
  expect(JSON.stringify(decrypts)).toContain(breakGlassKey);
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
