import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { ShopStack } from '../lib/shop-stack';

test('a reaper sweeps the cluster every minute and pages on-call', () => {
  const template = Template.fromStack(new ShopStack(new App(), 'Shop'));
  template.hasResourceProperties('AWS::Scheduler::Schedule', { ScheduleExpression: 'rate(1 minute)' });
  template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'on-call@example.com' });
});
