import { UnreachedError } from './clients.js';

/** What the service answered in place of what it was asked for. */
export interface AwsRefusal {
  /** The service's name for it, such as `AccessDeniedException`. */
  readonly name: string;
  readonly message: string;
}

/**
 * Why a call to AWS failed and what to do: one thing where nothing was reached, another where the service said no.
 *
 * @param advise what to do about a refusal; `null` when nothing helps but another attempt, which the next run makes.
 */
export function describeAwsFailure(
  error: unknown,
  service: 'Secrets Manager' | 'CloudWatch',
  advise: (refusal: AwsRefusal) => string | null,
): string {
  if (error instanceof UnreachedError) {
    return (
      `${error.message}; that is a matter of route, not of permission: the function's subnets need a VPC endpoint for ` +
      `${service} or a NAT, and security groups that let port 443 through`
    );
  }
  if (!(error instanceof Error)) return String(error);
  const advice = advise(error);
  return `${error.name}: ${firstLine(error.message)}${advice === null ? '' : `; ${advice}`}`;
}

/** The lines that follow hold the request as AWS has signed it, with the session token of the function. */
function firstLine(message: string): string {
  return message.split('\n', 1).join('').slice(0, 500);
}

/** Whether the service can't have done what it was asked for: no connection came about, or it refused one request too many. */
export function isSurelyUndone(error: unknown): boolean {
  if (error instanceof UnreachedError) return !error.connected;
  return error instanceof Error && THROTTLED.has(error.name);
}

/** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html */
const THROTTLED = new Set(['Throttling', 'ThrottlingException', 'RequestLimitExceeded']);

/** Whether the caller lacks a permission. The older services say it without the last word. */
export function isAccessDenied({ name }: AwsRefusal): boolean {
  return name === 'AccessDeniedException' || name === 'AccessDenied';
}
