import { UnreachedError } from './clients.js';

/** What the service answered in place of what it was asked for. */
export interface AwsRefusal {
  /** The service's name for it, such as `AccessDeniedException`. */
  readonly name: string;
  readonly message: string;
}

type ServiceName = 'Secrets Manager' | 'CloudWatch';

/**
 * Why a call to AWS failed and what to do: one thing where nothing was reached, another where no answer came, another where
 * the service said no.
 *
 * @param advise what to do about a refusal of this call; `null` where it is none that belongs to it.
 */
export function describeAwsFailure(
  error: unknown,
  service: ServiceName,
  advise: (refusal: AwsRefusal) => string | null,
): string {
  if (error instanceof UnreachedError) return `${error.message}; ${UNREACHED[error.reach](service)}`;
  if (!(error instanceof Error)) return String(error);
  const advice = advise(error) ?? generalAdvice(error);
  return `${error.name}: ${firstLine(error.message)}${advice === null ? '' : `; ${advice}`}`;
}

const UNREACHED: Readonly<Record<UnreachedError['reach'], (service: ServiceName) => string>> = {
  unconnected: (service) =>
    `that is a matter of route, not of permission: the function's subnets need a VPC endpoint for ${service} or a NAT, and ` +
    'security groups that let port 443 through',
  unanswered: (service) =>
    `${service}, or what stands on the way to it, was too slow or broke off: the next run tries again; if it goes on, look ` +
    'at the NAT or the VPC endpoint, and at the AWS Health Dashboard',
  stranger: (service) =>
    `something else answers in place of ${service}: look for a proxy, and for what the DNS of the VPC says of this name`,
};

/** What any call may be refused for. @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html */
function generalAdvice(refusal: AwsRefusal & { readonly $fault?: unknown }): string | null {
  if (THROTTLED.has(refusal.name)) {
    return 'the account makes too many of these requests in this region: the next run tries again';
  }
  if (IDENTITY_GONE.has(refusal.name)) {
    return "the function's role is not known any more, or its credentials have expired: deploy the stack again";
  }
  return refusal.$fault === 'server'
    ? 'the service fails at the moment: the next run tries again; the AWS Health Dashboard may say more'
    : null;
}

const IDENTITY_GONE = new Set([
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'ExpiredTokenException',
  'ExpiredToken',
]);

/** The lines that follow hold the request as AWS has signed it, with the session token of the function. */
function firstLine(message: string): string {
  return message.split('\n', 1).join('').slice(0, 500);
}

/** Whether the service can't have done what it was asked for: no connection came about, or it refused one request too many. */
export function isSurelyUndone(error: unknown): boolean {
  if (error instanceof UnreachedError) return error.reach === 'unconnected';
  return error instanceof Error && THROTTLED.has(error.name);
}

/** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html */
const THROTTLED = new Set(['Throttling', 'ThrottlingException', 'RequestLimitExceeded']);

/** Whether the caller lacks a permission. The older services say it without the last word. */
export function isAccessDenied({ name }: AwsRefusal): boolean {
  return name === 'AccessDeniedException' || name === 'AccessDenied';
}
