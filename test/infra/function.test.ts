import { Duration } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { expect, test } from 'vitest';
import { SETTINGS_VARIABLE } from '../../lambda/contract/names.js';
import { aReaper, propertiesOf } from './a-reaper.js';

test('runs on the current Node.js, on arm64, in the VPC, and logs JSON into a group of its own', () => {
  const { template } = aReaper();
  template.hasResourceProperties('AWS::Lambda::Function', {
    Runtime: 'nodejs24.x',
    Architectures: ['arm64'],
    Handler: 'index.handler',
    MemorySize: 256,
    Timeout: 50,
    VpcConfig: {
      SubnetIds: ['subnet-0123456789abcdef0'],
      SecurityGroupIds: [{ 'Fn::GetAtt': [Match.stringLikeRegexp('^ReaperSecurityGroup'), 'GroupId'] }],
    },
    LoggingConfig: { LogFormat: 'JSON', LogGroup: { Ref: Match.stringLikeRegexp('^ReaperLog') } },
    DeadLetterConfig: { TargetArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ReaperDeadLetters'), 'Arn'] } },
  });
  template.resourceCountIs('AWS::Lambda::Function', 1);
});

test('keeps its log for a month', () => {
  aReaper().template.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
});

test('keeps its log and runs for as long as it is told to', () => {
  const { template } = aReaper({ logRetention: RetentionDays.ONE_YEAR, timeout: Duration.seconds(40) });
  template.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 365 });
  template.hasResourceProperties('AWS::Lambda::Function', { Timeout: 40 });
});

test('is not retried, since the next sweep sees more', () => {
  aReaper().template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
    MaximumRetryAttempts: 0,
    MaximumEventAgeInSeconds: 60,
  });
});

test('reserves no concurrency, so that a hanging sweep keeps nobody from invoking it', () => {
  aReaper().template.hasResourceProperties('AWS::Lambda::Function', { ReservedConcurrentExecutions: Match.absent() });
});

test.each([
  ['trusts the certificate authorities of the runtime', {}, '/var/runtime/ca-cert.pem'],
  ['leaves them out where there is a file of its own', { sslRootCert: '/opt/rds.pem' }, undefined],
  ['leaves them out where nothing is verified', { sslMode: 'disable' }, undefined],
] as const)('%s', (_, props, expected) => {
  expect(variables(aReaper(props))['NODE_EXTRA_CA_CERTS']).toBe(expected);
});

test('has the settings and the certificate authorities in its environment, and nothing else', () => {
  expect(Object.keys(variables(aReaper())).toSorted()).toEqual(['NODE_EXTRA_CA_CERTS', SETTINGS_VARIABLE]);
});

function variables({ template }: ReturnType<typeof aReaper>): Record<string, unknown> {
  const [{ Environment } = {}] = propertiesOf(template, 'AWS::Lambda::Function');
  return (Environment as { Variables: Record<string, unknown> }).Variables;
}
