import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { ReaperMetrics } from './metrics/metrics.js';

/**
 * Above this timeout of the function, in seconds, a run may outlast the 60 that the AWS CLI waits for an answer. It would
 * then ask again, and reap once more. Five are for what comes before the run: the network, a cold start.
 *
 * @see https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-options.html
 */
const PATIENCE_SECONDS = 55;

/** The shell command that sends the function an event and prints what it says; a run that failed says it in its error. */
export function invokeCommand(
  { handler, timeout }: Pick<ReaperMetrics, 'handler' | 'timeout'>,
  event: { readonly action: string; readonly idleTimeout?: string; readonly dryRun?: boolean },
): string {
  const patience = timeout.toSeconds() > PATIENCE_SECONDS ? '--cli-read-timeout 0 ' : '';
  return (
    `aws lambda invoke --function-name ${handler.functionName} --cli-binary-format raw-in-base64-out ${patience}` +
    `--payload '${JSON.stringify(event)}' answer.json && jq -r '.text // .errorMessage' answer.json`
  );
}

/** The shell command that prints what the function has logged of late. */
export function tailCommand(logGroup: ILogGroup): string {
  return `aws logs tail ${logGroup.logGroupName} --since 15m`;
}
