import { Duration } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { parseEvent } from '../../lambda/input/event.js';
import { aReaper, propertiesOf } from './a-reaper.js';

test('sweeps every minute, without retries, and hands over what it could not start', () => {
  const { template } = aReaper();
  template.resourceCountIs('AWS::Scheduler::Schedule', 1);
  template.hasResourceProperties('AWS::Scheduler::Schedule', {
    ScheduleExpression: 'rate(1 minute)',
    FlexibleTimeWindow: { Mode: 'OFF' },
    State: 'ENABLED',
    Target: {
      Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ReaperFunction'), 'Arn'] },
      RetryPolicy: { MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60 },
      DeadLetterConfig: { Arn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ReaperDeadLetters'), 'Arn'] } },
      RoleArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ReaperSchedulerRole'), 'Arn'] },
    },
  });
});

test('sweeps at the interval it is given', () => {
  aReaper({ interval: Duration.minutes(5) }).template.hasResourceProperties('AWS::Scheduler::Schedule', {
    ScheduleExpression: 'rate(5 minutes)',
  });
});

test('sends what the function takes for a sweep', () => {
  const [{ Target } = {}] = propertiesOf(aReaper().template, 'AWS::Scheduler::Schedule');
  const { Input } = Target as { Input: string };
  expect(parseEvent(JSON.parse(Input))).toEqual({ action: 'sweep' });
});

test('takes dead letters by TLS only', () => {
  aReaper().template.hasResourceProperties('AWS::SQS::QueuePolicy', {
    PolicyDocument: {
      Statement: [
        Match.objectLike({ Effect: 'Deny', Action: 'sqs:*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
      ],
    },
  });
});
