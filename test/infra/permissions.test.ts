import { Key } from 'aws-cdk-lib/aws-kms';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { expect, test } from 'vitest';
import { aReaper, bare, propertiesOf, SECRET_ARN, statementsOf } from './a-reaper.js';

const NETWORK_INTERFACES = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

const IAM = {
  iamAuthentication: true,
  reaperRole: 'reaper',
  databaseResourceId: 'db-ABC',
  instances: [{ name: 'primary', host: 'orders.abcdefghijkl.eu-central-1.rds.amazonaws.com' }],
};

test('the function may read its secret, publish into its namespace, read metrics, write its log, and nothing else', () => {
  expect(statementsOf(aReaper(), 'ReaperRole')).toEqual([
    { Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: SECRET_ARN },
    {
      Effect: 'Allow',
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: expect.stringMatching(/^\$\{ReaperLog\w+\.Arn\}$/),
    },
    // Lambda, in its name, where an invocation failed.
    {
      Effect: 'Allow',
      Action: 'sqs:SendMessage',
      Resource: expect.stringMatching(/^\$\{ReaperDeadLetters\w+\.Arn\}$/),
    },
    {
      Effect: 'Allow',
      Action: 'cloudwatch:PutMetricData',
      Resource: '*',
      Condition: { StringEquals: { 'cloudwatch:namespace': 'ConnectionReaper' } },
    },
    { Effect: 'Allow', Action: 'cloudwatch:GetMetricData', Resource: '*' },
    // Lambda, to place it into the VPC; never the function's own code.
    { Effect: 'Allow', Action: NETWORK_INTERFACES, Resource: '*' },
    {
      Effect: 'Deny',
      Action: NETWORK_INTERFACES,
      Resource: '*',
      Condition: { ArnEquals: { 'lambda:SourceFunctionArn': expect.stringMatching(/^\$\{ReaperFunction\w+\.Arn\}$/) } },
    },
  ]);
});

test('the function may read the break-glass secret too, where there is one', () => {
  const arn = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:break-glass-a1B2c3';
  const reaper = aReaper(({ stack }) => ({
    breakGlassSecret: Secret.fromSecretCompleteArn(stack, 'BreakGlass', arn),
  }));
  const readable = statementsOf(reaper, 'ReaperRole').filter((statement) =>
    JSON.stringify(statement).includes('secretsmanager:GetSecretValue'),
  );
  expect(JSON.stringify(readable)).toContain(arn);
  expect(JSON.stringify(readable)).toContain(SECRET_ARN);
});

test('the function may log in as its role on its database, and reads no secret, where the login is by IAM', () => {
  const statements = statementsOf(aReaper(IAM), 'ReaperRole').map(bare);
  expect(statements).toContainEqual({
    Effect: 'Allow',
    Action: 'rds-db:connect',
    Resource: 'arn:<AWS::Partition>:rds-db:<AWS::Region>:<AWS::AccountId>:dbuser:db-ABC/reaper',
  });
  expect(JSON.stringify(statements)).not.toContain('secretsmanager');
});

test('the bootstrap may log in as the role too, to prove that it can', () => {
  const reaper = aReaper(({ secret }) => ({ ...IAM, adminSecret: secret }));
  expect(JSON.stringify(statementsOf(reaper, 'ReaperBootstrapRole'))).toContain('"rds-db:connect"');
  reaper.template.resourceCountIs('AWS::SecretsManager::Secret', 0);
});

test('the function may not call CloudWatch where its log carries the metrics', () => {
  const statements = statementsOf(aReaper({ metricsVia: 'emf' }), 'ReaperRole');
  expect(JSON.stringify(statements)).not.toContain('cloudwatch');
});

test('the function has no policies managed by AWS', () => {
  for (const role of propertiesOf(aReaper().template, 'AWS::IAM::Role')) {
    expect(role).not.toHaveProperty('ManagedPolicyArns');
  }
});

test('the function is made only when it may be placed into the VPC', () => {
  const functions = aReaper().template.findResources('AWS::Lambda::Function');
  const [{ DependsOn } = {}] = Object.values(functions);
  expect(DependsOn).toContainEqual(expect.stringMatching(/^ReaperNetworkInterfaces/));
});

test('the scheduler may invoke the function, hand over what it could not, and nothing else', () => {
  expect(statementsOf(aReaper(), 'ReaperSchedulerRole')).toEqual([
    {
      Effect: 'Allow',
      Action: 'lambda:InvokeFunction',
      Resource: expect.stringMatching(/^\$\{ReaperFunction\w+\.Arn\}$/),
    },
    {
      Effect: 'Allow',
      Action: 'sqs:SendMessage',
      Resource: expect.stringMatching(/^\$\{ReaperDeadLetters\w+\.Arn\}$/),
    },
  ]);
});

test("only the scheduler of the same account takes the scheduler's role, for the group that the schedule is in", () => {
  const { template } = aReaper();
  const roles = propertiesOf(template, 'AWS::IAM::Role').map(bare) as {
    AssumeRolePolicyDocument: { Statement: { Principal: { Service: string } }[] };
  }[];
  const trusted = roles.flatMap(({ AssumeRolePolicyDocument }) => AssumeRolePolicyDocument.Statement);
  expect(trusted.filter(({ Principal }) => Principal.Service === 'scheduler.amazonaws.com')).toEqual([
    expect.objectContaining({
      Effect: 'Allow',
      Condition: {
        StringEquals: {
          'aws:SourceAccount': '<AWS::AccountId>',
          'aws:SourceArn': 'arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule-group/default',
        },
      },
    }),
  ]);
  expect(propertiesOf(template, 'AWS::Scheduler::Schedule')[0]).not.toHaveProperty('GroupName');
});

test('the function may decrypt a secret with a key of its own, through Secrets Manager alone', () => {
  const keyArn = 'arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000';
  const reaper = aReaper(({ stack }) => ({
    secret: Secret.fromSecretAttributes(stack, 'Encrypted', {
      secretCompleteArn: SECRET_ARN,
      encryptionKey: Key.fromKeyArn(stack, 'Key', keyArn),
    }),
  }));
  expect(statementsOf(reaper, 'ReaperRole')).toContainEqual({
    Effect: 'Allow',
    Action: 'kms:Decrypt',
    Resource: keyArn,
    Condition: {
      StringEquals: { 'kms:ViaService': expect.stringMatching(/^secretsmanager\.\$\{AWS::Region\}\.amazonaws\.com$/) },
    },
  });
});

test('a secret known by its name is granted with the six characters that only AWS knows', () => {
  const reaper = aReaper(({ stack }) => ({ secret: Secret.fromSecretNameV2(stack, 'Named', 'orders/reaper') }));
  expect(statementsOf(reaper, 'ReaperRole')).toContainEqual({
    Effect: 'Allow',
    Action: 'secretsmanager:GetSecretValue',
    Resource: expect.stringMatching(/:secret:orders\/reaper-\?{6}$/),
  });
});
