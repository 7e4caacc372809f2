import { Duration, Token } from 'aws-cdk-lib';
import type { IAlarmAction } from 'aws-cdk-lib/aws-cloudwatch';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import * as v from 'valibot';
import { exactObject, excerpt, isObject, wholeNumber } from '../../lambda/input/faults.js';
import { host, label, port } from '../../lambda/input/settings.js';
import type { ConnectionReaperProps, ReaperDatabase, ReaperInstance } from '../connection-reaper-props.js';
import { sharedEntries } from './shared-schema.js';

/** By what we use of it, since an app may have several copies of aws-cdk-lib, to which `instanceof` is blind. */
function construct<Value>(expected: string, ...attributes: readonly string[]) {
  return v.custom<Value>((value) => isObject(value) && attributes.some((attribute) => attribute in value), expected);
}

/** The longest that settings can write in seconds. */
const MOST_SECONDS = 999_999_999;

const duration = v.pipe(
  v.custom<Duration>(
    (value) => typeof Object(value).toSeconds === 'function',
    'a Duration, such as Duration.minutes(5)',
  ),
  v.transform((value) => value.toSeconds({ integral: false })),
  wholeNumber(1, MOST_SECONDS, 'a Duration of whole seconds'),
);

/** What only the deployment knows, such as the endpoint of a database of the same app, passes as it is. */
function orToken<Value>(schema: v.GenericSchema<Value>): v.GenericSchema<Value> {
  const token = v.custom<Value>((value) => Token.isUnresolved(value));
  return v.lazy((value): v.GenericSchema<Value> => (Token.isUnresolved(value) ? token : schema));
}

const instance = exactObject({
  name: label,
  host: orToken(host),
  port: v.optional(orToken(port)),
  dbInstanceIdentifier: v.optional(v.string('the identifier of an instance')),
}) as v.GenericSchema<unknown, ReaperInstance>;

/** CloudWatch takes five for each state of an alarm, and one may be the function's invocation. */
const MAX_ACTIONS = 4;

const actions = v.optional(
  v.pipe(
    v.array(construct<IAlarmAction>('an alarm action (IAlarmAction)', 'bind'), 'a list of alarm actions'),
    v.maxLength(MAX_ACTIONS, `at most ${MAX_ACTIONS} alarm actions`),
  ),
);

const secret = v.optional(construct<ISecret>('a secret (ISecret)', 'secretArn'));
const securityGroup = construct<ISecurityGroup>('a security group (ISecurityGroup)', 'securityGroupId');
const topic = v.optional(construct<ITopic>('a topic (ITopic)', 'topicArn'));

/**
 * The props, also where nothing checked their types: plain JavaScript can give props that there are not, which would be
 * ignored, and values of another kind, which would fail far from here or have no effect.
 */
export const propsSchema = exactObject({
  database: v.optional(
    construct<ReaperDatabase>(
      'a cluster or an instance of aws-cdk-lib/aws-rds (IDatabaseCluster, IDatabaseInstance)',
      'clusterIdentifier',
      'instanceIdentifier',
    ),
  ),
  databaseLabel: v.optional(label),
  secret,
  adminSecret: secret,
  breakGlassSecret: secret,
  vpc: v.optional(construct<IVpc>('a VPC (IVpc)', 'vpcId')),
  vpcSubnets: v.optional(v.custom<SubnetSelection>(isObject, 'a selection of subnets (SubnetSelection)')),
  securityGroups: v.optional(
    v.pipe(
      v.array(securityGroup, 'a list of security groups (ISecurityGroup)'),
      v.minLength(1, 'at least one security group'),
    ),
  ),
  databaseSecurityGroup: v.optional(securityGroup),
  logRetention: v.optional(
    v.custom<RetentionDays>(Number.isFinite, 'a number of days (RetentionDays)'),
    RetentionDays.ONE_MONTH,
  ),
  alarmTopic: topic,
  pageTopic: topic,
  topicEncryptionKey: v.optional(construct<IKey>('a KMS key (IKey)', 'keyArn')),
  ...sharedEntries({
    duration,
    fiveMinutes: Duration.minutes(5),
    instance,
    alarmActions: { actions, okActions: actions },
    orToken,
  }),
} satisfies Record<keyof ConnectionReaperProps, v.GenericSchema>);

/** Props as their schema gives them: idle timeouts in seconds, and the defaults that depend on no other prop. */
export type PropValues = v.InferOutput<typeof propsSchema>;

/** Shows a value in a fault. Constructs contain circles, so of them it shows the class. */
export function quoteProp(value: unknown): string {
  if (typeof value === 'function' || (isObject(value) && value.constructor !== Object)) {
    return `a ${value.constructor?.name ?? 'value'}`;
  }
  return Array.isArray(value) && value.length > 0 ? `a list of ${value.length}` : excerpt(value);
}
