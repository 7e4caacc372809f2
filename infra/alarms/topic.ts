/** The topics that alarms notify, and who may publish to them. */
import { Annotations, ArnFormat, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { withoutUndefined } from '../props/without-undefined.js';
import { alarmNamePrefix } from './names.js';

/** Properties of an {@link alarmTopic}. */
export interface AlarmTopicProps {
  readonly databaseLabel: string;

  /** One that there is already. @default - a new one */
  readonly topic: ITopic | undefined;

  /** Encrypts what is published. @default - it is not encrypted */
  readonly encryptionKey?: IKey | undefined;
}

/**
 * A topic that the alarms of one database may publish to: the given one, or a new one.
 *
 * Without the permissions an alarm still goes to ALARM, but notifies nobody, and says so in its history alone.
 */
export function alarmTopic(scope: Construct, id: 'AlarmTopic' | 'PageTopic', props: AlarmTopicProps): ITopic {
  if (props.topic === undefined) return newTopic(scope, id, props);
  // A policy takes the place of SNS's own, which lets the account's alarms in: `enforceSSL` alone keeps them out. To make
  // one where there is none would do so to whoever else publishes there. Imported ones never have any.
  if (props.topic.node.tryFindChild('Policy') !== undefined) admitAlarms(scope, props.topic, props.databaseLabel);
  return props.topic;
}

function newTopic(scope: Construct, id: string, { databaseLabel, encryptionKey }: AlarmTopicProps): ITopic {
  const topic = new Topic(scope, id, {
    displayName: `Connection Reaper: ${databaseLabel}${id === 'PageTopic' ? ' (page)' : ''}`,
    enforceSSL: true,
    ...withoutUndefined({ masterKey: encryptionKey }),
  });
  admitAlarms(scope, topic, databaseLabel);
  // CloudWatch itself calls KMS, and what the key's policy allows the account is nothing to it.
  const granted = encryptionKey?.addToResourcePolicy(
    alarmStatement(scope, databaseLabel, {
      actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      resources: ['*'],
    }),
  );
  if (granted?.statementAdded === false) tellOfImportedKey(topic, databaseLabel);
  return topic;
}

/** Without a name for the statement, since those of several reapers must differ: CDK numbers them. */
function admitAlarms(scope: Construct, topic: ITopic, databaseLabel: string): void {
  const publish = { actions: ['sns:Publish'], resources: [topic.topicArn] };
  topic.addToResourcePolicy(alarmStatement(scope, databaseLabel, publish));
}

/** Not a warning, which would have to be acknowledged by those whose key is in order. */
function tellOfImportedKey(topic: ITopic, databaseLabel: string): void {
  Annotations.of(topic).addInfoV2(
    'connection-reaper:importedTopicKey',
    'The policy of an imported key stays as it is. It must allow cloudwatch.amazonaws.com to kms:Decrypt and ' +
      `kms:GenerateDataKey* for the alarms ${alarmNamePrefix(databaseLabel)}*, else they notify nobody`,
  );
}

/**
 * Allows CloudWatch something on behalf of the alarms of this database.
 *
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
 */
function alarmStatement(
  scope: Construct,
  databaseLabel: string,
  allowed: { readonly actions: string[]; readonly resources: string[] },
): PolicyStatement {
  const stack = Stack.of(scope);
  return new PolicyStatement({
    ...allowed,
    principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
    conditions: {
      StringEquals: { 'aws:SourceAccount': stack.account },
      ArnLike: {
        'aws:SourceArn': stack.formatArn({
          service: 'cloudwatch',
          resource: 'alarm',
          resourceName: `${alarmNamePrefix(databaseLabel)}*`,
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        }),
      },
    },
  });
}
