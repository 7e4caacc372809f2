import { Duration, Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Schedule, ScheduleExpression, ScheduleTargetInput, TimeWindow } from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import { SWEEP_EVENT } from '../../lambda/input/event.js';

/** A sweep that did not start within a minute is stale: the next one sees more than it would. */
export const NO_REPLAYS = { retryAttempts: 0, maxEventAge: Duration.seconds(60) } as const;

/** Invokes the function with a sweep again and again. Invocations that Lambda did not take go to the queue. */
export function scheduleSweeps(
  scope: Construct,
  handler: IFunction,
  { interval, deadLetterQueue }: { readonly interval: Duration; readonly deadLetterQueue: IQueue },
): Schedule {
  return new Schedule(scope, 'Schedule', {
    description: 'Sweeps of the Connection Reaper',
    schedule: ScheduleExpression.rate(interval),
    timeWindow: TimeWindow.off(),
    target: new LambdaInvoke(handler, {
      ...NO_REPLAYS,
      input: ScheduleTargetInput.fromObject(SWEEP_EVENT),
      deadLetterQueue,
      // The target would allow itself every version and alias of the function as well.
      role: schedulerRole(scope, handler, deadLetterQueue).withoutPolicyUpdates(),
    }),
  });
}

function schedulerRole(scope: Construct, handler: IFunction, deadLetterQueue: IQueue): Role {
  const stack = Stack.of(scope);
  const role = new Role(scope, 'SchedulerRole', {
    description: 'Connection Reaper: lets EventBridge Scheduler start its sweeps',
    assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
      // Scheduler tells the group of a schedule, and never which schedule it is.
      conditions: {
        StringEquals: {
          'aws:SourceAccount': stack.account,
          'aws:SourceArn': stack.formatArn({
            service: 'scheduler',
            resource: 'schedule-group',
            resourceName: 'default',
          }),
        },
      },
    }),
  });
  role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [handler.functionArn] }));
  role.addToPolicy(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [deadLetterQueue.queueArn] }));
  return role;
}
