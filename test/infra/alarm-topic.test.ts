import { Match } from 'aws-cdk-lib/assertions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { expect, test } from 'vitest';
import { aReaper, propertiesOf, resolved } from './a-reaper.js';

test('CloudWatch may publish to the topic, for the alarms of this database in this account', () => {
  const [policy] = propertiesOf(aReaper().template, 'AWS::SNS::TopicPolicy');
  expect(resolved(policy)).toMatchObject({
    PolicyDocument: {
      Statement: [
        { Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
        {
          Effect: 'Allow',
          Action: 'sns:Publish',
          Principal: { Service: 'cloudwatch.amazonaws.com' },
          Resource: expect.stringMatching(/^\$\{ReaperAlarmTopic\w+\}$/),
          Condition: {
            StringEquals: { 'aws:SourceAccount': expect.stringMatching(/^\$\{AWS::AccountId\}$/) },
            ArnLike: { 'aws:SourceArn': expect.stringMatching(/:alarm:ConnectionReaper-orders-\*$/) },
          },
        },
      ],
    },
  });
});

test('every alarm has a name that the topic admits', () => {
  for (const { AlarmName } of propertiesOf(aReaper().template, 'AWS::CloudWatch::Alarm')) {
    expect(AlarmName).toMatch(/^ConnectionReaper-orders-/);
  }
});

test('alarms go to the topic that was given, which stays as it is', () => {
  const topicArn = 'arn:aws:sns:eu-central-1:123456789012:on-call';
  const { template, reaper } = aReaper(({ stack }) => ({ alarmTopic: Topic.fromTopicArn(stack, 'OnCall', topicArn) }));
  expect(reaper.alarmTopic.topicArn).toBe(topicArn);
  template.resourceCountIs('AWS::SNS::Topic', 0);
  template.resourceCountIs('AWS::SNS::TopicPolicy', 0);
  template.allResourcesProperties(
    'AWS::CloudWatch::Alarm',
    Match.objectLike({ AlarmActions: [topicArn], OKActions: [topicArn] }),
  );
});
