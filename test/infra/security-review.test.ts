import { describe, expect, test } from 'vitest';
import { addedFacts, type Fact } from '../support/security-review/facts.js';
import { largestAnswer } from '../support/security-review/largest-answer.js';
import { LAMBDA_PAYLOAD } from '../support/security-review/limits.js';
import { ONE_LINE, OPTIONS } from '../support/security-review/options.js';
import { PAGES } from '../support/security-review/pages.js';
import { NETWORK_INTERFACES, reasonOf } from '../support/security-review/reasons.js';
import { factsOf, templatesOf } from '../support/security-review/review.js';

test.each(PAGES)('$path has its table as it is', async ({ path, text }) => {
  await expect(
    text(),
    'the table is not up to date; to write it anew: npx vitest run test/infra/security-review.test.ts -u',
  ).toMatchFileSnapshot(path);
});

test('only the action that SNS documents with a wildcard has one', () => {
  const wild = allFacts().filter(({ may }) => may.includes('*') && !may.startsWith('never '));
  expect(new Set(wild.map(({ who, may }) => `${who} ${may}`))).toEqual(
    new Set(['cloudwatch.amazonaws.com kms:GenerateDataKey*']),
  );
});

test('only resources that cannot be narrower have a wildcard', () => {
  const wild = allFacts().filter(({ may, on }) => /[*?]/.test(on) && !may.startsWith('never '));
  expect(new Set(wild.map(({ who, may, on }) => `${who} ${may} ${on}`))).toEqual(
    new Set([
      'ReaperRole cloudwatch:PutMetricData *',
      'ReaperRole cloudwatch:GetMetricData *',
      'ReaperRole secretsmanager:GetSecretValue secret:orders/reaper-??????',
      ...['ReaperRole', 'ReaperBootstrapRole'].flatMap((role) =>
        NETWORK_INTERFACES.map((action) => `${role} ${action} *`),
      ),
    ]),
  );
});

test.each([ONE_LINE, ...OPTIONS])('the code of no function can use the network interfaces: $name', (option) => {
  const facts = factsOf(option);
  const { Resources } = templatesOf(option).after;
  const inVpc = Object.values(Resources).filter(
    ({ Type, Properties }) => Type === 'AWS::Lambda::Function' && Properties?.['VpcConfig'] !== undefined,
  );
  const placed = ['Reaper', 'ReaperBootstrap'].slice(0, inVpc.length);
  expect(placed).not.toEqual([]);
  const mayUse = (may: RegExp) => facts.filter((fact) => may.test(fact.may)).map(({ who, may }) => `${who} ${may}`);
  const everyAction = (beginning: string) =>
    placed.flatMap((name) => NETWORK_INTERFACES.map((action) => `${name}Role ${beginning}${action}`));
  expect(mayUse(/^ec2:/).toSorted()).toEqual(everyAction('').toSorted());
  expect(mayUse(/^never ec2:/).toSorted()).toEqual(everyAction('never ').toSorted());
  for (const { who, on, only } of facts.filter(({ may }) => may.startsWith('never ec2:'))) {
    expect({ on, only }).toEqual({
      on: '*',
      only: `ArnEquals lambda:SourceFunctionArn ${who.replace(/Role$/, 'Function')}`,
    });
  }
});

test.each([ONE_LINE, ...OPTIONS])(
  'each connection between security groups has a rule on both sides: $name',
  (option) => {
    const between = factsOf(option).filter(
      ({ who, may, on }) => /^connect by/.test(may) && /Group$/.test(who) && /Group$/.test(on),
    );
    const side = (rule: string) =>
      between
        .filter(({ only }) => only === rule)
        .map(({ who, may, on }) => `${who} ${may} ${on}`)
        .toSorted();
    expect(side('rule in')).toEqual(side('rule out'));
  },
);

test('the answer of a run stays within what Lambda takes, at a full server of the largest kind', () => {
  expect(Buffer.byteLength(JSON.stringify(largestAnswer()))).toBeLessThan(LAMBDA_PAYLOAD.awaited);
});

describe('the review fails when', () => {
  // bare() removes the hash at the end of a logical id.
  const ref = (id: string) => ({ Ref: `${id}00000000` });
  const onSweep = (statement: object) => ({
    Type: 'AWS::IAM::Policy',
    Properties: {
      Roles: [ref('ReaperRole')],
      PolicyDocument: {
        Statement: [{ Effect: 'Allow', Action: 'sqs:SendMessage', Resource: ref('ReaperDeadLetters'), ...statement }],
      },
    },
  });
  const onQueue = (statement: object) => ({
    Type: 'AWS::SQS::QueuePolicy',
    Properties: {
      PolicyDocument: {
        Statement: [{ Effect: 'Allow', Action: 'sqs:SendMessage', Resource: ref('ReaperDeadLetters'), ...statement }],
      },
    },
  });
  const ingress = (rule: object) => ({
    Type: 'AWS::EC2::SecurityGroupIngress',
    Properties: { GroupId: ref('ReaperSecurityGroup'), IpProtocol: 'tcp', FromPort: 443, ToPort: 443, ...rule },
  });
  const noReason = (row: string) => `the security review has no reason for "${row}"`;

  test.each<{ when: string; resource: { Type: string; Properties?: Record<string, unknown> }; fault: string }>([
    {
      when: 'an action has no reason',
      resource: onSweep({ Action: ['sqs:SendMessage', 'sqs:ReceiveMessage'] }),
      fault: noReason('ReaperRole sqs:ReceiveMessage on ReaperDeadLetters'),
    },
    {
      when: 'only another role has a reason for the action',
      resource: onSweep({ Action: 'lambda:InvokeFunction' }),
      fault: noReason('ReaperRole lambda:InvokeFunction on ReaperDeadLetters'),
    },
    {
      when: 'a resource is wider than it must be',
      resource: onSweep({ Resource: '*' }),
      fault: noReason('ReaperRole sqs:SendMessage on *'),
    },
    {
      when: 'an action is wider than the one that has a reason',
      resource: onSweep({ Action: 'sqs:Send*' }),
      fault: noReason('ReaperRole sqs:Send* on ReaperDeadLetters'),
    },
    {
      when: 'a statement lists what is not allowed',
      resource: onSweep({ NotAction: 'iam:*' }),
      fault: 'the security review does not know NotAction',
    },
    {
      when: 'everybody is allowed something',
      resource: onQueue({ Principal: '*' }),
      fault: noReason('* sqs:SendMessage on ReaperDeadLetters'),
    },
    {
      when: 'a service may do what another one may',
      resource: {
        Type: 'AWS::Lambda::Permission',
        Properties: {
          Action: 'lambda:InvokeFunction',
          FunctionName: ref('ReaperFunction'),
          Principal: 'events.amazonaws.com',
        },
      },
      fault: noReason('events.amazonaws.com lambda:InvokeFunction on ReaperFunction'),
    },
    {
      when: 'a role has a policy managed by AWS',
      resource: {
        Type: 'AWS::IAM::Role',
        Properties: { AssumeRolePolicyDocument: { Statement: [] }, ManagedPolicyArns: ['arn:aws:iam::aws:policy/Any'] },
      },
      fault: noReason('Added use on arn:aws:iam::aws:policy/Any'),
    },
    {
      when: 'others may connect to the functions',
      resource: ingress({ CidrIp: '0.0.0.0/0' }),
      fault: noReason('0.0.0.0/0 connect by tcp 443 on ReaperSecurityGroup'),
    },
    {
      when: 'a log is kept for no reason',
      resource: { Type: 'AWS::Logs::LogGroup', Properties: { RetentionInDays: 30 } },
      fault: noReason('Added keep on 30 days'),
    },
    {
      when: 'a function writes a log that is not declared',
      resource: { Type: 'AWS::Lambda::Function', Properties: { VpcConfig: {} } },
      fault: noReason('Added keep on in a log of Lambda, for ever'),
    },
    {
      when: 'a type of resource is unknown',
      resource: { Type: 'AWS::S3::Bucket' },
      fault: 'the security review does not know AWS::S3::Bucket (Added)',
    },
  ])('$when', ({ resource, fault }) => {
    const { before, after } = templatesOf(ONE_LINE);
    const reasons = (facts: readonly Fact[]) => facts.map(reasonOf);
    expect(reasons(addedFacts(before, after))).not.toEqual([]);
    const Resources = { ...after.Resources, Added00000000: resource };
    expect(() => reasons(addedFacts(before, { Resources }))).toThrow(fault);
  });

  test('the construct changes a resource that was there before', () => {
    const { before, after } = templatesOf(ONE_LINE);
    const [[id, cluster] = []] = Object.entries(after.Resources).filter(
      ([, { Type }]) => Type === 'AWS::RDS::DBCluster',
    );
    if (id === undefined || cluster === undefined) throw new Error('expected a cluster');
    const changed = { ...cluster, Properties: { ...cluster.Properties, DeletionProtection: false } };
    expect(() => addedFacts(before, { Resources: { ...after.Resources, [id]: changed } })).toThrow(
      'the security review does not know AWS::RDS::DBCluster (Cluster',
    );
  });
});

/** The facts of the construct with any option. */
function allFacts(): readonly Fact[] {
  return [ONE_LINE, ...OPTIONS].flatMap(factsOf);
}
