/**
 * Above this timeout of the function, in seconds, a run may outlast the 60 that the AWS CLI waits for an answer. It would
 * then ask again, and reap once more. Five are for what comes before the run: the network, a cold start.
 *
 * @see https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-options.html
 */
const PATIENCE_SECONDS = 55;

/** The function as a command names it. */
export interface InvokedFunction {
  readonly functionName: string;
  readonly timeoutSeconds: number;
  /** By default the region that the shell of the command is set to. */
  readonly region?: string | undefined;
}

/** The shell command that sends the function an event and prints what it says; a run that failed says it in its error. */
export function invokeCommand({ functionName, timeoutSeconds, region }: InvokedFunction, event: object): string {
  const options = [
    `--function-name ${functionName}`,
    ...(region === undefined ? [] : [`--region ${region}`]),
    '--cli-binary-format raw-in-base64-out',
    ...(timeoutSeconds > PATIENCE_SECONDS ? ['--cli-read-timeout 0'] : []),
    `--payload ${quoted(JSON.stringify(event))}`,
  ];
  return `aws lambda invoke ${options.join(' ')} answer.json && jq -r '.text // .errorMessage' answer.json`;
}

/** As the shell reads it: within single quotes nothing else is special. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
