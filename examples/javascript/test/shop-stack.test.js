const { App } = require('aws-cdk-lib');
const { Template } = require('aws-cdk-lib/assertions');
const { ShopStack } = require('../lib/shop-stack');

test('a reaper sweeps the database every minute', () => {
  const template = Template.fromStack(new ShopStack(new App(), 'Shop'));
  template.hasResourceProperties('AWS::Scheduler::Schedule', { ScheduleExpression: 'rate(1 minute)' });
});
