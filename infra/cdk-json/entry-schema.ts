import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import * as v from 'valibot';
import { duration } from '../../lambda/input/duration.js';
import { exactObject, textLike } from '../../lambda/input/faults.js';
import { instance } from '../../lambda/input/settings.js';
import { sharedEntries } from '../props/shared-schema.js';
import { alarmActions, topicArn } from './alarms.js';

/** A partial ARN would have to be granted with a wildcard. */
const completeSecretArn = textLike(
  /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:.+-[A-Za-z0-9]{6}$/,
  'the complete ARN of a secret, with the six characters at its end (aws secretsmanager describe-secret prints it)',
);

const securityGroupId = textLike(/^sg-[0-9a-f]+$/, 'the id of a security group');

const keyArn = textLike(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/.+$/, 'the ARN of a KMS key');

/** @see https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html */
const MOST_SECURITY_GROUPS = 5;

const securityGroupIds = v.pipe(
  atLeastOne(securityGroupId),
  v.maxLength(MOST_SECURITY_GROUPS, `no more than ${MOST_SECURITY_GROUPS}`),
  v.check((ids) => new Set(ids).size === ids.length, 'ids that differ'),
);

const vpc = v.pipe(
  exactObject({
    vpcId: textLike(/^vpc-[0-9a-f]+$/, 'the id of a VPC'),
    availabilityZones: atLeastOne(textLike(/^[a-z0-9-]+$/, 'the name of an availability zone')),
    privateSubnetIds: atLeastOne(textLike(/^subnet-[0-9a-f]+$/, 'the id of a subnet')),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { availabilityZones, privateSubnetIds } = dataset.value;
    if (privateSubnetIds.length === availabilityZones.length) return;
    addIssue({
      message: 'one subnet for each availability zone, in the same order',
      input: privateSubnetIds,
      path: [{ type: 'object', origin: 'value', input: {}, key: 'privateSubnetIds', value: privateSubnetIds }],
    });
  }),
);

/** An entry of `context.databases` in `cdk.json`. */
export const entrySchema = exactObject({
  secretArn: v.optional(completeSecretArn),
  /** The login of the master user or of a superuser, in place of `secretArn`. */
  adminSecretArn: v.optional(completeSecretArn),
  /** The customer key that the secret is encrypted with, if any. */
  secretKeyArn: v.optional(keyArn),
  breakGlassSecretArn: v.optional(completeSecretArn),
  /** The one that the break-glass secret is encrypted with. */
  breakGlassSecretKeyArn: v.optional(keyArn),
  vpc,
  /** The function's own, in place of a new one. */
  securityGroupIds: v.optional(securityGroupIds),
  databaseSecurityGroupId: v.optional(securityGroupId),
  alarmTopicArn: v.optional(topicArn),
  pageTopicArn: v.optional(topicArn),
  /** The customer key that the topics are encrypted with which the stack makes. */
  topicEncryptionKeyArn: v.optional(keyArn),
  logRetentionDays: v.optional(
    v.enum(RetentionDays, 'a number of days that CloudWatch Logs knows, such as 30 or 365'),
    RetentionDays.ONE_MONTH,
  ),
  ...sharedEntries({ duration, fiveMinutes: '5m', instance, alarmActions, orToken: (schema) => schema }),
});

/** An entry as its schema gives it. */
export type Entry = v.InferOutput<typeof entrySchema>;

function atLeastOne(item: v.GenericSchema<string>) {
  return v.pipe(v.array(item, 'a list'), v.minLength(1, 'at least one'));
}
