import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { invokeCommand as commandOf } from '../lambda/contract/invoke-command.js';
import type { ReaperMetrics } from './metrics/metrics.js';

/** The shell command that sends the function an event and prints what it says. */
export function invokeCommand(
  { handler, timeout }: Pick<ReaperMetrics, 'handler' | 'timeout'>,
  event: { readonly action: string },
): string {
  return commandOf({ functionName: handler.functionName, timeoutSeconds: timeout.toSeconds() }, event);
}

/** The shell command that prints what the function has logged of late. */
export function tailCommand(logGroup: ILogGroup): string {
  return `aws logs tail ${logGroup.logGroupName} --since 15m`;
}
