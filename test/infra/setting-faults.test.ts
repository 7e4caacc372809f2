/** Faults that props and entries of `cdk.json` have alike: each case is given to both. */
import { Duration } from 'aws-cdk-lib';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, test } from 'vitest';
import { parseDatabases } from '../../infra/cdk-json/database-entry.js';
import { ConnectionReaper } from '../../infra/connection-reaper.js';
import type { ConnectionReaperProps } from '../../infra/connection-reaper-props.js';
import { aStack, faultsOf, LEAST_ENTRY, SECRET_ARN } from './a-reaper.js';

const TOPIC_ARN = 'arn:aws:sns:eu-central-1:123456789012:on-call';
const INSTANCES = [{ name: 'primary', host: 'db.example' }];
const ENDPOINT = 'abcdefghijkl.eu-central-1.rds.amazonaws.com';
const IAM = { iamAuthentication: true, reaperRole: 'reaper', databaseResourceId: 'db-ABC', instances: INSTANCES };
const MANY_ROLES = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`a_role_${index}`, 10]));

type Surroundings = ReturnType<typeof aStack>;

interface Case {
  readonly given: string;
  /** In both, beside a login, a name and a VPC. */
  readonly both?: object;
  readonly props?: object | ((surroundings: Surroundings) => Partial<ConnectionReaperProps>);
  readonly entry?: object;
  /** How the one fault begins, or the faults. */
  readonly faults: string | readonly string[];
  /** Where an entry names its keys in another way. */
  readonly entryFaults?: string;
}

const CASES: readonly Case[] = [
  {
    given: 'an unknown key',
    both: { idletimeout: 5 },
    faults: 'idletimeout: unknown key, did you mean idleTimeout?',
  },
  {
    given: 'an unknown alarm',
    both: { alarms: { RoleNearLimits: false } },
    faults: 'alarms.RoleNearLimits: unknown key, did you mean RoleNearLimit?',
  },
  {
    given: 'a threshold beyond the whole',
    both: { alarms: { RoleNearLimit: { threshold: 200 } } },
    faults: 'alarms.RoleNearLimit.threshold: expected a whole number from 1 to 100, got 200',
  },
  {
    given: 'an interval that is not whole minutes',
    props: { interval: Duration.seconds(90) },
    entry: { interval: '90s' },
    faults: 'interval: expected whole minutes from 1 to 30, got 1.5',
  },
  {
    given: 'an interval longer than alarms look back',
    props: { interval: Duration.hours(1) },
    entry: { interval: '1h' },
    faults: 'interval: expected whole minutes from 1 to 30, got 60',
  },
  {
    given: 'a timeout that reaches into the next sweep',
    props: { timeout: Duration.seconds(60) },
    entry: { timeout: '60s' },
    faults: 'timeout: expected less than the interval',
  },
  {
    given: 'a timeout beyond what Lambda allows',
    props: { timeout: Duration.minutes(16), interval: Duration.minutes(20) },
    entry: { timeout: '16m', interval: '20m' },
    faults: 'timeout: expected whole seconds from 35 to 900, got 960',
  },
  {
    given: 'an unknown trigger',
    both: { trigger: 'hourly' },
    faults: 'trigger: expected "schedule" or "alarm", got "hourly"',
  },
  {
    given: 'an alarm that starts a sweep each minute',
    both: {
      trigger: 'alarm',
      alarms: { DatabaseConnections: { threshold: 80 } },
      instances: [{ name: 'primary', host: `orders.${ENDPOINT}` }],
    },
    props: { interval: Duration.minutes(1) },
    entry: { interval: '1m' },
    faults: 'interval: expected 2 minutes or more with trigger: "alarm"',
  },
  {
    given: 'a port and instances, which have ports',
    both: { databasePort: 6432, instances: INSTANCES },
    faults: 'databasePort: has no effect with instances',
  },
  {
    given: 'the endpoint of any reader',
    both: { instances: [{ name: 'reader', host: `orders.cluster-ro-${ENDPOINT}` }] },
    faults: 'instances.0.host: expected the endpoint of one instance',
  },
  {
    given: 'the endpoint of a proxy',
    both: { instances: [{ name: 'proxy', host: `orders.proxy-${ENDPOINT}` }] },
    faults: 'instances.0.host: expected the endpoint of one instance',
  },
  {
    given: 'two instances of one name',
    both: { instances: [...INSTANCES, { name: 'primary', host: 'other.example' }] },
    faults: 'instances: expected instances whose names differ',
  },
  {
    given: 'a rule without a matcher',
    both: { rules: [{ spare: true }] },
    faults: 'rules.0: expected at least one of application',
  },
  {
    given: 'a resource to log in to, and no login by IAM',
    both: { databaseResourceId: 'db-ABC' },
    faults: 'databaseResourceId: has no effect without iamAuthentication',
  },
  {
    given: 'a login by IAM as any role',
    both: { ...IAM, reaperRole: 'a*' },
    faults: 'reaperRole: expected a role name of 1 to 57 small letters',
  },
  ...['*', 'orders'].map((databaseResourceId) => ({
    given: `a login by IAM to ${databaseResourceId}`,
    both: { ...IAM, databaseResourceId },
    faults: 'databaseResourceId: expected the resource id of an instance',
  })),
  {
    given: 'a login by IAM, and no resource',
    both: { ...IAM, databaseResourceId: undefined },
    faults: 'databaseResourceId: missing. iamAuthentication is granted on it',
  },
  {
    given: 'a login by IAM, and no host',
    both: { ...IAM, instances: undefined },
    faults: 'instances: expected instances with iamAuthentication, because no secret names the host',
  },
  {
    given: 'a login by IAM without TLS',
    both: { ...IAM, sslMode: 'disable' },
    faults: 'sslMode: expected "verify-full" with iamAuthentication',
  },
  {
    given: 'a login by IAM and a password',
    both: { ...IAM, reaperRole: undefined },
    props: ({ secret }) => ({ secret }),
    entry: { secretArn: SECRET_ARN },
    faults: 'iamAuthentication: not supported with secret, which holds a password. Remove one of the two.',
    entryFaults: 'iamAuthentication: not supported with secretArn, which holds a password. Remove one of the two.',
  },
  {
    given: 'no login',
    props: { secret: undefined, instances: INSTANCES },
    entry: { secretArn: undefined, instances: INSTANCES },
    faults: 'secret: missing. Set secret, adminSecret or iamAuthentication: true.',
    entryFaults: 'secretArn: missing. Set secretArn, adminSecretArn or iamAuthentication: true.',
  },
  {
    given: 'two secrets',
    props: ({ secret }) => ({ secret, adminSecret: secret, instances: INSTANCES }),
    entry: { secretArn: SECRET_ARN, adminSecretArn: SECRET_ARN, instances: INSTANCES },
    faults: 'adminSecret: has no effect with secret, whose role is set up by hand. Remove one of the two.',
    entryFaults: 'adminSecretArn: has no effect with secretArn, whose role is set up by hand. Remove one of the two.',
  },
  {
    given: 'an admin secret, and no instances',
    props: ({ secret }) => ({ secret: undefined, adminSecret: secret }) as unknown as Partial<ConnectionReaperProps>,
    entry: { secretArn: undefined, adminSecretArn: SECRET_ARN },
    faults: 'instances: missing. With adminSecret no secret names the host of the reaper, so list the instances.',
    entryFaults:
      'instances: missing. With adminSecretArn no secret names the host of the reaper, so list the instances.',
  },
  {
    given: 'a role for a secret that names it',
    both: { reaperRole: 'orders_reaper' },
    faults: 'reaperRole: has no effect, since secret names the role. Remove it.',
    entryFaults: 'reaperRole: has no effect, since secretArn names the role. Remove it.',
  },
  {
    given: 'a topic for pages, and no page',
    both: { alarms: { ConnectionsCritical: false } },
    props: ({ stack }) => ({ pageTopic: new Topic(stack, 'OnCall') }),
    entry: { pageTopicArn: TOPIC_ARN },
    faults: 'pageTopic: has no effect without the alarm ConnectionsCritical',
    entryFaults: 'pageTopicArn: has no effect without the alarm ConnectionsCritical',
  },
  {
    given: 'a topic for pages that go elsewhere',
    props: ({ stack }) => {
      const pageTopic = new Topic(stack, 'OnCall');
      return { pageTopic, alarms: { ConnectionsCritical: { actions: [new SnsAction(pageTopic)] } } };
    },
    entry: { pageTopicArn: TOPIC_ARN, alarms: { ConnectionsCritical: { topicArn: TOPIC_ARN } } },
    faults: 'pageTopic: has no effect with alarms.ConnectionsCritical.actions, which ConnectionsCritical does instead',
    entryFaults:
      'pageTopicArn: has no effect with alarms.ConnectionsCritical.topicArn, which ConnectionsCritical does instead',
  },
  {
    given: 'an environment that is too large, and another fault',
    both: { roleLimits: MANY_ROLES, databasePort: 6432, instances: INSTANCES },
    faults: ['databasePort: has no effect', 'the settings make an environment of '],
  },
];

describe.each(CASES)('fails when given $given', ({ both, props, entry, faults, entryFaults = faults }) => {
  test('in props', () => {
    const surroundings = aStack();
    const { stack, vpc, secret } = surroundings;
    const own = typeof props === 'function' ? props(surroundings) : props;
    const login = both !== undefined && 'iamAuthentication' in both ? {} : { secret };
    const all = { databaseLabel: 'orders', vpc, ...login, ...both, ...own };
    expectFaults(
      faultsOf(() => new ConnectionReaper(stack, 'Reaper', all)),
      faults,
    );
  });

  test('in an entry', () => {
    const { secretArn, vpc } = LEAST_ENTRY;
    const login = both !== undefined && 'iamAuthentication' in both ? {} : { secretArn };
    const orders = JSON.parse(JSON.stringify({ vpc, ...login, ...both, ...entry }));
    const found = faultsOf(() => parseDatabases({ orders })).map((fault) =>
      fault.replace(/^context\.databases\.orders(\.|: )/, ''),
    );
    expectFaults(found, entryFaults);
  });
});

function expectFaults(found: readonly string[], expected: string | readonly string[]): void {
  const beginnings = [expected].flat();
  expect(found.map((fault, index) => fault.slice(0, beginnings[index]?.length))).toEqual(beginnings);
}
