import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';

/** The shell command that sends the function an event and prints what it says; a run that failed says it in its error. */
export function invokeCommand(
  handler: IFunction,
  event: { readonly action: string; readonly idleAfter?: string; readonly dryRun?: boolean },
): string {
  return (
    `aws lambda invoke --function-name ${handler.functionName} --cli-binary-format raw-in-base64-out ` +
    `--payload '${JSON.stringify(event)}' answer.json && jq -r '.text // .errorMessage' answer.json`
  );
}

/** The shell command that prints what the function has logged of late. */
export function tailCommand(logGroup: ILogGroup): string {
  return `aws logs tail ${logGroup.logGroupName} --since 15m`;
}
