import { describe, expect, test } from 'vitest';
import { parseDatabases } from '../../infra/cdk-json/database-entry.js';
import { faultsOf, LEAST_ENTRY as LEAST, SECRET_ARN, SHIPPED_CONTEXT } from './a-reaper.js';

test('reads the settings of an entry, under its name, and what the deployment needs', () => {
  const [config, ...others] = parseDatabases({
    orders: { ...LEAST, idleTimeout: '90s', roleLimits: { checkout: 40 }, logRetentionDays: 7, databasePort: 6432 },
  });
  expect(others).toEqual([]);
  expect(config).toMatchObject({ vpc: LEAST.vpc, logRetentionDays: 7, databasePort: 6432 });
  expect(config).toMatchObject({
    databaseLabel: 'orders',
    secretArn: SECRET_ARN,
    idleTimeout: 90,
    roleLimits: { checkout: 40 },
  });
});

test('reads what ships', () => {
  expect(parseDatabases(SHIPPED_CONTEXT.databases).map(({ databaseLabel }) => databaseLabel)).toEqual(['orders']);
});

describe('entries', () => {
  test.each<{ with: string; entry: unknown; fault: RegExp }>([
    {
      with: 'no object',
      entry: 5,
      fault: /^context\.databases\.orders: expected an object with the keys secretArn, .*got 5$/,
    },
    {
      with: 'a name of its own',
      entry: { ...LEAST, databaseLabel: 'orders' },
      fault: /orders\.databaseLabel: unknown key(?!.*did you mean)/,
    },
    {
      with: 'a partial secret ARN',
      entry: { ...LEAST, secretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders/reap' },
      fault: /orders\.secretArn: expected the complete ARN of a secret, with the six characters at its end/,
    },
    { with: 'no VPC', entry: { secretArn: SECRET_ARN }, fault: /orders\.vpc: missing$/ },
    {
      with: 'subnets that are not those of the zones',
      entry: { ...LEAST, vpc: { ...LEAST.vpc, availabilityZones: ['eu-central-1a', 'eu-central-1b'] } },
      fault: /orders\.vpc\.privateSubnetIds: expected one subnet for each availability zone/,
    },
    {
      with: 'a setting that the function would refuse',
      entry: { ...LEAST, rules: [{ application: 'psql', idleTimeout: 'soon' }] },
      fault: /orders\.rules\.0\.idleTimeout: expected a duration/,
    },
    {
      with: 'things of several regions',
      entry: { ...LEAST, alarmTopicArn: 'arn:aws:sns:us-east-1:123456789012:on-call' },
      fault: /orders\.alarmTopicArn: expected the region of vpc\.availabilityZones\.0, eu-central-1, got us-east-1$/,
    },
    {
      with: 'a security group twice',
      entry: { ...LEAST, securityGroupIds: ['sg-00000000000000001', 'sg-00000000000000001'] },
      fault: /orders\.securityGroupIds: expected ids that differ/,
    },
    {
      with: 'more security groups than Lambda takes',
      entry: {
        ...LEAST,
        securityGroupIds: ['1', '2', '3', '4', '5', '6'].map((digit) => `sg-0000000000000000${digit}`),
      },
      fault: /orders\.securityGroupIds: expected no more than 5/,
    },
    {
      with: 'the key of a break-glass secret that there is not',
      entry: {
        ...LEAST,
        breakGlassSecretKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000',
      },
      fault: /orders\.breakGlassSecretKeyArn: has no effect without breakGlassSecretArn/,
    },
    {
      with: 'the key of a secret that there is not',
      entry: {
        vpc: LEAST.vpc,
        iamAuthentication: true,
        reaperRole: 'reaper',
        databaseResourceId: 'db-ABC',
        instances: [{ name: 'primary', host: 'db.example' }],
        secretKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000',
      },
      fault: /orders\.secretKeyArn: has no effect without secretArn or adminSecretArn/,
    },
    {
      with: 'a retention that CloudWatch has not',
      entry: { ...LEAST, logRetentionDays: 31 },
      fault: /orders\.logRetentionDays: .*got 31$/,
    },
    {
      with: 'the name of a topic',
      entry: { ...LEAST, alarmTopicArn: 'on-call' },
      fault: /orders\.alarmTopicArn: expected the ARN of an SNS topic/,
    },
    { with: 'an alias of a key', entry: { ...LEAST, secretKeyArn: 'alias/orders' }, fault: /orders\.secretKeyArn: / },
    {
      with: 'the name of a security group',
      entry: { ...LEAST, databaseSecurityGroupId: 'db' },
      fault: /orders\.databaseSecurityGroupId: /,
    },
  ])('fails when an entry has $with', ({ entry, fault }) => {
    expect(faultsIn({ orders: entry })).toEqual([expect.stringMatching(fault)]);
  });

  test("fails when a name can't be a database's", () => {
    expect(faultsIn({ 'my orders': LEAST })).toEqual([
      expect.stringMatching(/^context\.databases\.my orders: expected a name of 1 to 64 letters/),
    ]);
  });

  test.each(['__proto__', 'constructor', 'prototype'])(
    'judges an entry called %s, and a key of one, like any other',
    (name) => {
      const own = (value: unknown) => JSON.parse(`{"${name}": ${JSON.stringify(value)}}`);
      expect(faultsIn(own({ ...LEAST, ...own(1), vpc: { ...LEAST.vpc, ...own(1) } }))).toEqual([
        expect.stringMatching(`^context\\.databases\\.${name}\\.vpc\\.${name}: unknown key`),
        expect.stringMatching(`^context\\.databases\\.${name}\\.${name}: unknown key`),
        // A database is called by a letter or a digit first.
        ...(name === '__proto__'
          ? [expect.stringMatching(/^context\.databases\.__proto__: expected a name of 1/)]
          : []),
      ]);
    },
  );

  test('quotes little of a long name', () => {
    const [fault = ''] = faultsIn({
      ['x'.repeat(100_000)]: { ...LEAST, iamAuthentication: true, reaperRole: `*${'x'.repeat(100_000)}` },
    });
    expect(fault.match(/x/g)?.length).toBeLessThanOrEqual(200);
  });

  test('fails when several entries have faults, with all of them at once', () => {
    const databases = { orders: { ...LEAST, mode: 'watch', vpcs: 1 }, billing: { ...LEAST, secretArn: 5 } };
    expect(faultsIn(databases)).toEqual([
      expect.stringMatching(/^context\.databases\.orders\.mode: expected "enforce" or "preview"/),
      expect.stringMatching(/^context\.databases\.orders\.vpcs: unknown key/),
      expect.stringMatching(/^context\.databases\.billing\.secretArn: /),
    ]);
  });

  test('fails when two names make one stack', () => {
    expect(faultsIn({ 'a.b': LEAST, 'a-b': LEAST })).toEqual([
      'context.databases.a-b: expected a name whose stack is its own, got that of a.b: ConnectionReaper-a-b',
    ]);
  });

  test.each([
    ['missing', undefined],
    ['empty', {}],
    ['a list', [LEAST]],
    ['text, as -c on the command line gives it', '{}'],
  ])('fails when the databases are %s', (_, databases) => {
    expect(faultsIn(databases)).toEqual([expect.stringMatching(/^context\.databases: /)]);
  });
});

test('fails when one database is wrong for the deployment and another for the function, with both at once', () => {
  expect(faultsIn({ orders: { ...LEAST, timeout: '20m' }, billing: { ...LEAST, idleTimeout: 5 } })).toEqual([
    expect.stringMatching(/^context\.databases\.orders\.timeout: /),
    expect.stringMatching(/^context\.databases\.billing\.idleTimeout: /),
  ]);
});

function faultsIn(databases: unknown): readonly string[] {
  return faultsOf(() => parseDatabases(databases));
}
