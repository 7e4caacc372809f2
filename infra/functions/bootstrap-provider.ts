import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Provider } from 'aws-cdk-lib/custom-resources';
import { Construct } from 'constructs';
import { functionRole } from './permissions.js';

/**
 * What CloudFormation calls to run the bootstrap: CDK's function, which hands the event on and answers CloudFormation. It
 * is outside of the VPC, where the answer would take a way out that the bootstrap itself has no need of. It waits for 15
 * minutes, and logs only its invocations.
 */
export function bootstrapProvider(scope: Construct, handler: IFunction, logRetention: RetentionDays): Provider {
  const parts = new Construct(scope, 'Provider');
  const logGroup = new LogGroup(parts, 'Log', { retention: logRetention });
  const role = functionRole(parts, 'Connection Reaper: runs the bootstrap, and answers CloudFormation', logGroup, {
    read: [],
    connect: undefined,
    publishes: false,
  });
  role.addToPolicy(
    new PolicyStatement({
      // It waits by GetFunction for a function that Lambda took out of the VPC, since it was idle for weeks.
      actions: ['lambda:InvokeFunction', 'lambda:GetFunction'],
      resources: [handler.functionArn],
    }),
  );
  // By itself it would add the right to invoke every version.
  return new Provider(parts, 'Framework', {
    onEventHandler: handler,
    frameworkOnEventRole: role.withoutPolicyUpdates(),
    logGroup,
  });
}
