import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { expect, test } from 'vitest';
import { aReaper, propertiesOf, resolved } from './a-reaper.js';

const HTTPS = { CidrIp: '0.0.0.0/0', IpProtocol: 'tcp', FromPort: 443, ToPort: 443 };
const DATABASE_GROUP = 'sg-0123456789abcdef0';

test('lets the function out to HTTPS and PostgreSQL, and nobody in', () => {
  const { template } = aReaper();
  expect(propertiesOf(template, 'AWS::EC2::SecurityGroup')).toEqual([
    expect.objectContaining({
      VpcId: 'vpc-0123456789abcdef0',
      SecurityGroupEgress: [
        expect.objectContaining(HTTPS),
        expect.objectContaining({ CidrIp: '0.0.0.0/0', IpProtocol: 'tcp', FromPort: 5432, ToPort: 5432 }),
      ],
    }),
  ]);
  expect(propertiesOf(template, 'AWS::EC2::SecurityGroup')[0]).not.toHaveProperty('SecurityGroupIngress');
});

test('says that nobody lets the function in where the database has no security group', () => {
  const letIn = ({ stack }: ReturnType<typeof aReaper>) =>
    Annotations.fromStack(stack).findInfo('*', Match.stringLikeRegexp('none lets the function in'));
  expect(letIn(aReaper())).toHaveLength(1);
  const known = aReaper(({ stack }) => ({
    databaseSecurityGroup: SecurityGroup.fromSecurityGroupId(stack, 'DatabaseGroup', DATABASE_GROUP),
  }));
  expect(letIn(known)).toEqual([]);
});

test('lets the function and the database talk to each other alone where its security group is known', () => {
  const { template } = aReaper(({ stack }) => ({
    databasePort: 6432,
    databaseSecurityGroup: SecurityGroup.fromSecurityGroupId(stack, 'DatabaseGroup', DATABASE_GROUP),
  }));
  const [own, ...others] = propertiesOf(template, 'AWS::EC2::SecurityGroup');
  expect(others).toEqual([]);
  expect(own).toMatchObject({ SecurityGroupEgress: [HTTPS] });
  template.hasResourceProperties('AWS::EC2::SecurityGroupEgress', {
    DestinationSecurityGroupId: DATABASE_GROUP,
    FromPort: 6432,
    ToPort: 6432,
  });
  template.hasResourceProperties('AWS::EC2::SecurityGroupIngress', {
    GroupId: DATABASE_GROUP,
    FromPort: 6432,
    ToPort: 6432,
  });
});

test('opens the port of each instance once', () => {
  const { template } = aReaper({
    instances: [
      { name: 'writer', host: 'writer.example' },
      { name: 'reader', host: 'reader.example' },
      { name: 'other', host: 'other.example', port: 6432 },
    ],
  });
  const [{ SecurityGroupEgress } = {}] = propertiesOf(template, 'AWS::EC2::SecurityGroup');
  expect((SecurityGroupEgress as { FromPort: number }[]).map(({ FromPort }) => FromPort)).toEqual([443, 5432, 6432]);
});

test('leaves security groups that it is given as they are', () => {
  const { template } = aReaper(({ stack }) => ({
    securityGroups: [SecurityGroup.fromSecurityGroupId(stack, 'Own', 'sg-00000000000000001')],
  }));
  template.resourceCountIs('AWS::EC2::SecurityGroup', 0);
  template.resourceCountIs('AWS::EC2::SecurityGroupEgress', 0);
  template.hasResourceProperties('AWS::Lambda::Function', {
    VpcConfig: { SecurityGroupIds: ['sg-00000000000000001'] },
  });
});

test('runs in the subnets that it is given', () => {
  const { template } = aReaper(({ vpc }) => ({ vpcSubnets: { subnets: vpc.privateSubnets.slice(0, 1) } }));
  const [{ VpcConfig } = {}] = propertiesOf(template, 'AWS::Lambda::Function');
  expect(resolved(VpcConfig)).toMatchObject({ SubnetIds: ['subnet-0123456789abcdef0'] });
});
