import { describe, expect, test } from 'vitest';
import { parseDatabases } from '../../infra/cdk-json/database-entry.js';
import { faultText, InputError } from '../../lambda/input/faults.js';
import { SECRET_ARN, SHIPPED_CONTEXT } from './a-reaper.js';

const LEAST = {
  secretArn: SECRET_ARN,
  vpc: {
    vpcId: 'vpc-0123456789abcdef0',
    availabilityZones: ['eu-central-1a'],
    privateSubnetIds: ['subnet-0123456789abcdef0'],
  },
};

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
      with: 'an unknown key',
      entry: { ...LEAST, idletimeout: '5m' },
      fault: /orders\.idletimeout: unknown key, did you mean idleTimeout\?$/,
    },
    {
      with: 'a name of its own',
      entry: { ...LEAST, databaseLabel: 'orders' },
      fault: /orders\.databaseLabel: unknown key(?!.*did you mean)/,
    },
    {
      with: 'no secret',
      entry: { vpc: LEAST.vpc },
      fault: /orders\.secretArn: missing\. Set secretArn, adminSecretArn or iamAuthentication: true\.$/,
    },
    {
      with: 'both secrets',
      entry: { ...LEAST, adminSecretArn: SECRET_ARN },
      fault: /orders\.adminSecretArn: has no effect with secretArn, /,
    },
    {
      with: 'the admin secret and no writer',
      entry: { vpc: LEAST.vpc, adminSecretArn: SECRET_ARN },
      fault: /orders\.instances: missing\. With adminSecretArn /,
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
      with: 'a threshold beyond the whole',
      entry: { ...LEAST, alarms: { RoleNearLimit: { threshold: 200 } } },
      fault: /orders\.alarms\.RoleNearLimit\.threshold: .*got 200$/,
    },
    {
      with: 'an alarm that there is not',
      entry: { ...LEAST, alarms: { RoleNearLimits: false } },
      fault: /orders\.alarms\.RoleNearLimits: unknown key, did you mean RoleNearLimit\?$/,
    },
    {
      with: 'a timeout longer than the interval',
      entry: { ...LEAST, timeout: '2m' },
      fault: /orders\.timeout: expected less than the interval/,
    },
    {
      with: 'an interval that is not whole minutes',
      entry: { ...LEAST, interval: '90s' },
      fault: /orders\.interval: expected whole minutes from 1 to 30, got 1\.5$/,
    },
    {
      with: 'a port beside instances, which have ports',
      entry: { ...LEAST, databasePort: 6432, instances: [{ name: 'primary', host: 'db.example' }] },
      fault: /orders\.databasePort: has no effect with instances/,
    },
    {
      with: 'a topic for pages, and no page',
      entry: {
        ...LEAST,
        pageTopicArn: 'arn:aws:sns:eu-central-1:123456789012:pager',
        alarms: { ConnectionsCritical: false },
      },
      fault: /orders\.pageTopicArn: has no effect without the alarm ConnectionsCritical/,
    },
    {
      with: 'things of several regions',
      entry: { ...LEAST, alarmTopicArn: 'arn:aws:sns:us-east-1:123456789012:on-call' },
      fault: /orders\.alarmTopicArn: expected the region of vpc\.availabilityZones\.0, eu-central-1, got us-east-1$/,
    },
    {
      with: 'the endpoint of any reader',
      entry: {
        ...LEAST,
        instances: [{ name: 'reader', host: 'orders.cluster-ro-abcdefghijkl.eu-central-1.rds.amazonaws.com' }],
      },
      fault: /orders\.instances\.0\.host: expected the endpoint of one instance, .*, got orders\.cluster-ro-/,
    },
    {
      with: 'the endpoint of a proxy',
      entry: {
        ...LEAST,
        instances: [{ name: 'proxy', host: 'orders.proxy-abcdefghijkl.eu-central-1.rds.amazonaws.com' }],
      },
      fault: /orders\.instances\.0\.host: expected the endpoint of one instance/,
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
      with: 'a login by IAM as anybody',
      entry: {
        vpc: LEAST.vpc,
        iamAuthentication: true,
        reaperRole: '*',
        databaseResourceId: 'db-ABC',
        instances: [{ name: 'primary', host: 'db.example' }],
      },
      fault: /orders\.reaperRole: expected a role name of 1 to 57 small letters, .* got "\*"$/,
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
      with: 'a login by IAM, and not on what',
      entry: {
        vpc: LEAST.vpc,
        iamAuthentication: true,
        reaperRole: 'reaper',
        instances: [{ name: 'primary', host: 'db.example' }],
      },
      fault: /orders\.databaseResourceId: missing\. iamAuthentication is granted on it/,
    },
    {
      with: 'a login by IAM, and no host',
      entry: { vpc: LEAST.vpc, iamAuthentication: true, reaperRole: 'reaper', databaseResourceId: 'db-ABC' },
      fault: /orders\.instances: expected instances with iamAuthentication, because no secret names the host/,
    },
    {
      with: 'a login by IAM and a password',
      entry: {
        ...LEAST,
        iamAuthentication: true,
        databaseResourceId: 'db-ABC',
        instances: [{ name: 'primary', host: 'db.example' }],
      },
      fault: /orders\.iamAuthentication: not supported with secretArn, which holds a password\. /,
    },
    {
      with: 'the identifier of an instance, which is no resource id',
      entry: {
        vpc: LEAST.vpc,
        iamAuthentication: true,
        reaperRole: 'reaper',
        databaseResourceId: 'orders',
        instances: [{ name: 'primary', host: 'db.example' }],
      },
      fault: /orders\.databaseResourceId: expected the resource id of an instance/,
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
    expect(faultsOf({ orders: entry })).toEqual([expect.stringMatching(fault)]);
  });

  test("fails when a name can't be a database's", () => {
    expect(faultsOf({ 'my orders': LEAST })).toEqual([
      expect.stringMatching(/^context\.databases\.my orders: expected a name of 1 to 64 letters/),
    ]);
  });

  test.each(['__proto__', 'constructor', 'prototype'])(
    'judges an entry called %s, and a key of one, like any other',
    (name) => {
      const own = (value: unknown) => JSON.parse(`{"${name}": ${JSON.stringify(value)}}`);
      expect(faultsOf(own({ ...LEAST, ...own(1), vpc: { ...LEAST.vpc, ...own(1) } }))).toEqual([
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
    const [fault = ''] = faultsOf({
      ['x'.repeat(100_000)]: { ...LEAST, iamAuthentication: true, reaperRole: `*${'x'.repeat(100_000)}` },
    });
    expect(fault.match(/x/g)?.length).toBeLessThanOrEqual(200);
  });

  test('fails when several entries have faults, with all of them at once', () => {
    const databases = { orders: { ...LEAST, mode: 'watch', vpcs: 1 }, billing: { ...LEAST, secretArn: 5 } };
    expect(faultsOf(databases)).toEqual([
      expect.stringMatching(/^context\.databases\.orders\.mode: expected "enforce" or "preview"/),
      expect.stringMatching(/^context\.databases\.orders\.vpcs: unknown key/),
      expect.stringMatching(/^context\.databases\.billing\.secretArn: /),
    ]);
  });

  test('fails when two names make one stack', () => {
    expect(faultsOf({ 'a.b': LEAST, 'a-b': LEAST })).toEqual([
      'context.databases.a-b: expected a name whose stack is its own, got that of a.b: ConnectionReaper-a-b',
    ]);
  });

  test.each([
    ['missing', undefined],
    ['empty', {}],
    ['a list', [LEAST]],
    ['text, as -c on the command line gives it', '{}'],
  ])('fails when the databases are %s', (_, databases) => {
    expect(faultsOf(databases)).toEqual([expect.stringMatching(/^context\.databases: /)]);
  });
});

test('fails when one database is wrong for the deployment and another for the function, with both at once', () => {
  expect(faultsOf({ orders: { ...LEAST, timeout: '20m' }, billing: { ...LEAST, idleTimeout: 5 } })).toEqual([
    expect.stringMatching(/^context\.databases\.orders\.timeout: /),
    expect.stringMatching(/^context\.databases\.billing\.idleTimeout: /),
  ]);
});

function faultsOf(databases: unknown): readonly string[] {
  try {
    parseDatabases(databases);
  } catch (error) {
    if (error instanceof InputError) return error.faults.map(faultText);
    throw error;
  }
  return [];
}
