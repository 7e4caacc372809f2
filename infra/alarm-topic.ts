import { ArnFormat, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import { alarmNamePrefix } from './reaper-alarm.js';

/** A topic that the alarms of one database may publish to. */
export function alarmTopic(scope: Construct, databaseIdentifier: string): ITopic {
  const topic = new Topic(scope, 'AlarmTopic', {
    displayName: `Connection Reaper: ${databaseIdentifier}`,
    enforceSSL: true,
  });
  const stack = Stack.of(scope);
  // The policy of `enforceSSL` takes the place of SNS's own, which lets the account's alarms in. Without this one they
  // fail to notify anybody, and the only trace is in the alarm's history.
  topic.addToResourcePolicy(
    new PolicyStatement({
      sid: 'AllowAlarms',
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: {
        StringEquals: { 'aws:SourceAccount': stack.account },
        ArnLike: {
          'aws:SourceArn': stack.formatArn({
            service: 'cloudwatch',
            resource: 'alarm',
            resourceName: `${alarmNamePrefix(databaseIdentifier)}*`,
            arnFormat: ArnFormat.COLON_RESOURCE_NAME,
          }),
        },
      },
    }),
  );
  return topic;
}
