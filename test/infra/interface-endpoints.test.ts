import type { Template } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { aVpc } from './a-database.js';
import { aReaper, bare, propertiesOf, sweeperOf } from './a-reaper.js';

const INSTANCES = [{ name: 'writer', host: 'writer.example' }];
const IAM = { iamAuthentication: true, reaperRole: 'reaper', databaseResourceId: 'db-ABC', instances: INSTANCES };

test('there are none unless they are asked for', () => {
  expect(endpointsOf(aReaper().template)).toEqual([]);
});

test('lead to Secrets Manager and CloudWatch from the subnets of the function, and for no other client of the VPC', () => {
  const { template } = aReaper({ interfaceEndpoints: true });
  const endpoint = {
    VpcEndpointType: 'Interface',
    PrivateDnsEnabled: false,
    VpcId: 'vpc-0123456789abcdef0',
    SubnetIds: sweeperOf(template).VpcConfig.SubnetIds,
  };
  expect(endpointsOf(template)).toEqual([
    expect.objectContaining({
      ...endpoint,
      ServiceName: 'com.amazonaws.<AWS::Region>.secretsmanager',
      SecurityGroupIds: ['<ReaperEndpointsSecretsManagerSecurityGroup.GroupId>'],
    }),
    expect.objectContaining({
      ...endpoint,
      ServiceName: 'com.amazonaws.<AWS::Region>.monitoring',
      SecurityGroupIds: ['<ReaperEndpointsCloudWatchSecurityGroup.GroupId>'],
    }),
  ]);
});

test('have one network interface an availability zone, which is all that they take', () => {
  const { template } = aReaper(({ stack }) => {
    const vpc = aVpc(stack);
    return { interfaceEndpoints: true, vpc, vpcSubnets: { subnets: [...vpc.privateSubnets, ...vpc.isolatedSubnets] } };
  });
  expect(sweeperOf(template).VpcConfig.SubnetIds).toHaveLength(4);
  for (const { SubnetIds } of endpointsOf(template)) {
    expect(SubnetIds).toEqual(sweeperOf(template).VpcConfig.SubnetIds.slice(0, 2).map(bare));
  }
});

test('the SDK is told their names', () => {
  const { Variables } = sweeperOf(aReaper({ interfaceEndpoints: true }).template).Environment;
  const nameOf = (endpoint: string) => ({
    'Fn::Join': [
      '',
      ['https://', { 'Fn::Select': [1, { 'Fn::Split': [':', { 'Fn::Select': [0, `<${endpoint}.DnsEntries>`] }] }] }],
    ],
  });
  expect(withRefs(Variables)).toMatchObject({
    AWS_ENDPOINT_URL_SECRETS_MANAGER: nameOf('ReaperEndpointsSecretsManager'),
    AWS_ENDPOINT_URL_CLOUDWATCH: nameOf('ReaperEndpointsCloudWatch'),
  });
});

test('take no calls but those that the functions may make', () => {
  const { template } = aReaper(({ secret }) => ({
    interfaceEndpoints: true,
    adminSecret: secret,
    instances: INSTANCES,
  }));
  const [secretsManager, cloudWatch] = endpointsOf(template).map(({ PolicyDocument }) => PolicyDocument.Statement);
  const may = (role: string, Resource: unknown) => ({
    Effect: 'Allow',
    Principal: { AWS: '*' },
    Action: 'secretsmanager:GetSecretValue',
    Resource,
    Condition: { ArnEquals: { 'aws:PrincipalArn': `<${role}.Arn>` } },
  });
  expect(secretsManager).toEqual([
    may('ReaperRole', '<ReaperLogin>'),
    may('ReaperBootstrapRole', [expect.stringMatching(/^arn:aws:secretsmanager:/), '<ReaperLogin>']),
  ]);
  expect(cloudWatch).toEqual([
    {
      Effect: 'Allow',
      Principal: { AWS: '*' },
      Action: 'cloudwatch:PutMetricData',
      Resource: '*',
      Condition: {
        ArnEquals: { 'aws:PrincipalArn': '<ReaperRole.Arn>' },
        StringEquals: { 'cloudwatch:namespace': 'ConnectionReaper' },
      },
    },
    {
      Effect: 'Allow',
      Principal: { AWS: '*' },
      Action: 'cloudwatch:GetMetricData',
      Resource: '*',
      Condition: { ArnEquals: { 'aws:PrincipalArn': '<ReaperRole.Arn>' } },
    },
  ]);
});

test('the function gets out to them, and to no other HTTPS', () => {
  const { template } = aReaper({ interfaceEndpoints: true, instances: INSTANCES });
  const https = (rules: readonly unknown[]) => rules.filter((rule) => JSON.stringify(rule).includes('443'));
  expect(https(propertiesOf(template, 'AWS::EC2::SecurityGroup'))).toEqual([]);
  const out = https(propertiesOf(template, 'AWS::EC2::SecurityGroupEgress')).map(bare);
  const into = https(propertiesOf(template, 'AWS::EC2::SecurityGroupIngress')).map(bare);
  const groups = ['SecretsManager', 'CloudWatch'].map((name) => `<ReaperEndpoints${name}SecurityGroup.GroupId>`);
  expect(out).toEqual(
    groups.map((group) =>
      expect.objectContaining({ GroupId: '<ReaperSecurityGroup.GroupId>', DestinationSecurityGroupId: group }),
    ),
  );
  expect(into).toEqual(
    groups.map((group) =>
      expect.objectContaining({ GroupId: group, SourceSecurityGroupId: '<ReaperSecurityGroup.GroupId>' }),
    ),
  );
});

test.each([
  { name: 'a login by IAM', props: IAM, services: ['monitoring'] },
  { name: 'metrics by the log', props: { metricsVia: 'emf' }, services: ['secretsmanager'] },
] as const)('there is none that $name makes needless', ({ props, services }) => {
  const { template } = aReaper({ interfaceEndpoints: true, ...props, ...('instances' in props ? IAM : {}) });
  expect(endpointsOf(template).map(({ ServiceName }) => ServiceName.split('.').at(-1))).toEqual(services);
});

test('a function that calls nothing gets out to PostgreSQL alone', () => {
  const { template } = aReaper({ ...IAM, metricsVia: 'emf' });
  const [{ SecurityGroupEgress } = {}] = propertiesOf(template, 'AWS::EC2::SecurityGroup');
  expect(SecurityGroupEgress).toEqual([expect.objectContaining({ FromPort: 5432, ToPort: 5432 })]);
});

test('fails when they would be of no use', () => {
  expect(() => aReaper({ ...IAM, metricsVia: 'emf', interfaceEndpoints: true })).toThrow(
    /- interfaceEndpoints: has no effect, since the function calls neither Secrets Manager nor CloudWatch\. /,
  );
});

interface EndpointProperties {
  readonly ServiceName: string;
  readonly SubnetIds: readonly unknown[];
  readonly PolicyDocument: { readonly Statement: readonly unknown[] };
}

function endpointsOf(template: Template): readonly EndpointProperties[] {
  return propertiesOf(template, 'AWS::EC2::VPCEndpoint').map((properties) => bare(properties) as EndpointProperties);
}

/** References alone as names; texts that are joined or split stay as they are. */
function withRefs(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withRefs);
  if (typeof value !== 'object' || value === null) return value;
  if ('Fn::GetAtt' in value || 'Ref' in value) return bare(value);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withRefs(member)]));
}
