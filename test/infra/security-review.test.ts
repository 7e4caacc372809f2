import { describe, expect, test } from 'vitest';
import { addedFacts } from '../support/security-review/facts.js';
import { largestAnswer } from '../support/security-review/largest-answer.js';
import { LAMBDA_PAYLOAD } from '../support/security-review/limits.js';
import { ONE_LINE, OPTIONS } from '../support/security-review/options.js';
import { README, readmeAsGenerated } from '../support/security-review/readme.js';
import { templatesOf } from '../support/security-review/review.js';
import { rowsOf } from '../support/security-review/rows.js';
import type { Statement } from '../support/security-review/statements.js';
import { bare } from './a-reaper.js';

test('README has the security review and the limits as they are', async () => {
  await expect(
    readmeAsGenerated(),
    'the tables under Security in README.md are not up to date; to write them anew: npx vitest run test/infra/security-review.test.ts -u',
  ).toMatchFileSnapshot(README);
});

test('no action that is allowed has a wildcard, but the one that SNS documents so', () => {
  const wild = allowed().filter(({ action }) => action.includes('*'));
  expect(new Set(wild.map(({ who, action }) => `${who} ${action}`))).toEqual(
    new Set(['Service:cloudwatch.amazonaws.com kms:GenerateDataKey*']),
  );
});

test('no resource has a wildcard, but those that can not be narrower', () => {
  const wild = allowed().filter(({ resource }) => /[*?]/.test(resource));
  expect([...new Set(wild.map(({ who, action, resource }) => `${who} ${action} ${resource}`))].sort()).toEqual(
    [
      // By the endpoint, which takes nobody but the sweep.
      'AWS:* cloudwatch:PutMetricData *',
      'AWS:* cloudwatch:GetMetricData *',
      '<ReaperRole> cloudwatch:PutMetricData *',
      '<ReaperRole> cloudwatch:GetMetricData *',
      '<ReaperRole> secretsmanager:GetSecretValue arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:orders/reaper-??????',
      ...['<ReaperRole>', '<ReaperBootstrapRole>'].flatMap((role) =>
        NETWORK_INTERFACES.map((action) => `${role} ${action} *`),
      ),
    ].sort(),
  );
});

test.each([ONE_LINE, ...OPTIONS])(
  'the code of no function can use the rights to network interfaces: $name',
  (option) => {
    const { before, after } = templatesOf(option);
    const statements = addedFacts(before, after).filter((fact) => fact.kind === 'statement');
    const ofInterfaces = (effect: Statement['effect']) =>
      statements.filter((statement) => statement.effect === effect && statement.action.startsWith('ec2:'));
    const functions = functionsInVpc(after);
    expect(functions.length).toBeGreaterThan(0);
    expect(ofInterfaces('Allow').map(({ who, action }) => `${who} ${action}`)).toEqual(
      functions.flatMap(({ role }) => NETWORK_INTERFACES.map((action) => `${role} ${action}`)),
    );
    expect(ofInterfaces('Deny')).toEqual(
      functions.flatMap(({ role, arn }) =>
        NETWORK_INTERFACES.map((action) =>
          expect.objectContaining({
            who: role,
            action,
            resource: '*',
            conditions: [['ArnEquals lambda:SourceFunctionArn', arn]],
          }),
        ),
      ),
    );
  },
);

test('the answer of a run stays within what Lambda takes, at a full server of the largest kind', () => {
  expect(Buffer.byteLength(JSON.stringify(largestAnswer()))).toBeLessThan(LAMBDA_PAYLOAD.awaited);
});

describe('the review fails when', () => {
  // The hash at the end of a logical id is not looked at.
  const ref = (id: string, attribute?: string) =>
    attribute === undefined ? { Ref: `${id}00000000` } : { 'Fn::GetAtt': [`${id}00000000`, attribute] };
  const onSweep = (statement: object) => ({
    Type: 'AWS::IAM::Policy',
    Properties: {
      Roles: [ref('ReaperRole')],
      PolicyDocument: {
        Statement: [
          { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: ref('ReaperDeadLetters', 'Arn'), ...statement },
        ],
      },
    },
  });
  const group = (rule: object) => ({
    Type: 'AWS::EC2::SecurityGroupIngress',
    Properties: {
      GroupId: ref('ReaperSecurityGroup', 'GroupId'),
      IpProtocol: 'tcp',
      FromPort: 443,
      ToPort: 443,
      ...rule,
    },
  });

  test.each<{ when: string; resource: object; fault: string }>([
    {
      when: 'an action has no reason',
      resource: onSweep({ Action: ['sqs:SendMessage', 'sqs:ReceiveMessage'] }),
      fault: 'has no reason for the sweep: sqs:ReceiveMessage',
    },
    {
      when: 'an action has reasons for others alone',
      resource: onSweep({ Action: 'lambda:InvokeFunction' }),
      fault: 'has no reason for the sweep: lambda:InvokeFunction',
    },
    {
      when: 'a resource is wider than it must be',
      resource: onSweep({ Resource: '*' }),
      fault: 'has no reason for the sweep: sqs:SendMessage on *',
    },
    {
      when: 'an action is wider than the one that has a reason',
      resource: onSweep({ Action: 'sqs:Send*' }),
      fault: 'has no reason for the sweep: sqs:Send*',
    },
    {
      when: 'a resource has no name',
      resource: onSweep({ Resource: ref('OtherQueue', 'Arn') }),
      fault: 'has no name for <OtherQueue.Arn>',
    },
    {
      when: 'a condition is not known',
      resource: onSweep({ Condition: { StringLike: { 'aws:PrincipalTag/team': '*' } } }),
      fault: 'knows no condition StringLike aws:PrincipalTag/team',
    },
    {
      when: 'a statement says what is not allowed, in place of what is',
      resource: onSweep({ NotAction: 'iam:*' }),
      fault: 'knows no NotAction',
    },
    {
      when: 'something is allowed to everybody',
      resource: {
        Type: 'AWS::SQS::QueuePolicy',
        Properties: {
          Queues: [ref('ReaperDeadLetters')],
          PolicyDocument: {
            Statement: [
              { Effect: 'Allow', Principal: '*', Action: 'sqs:SendMessage', Resource: ref('ReaperDeadLetters', 'Arn') },
            ],
          },
        },
      },
      fault: 'allows sqs:SendMessage to everybody',
    },
    {
      when: 'a service may do what another one may',
      resource: {
        Type: 'AWS::Lambda::Permission',
        Properties: {
          Action: 'lambda:InvokeFunction',
          FunctionName: ref('ReaperFunction', 'Arn'),
          Principal: 'events.amazonaws.com',
        },
      },
      fault: 'has no name for Service:events.amazonaws.com',
    },
    {
      when: 'a role has a policy managed by AWS',
      resource: {
        Type: 'AWS::IAM::Role',
        Properties: {
          AssumeRolePolicyDocument: { Statement: [] },
          ManagedPolicyArns: ['arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole'],
        },
      },
      fault: "doesn't know what the managed policies of <Added> allow",
    },
    {
      when: 'others may connect to the functions',
      resource: group({ CidrIp: '0.0.0.0/0' }),
      fault: 'has no reason for any IPv4 address -> the functions',
    },
    {
      when: 'a way is open on one side alone',
      resource: group({ SourceSecurityGroupId: ref('ClusterSecurityGroup', 'GroupId') }),
      fault: 'from <ClusterSecurityGroup> to <ReaperSecurityGroup> only one side has a rule',
    },
    {
      when: 'a log is kept for no reason',
      resource: { Type: 'AWS::Logs::LogGroup', Properties: { RetentionInDays: 30 } },
      fault: 'has no name for <Added>',
    },
    {
      when: 'a function writes a log that is not declared',
      resource: { Type: 'AWS::Lambda::Function', Properties: { VpcConfig: {} } },
      fault: 'has no name for <Added>',
    },
    {
      when: 'a type of resource is not known',
      resource: { Type: 'AWS::S3::Bucket' },
      fault: 'doesn\'t know what this means: <Added> {"Type":"AWS::S3::Bucket"}',
    },
  ])('$when', ({ resource, fault }) => {
    const { before, after } = templatesOf(ONE_LINE);
    const { Resources } = after as { readonly Resources: object };
    expect(() => rowsOf(before, { Resources })).not.toThrow();
    expect(() => rowsOf(before, { Resources: { ...Resources, Added00000000: resource } })).toThrow(fault);
  });

  test('a resource that was there before is changed', () => {
    const { before, after } = templatesOf(ONE_LINE);
    const { Resources } = after as {
      readonly Resources: Readonly<Record<string, { Type: string; Properties: object }>>;
    };
    const changed = Object.entries(Resources).map(([id, resource]) =>
      resource.Type === 'AWS::RDS::DBCluster'
        ? [id, { ...resource, Properties: { ...resource.Properties, DeletionProtection: false } }]
        : [id, resource],
    );
    expect(() => rowsOf(before, { Resources: Object.fromEntries(changed) })).toThrow(
      "doesn't know what this means: <Cluster",
    );
  });
});

const NETWORK_INTERFACES = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

/** What the construct allows, with any option. */
function allowed(): readonly Statement[] {
  return [ONE_LINE, ...OPTIONS].flatMap((option) => {
    const { before, after } = templatesOf(option);
    return addedFacts(before, after).filter(
      (fact) => fact.kind === 'statement' && fact.effect === 'Allow',
    ) as Statement[];
  });
}

function functionsInVpc(template: object): readonly { readonly role: string; readonly arn: string }[] {
  const { Resources } = template as {
    readonly Resources: Readonly<Record<string, { Type: string; Properties: { Role: unknown; VpcConfig?: object } }>>;
  };
  return Object.entries(Resources)
    .filter(([, { Type, Properties }]) => Type === 'AWS::Lambda::Function' && Properties.VpcConfig !== undefined)
    .map(([id, { Properties }]) => ({
      role: String(bare(Properties.Role)).replace('.Arn>', '>'),
      arn: String(bare({ 'Fn::GetAtt': [id, 'Arn'] })),
    }));
}
