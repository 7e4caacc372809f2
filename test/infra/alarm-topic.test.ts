import { Annotations, Match, type Template } from 'aws-cdk-lib/assertions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, test } from 'vitest';
import { ConnectionReaper } from '../../infra/connection-reaper.js';
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

describe('a topic of the app that is given', () => {
  const NOT_WITHOUT_TLS = { Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } };
  const LETS_OUR_ALARMS_IN = {
    Effect: 'Allow',
    Action: 'sns:Publish',
    Principal: { Service: 'cloudwatch.amazonaws.com' },
    Condition: FOR_OUR_ALARMS,
  };
  const statementsOf = (template: Template) =>
    propertiesOf(template, 'AWS::SNS::TopicPolicy').map(
      (policy) => (resolved(policy) as { PolicyDocument: { Statement: object[] } }).PolicyDocument.Statement,
    );

  test.each(['alarmTopic', 'pageTopic'])(
    'as %s with a policy, which keeps all else out, lets our alarms in',
    (prop) => {
      const { template } = aReaper(({ stack }) => ({ [prop]: new Topic(stack, 'Given', { enforceSSL: true }) }));
      const given = statementsOf(template).find((one) => JSON.stringify(one).includes('${Given'));
      expect(given).toMatchObject([
        NOT_WITHOUT_TLS,
        { ...LETS_OUR_ALARMS_IN, Resource: expect.stringMatching(/^\$\{Given\w+\}$/) },
      ]);
    },
  );

  test('as both, and to a second reaper, says so once for each database, by statements whose ids differ', () => {
    const { template } = aReaper((surroundings) => {
      const topic = new Topic(surroundings.stack, 'Given', { enforceSSL: true });
      const { vpc, secret } = surroundings;
      const both = { alarmTopic: topic, pageTopic: topic };
      new ConnectionReaper(surroundings.stack, 'Other', { databaseLabel: 'invoices', vpc, secret, ...both });
      return both;
    });
    const [given = []] = statementsOf(template) as { Sid: string; Condition: object }[][];
    expect(given.map(({ Condition }) => JSON.stringify(Condition).match(/ConnectionReaper-\w+/)?.[0])).toEqual([
      undefined,
      'ConnectionReaper-invoices',
      'ConnectionReaper-orders',
    ]);
    expect(new Set(given.map(({ Sid }) => Sid)).size).toBe(3);
  });

  test('without a policy gets none, since that would keep out who else publishes there', () => {
    const { template } = aReaper(({ stack }) => {
      const topic = new Topic(stack, 'Given');
      return { alarmTopic: topic, pageTopic: topic };
    });
    template.resourceCountIs('AWS::SNS::TopicPolicy', 0);
  });
});

test('alarms go to the topics that were given, of which imported ones stay as they are', () => {
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
