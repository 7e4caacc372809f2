import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, test } from 'vitest';
import { aReaper, propertiesOf, resolved } from './a-reaper.js';

/** What CloudWatch may do only for the alarms of this database in this account. */
const FOR_OUR_ALARMS = {
  StringEquals: { 'aws:SourceAccount': expect.stringMatching(/^\$\{AWS::AccountId\}$/) },
  ArnLike: { 'aws:SourceArn': expect.stringMatching(/:alarm:ConnectionReaper-orders-\*$/) },
};

test.each(['AlarmTopic', 'PageTopic'])('CloudWatch may publish to %s, for the alarms of this database', (id) => {
  const { template } = aReaper();
  const topic = new RegExp(`^\\$\\{Reaper${id}[0-9A-F]{8}\\}$`);
  const policies = propertiesOf(template, 'AWS::SNS::TopicPolicy').map(resolved) as { Topics: string[] }[];
  expect(policies.find(({ Topics }) => Topics.some((one) => topic.test(one)))).toMatchObject({
    PolicyDocument: {
      Statement: [
        { Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
        {
          Effect: 'Allow',
          Action: 'sns:Publish',
          Principal: { Service: 'cloudwatch.amazonaws.com' },
          Resource: expect.stringMatching(topic),
          Condition: FOR_OUR_ALARMS,
        },
      ],
    },
  });
});

test.each(['AWS::CloudWatch::Alarm', 'AWS::CloudWatch::CompositeAlarm'])(
  'every %s has a name that the topics admit',
  (type) => {
    const alarms = propertiesOf(aReaper().template, type);
    expect(alarms.length).toBeGreaterThan(0);
    for (const { AlarmName } of alarms) expect(AlarmName).toMatch(/^ConnectionReaper-orders-/);
  },
);

test('alarms go to the topics that were given, which stay as they are', () => {
  const topicArn = 'arn:aws:sns:eu-central-1:123456789012:tickets';
  const pageArn = 'arn:aws:sns:eu-central-1:123456789012:on-call';
  const { template, reaper } = aReaper(({ stack }) => ({
    alarmTopic: Topic.fromTopicArn(stack, 'Tickets', topicArn),
    pageTopic: Topic.fromTopicArn(stack, 'OnCall', pageArn),
  }));
  expect(reaper.alarmTopic.topicArn).toBe(topicArn);
  expect(reaper.pageTopic?.topicArn).toBe(pageArn);
  template.resourceCountIs('AWS::SNS::Topic', 0);
  template.resourceCountIs('AWS::SNS::TopicPolicy', 0);
  template.allResourcesProperties(
    'AWS::CloudWatch::Alarm',
    Match.objectLike({ AlarmActions: Match.arrayWith([topicArn]), OKActions: [topicArn] }),
  );
  template.allResourcesProperties(
    'AWS::CloudWatch::CompositeAlarm',
    Match.objectLike({ AlarmActions: [pageArn], OKActions: [pageArn] }),
  );
});

describe('a customer key', () => {
  test('of the app encrypts both topics, and lets CloudWatch publish for the alarms of this database', () => {
    const { template } = aReaper(({ stack }) => ({ topicEncryptionKey: new Key(stack, 'TopicKey') }));
    const topics = propertiesOf(template, 'AWS::SNS::Topic').map(resolved) as { KmsMasterKeyId: string }[];
    expect(topics.map(({ KmsMasterKeyId }) => KmsMasterKeyId)).toEqual(
      Array(2).fill(expect.stringMatching(/^\$\{TopicKey\w+\.Arn\}$/)),
    );
    const [key] = propertiesOf(template, 'AWS::KMS::Key').map(resolved);
    expect(key).toMatchObject({
      KeyPolicy: {
        Statement: [
          { Action: 'kms:*' },
          {
            Effect: 'Allow',
            Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Resource: '*',
            Condition: FOR_OUR_ALARMS,
          },
        ],
      },
    });
  });

  test('that is imported encrypts them too, and synth says what its policy must allow', () => {
    const arn = 'arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000';
    const { template, stack } = aReaper(({ stack: scope }) => ({
      topicEncryptionKey: Key.fromKeyArn(scope, 'TopicKey', arn),
    }));
    template.allResourcesProperties('AWS::SNS::Topic', { KmsMasterKeyId: arn });
    const said = Annotations.fromStack(stack);
    for (const id of ['AlarmTopic', 'PageTopic']) {
      said.hasInfo(
        `/Orders/Reaper/${id}`,
        Match.stringLikeRegexp('must allow cloudwatch.amazonaws.com to kms:Decrypt'),
      );
    }
    said.hasNoWarning('*', Match.anyValue());
  });

  test('that is not given leaves them unencrypted, since the key of AWS would keep CloudWatch out', () => {
    aReaper().template.allResourcesProperties('AWS::SNS::Topic', { KmsMasterKeyId: Match.absent() });
  });
});
