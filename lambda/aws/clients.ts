import { CloudWatchClient, type CloudWatchClientConfig } from '@aws-sdk/client-cloudwatch';
import { SecretsManagerClient, type SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager';
import { AWS_LIMITS } from '../contract/limits.js';
import { describeError } from '../diagnosis/sqlstate.js';

/** How far a request came that the service did not answer: no connection, no complete answer, or that of another. */
type Reach = 'unconnected' | 'unanswered' | 'stranger';

/** No answer of the service came. */
export class UnreachedError extends Error {
  override readonly name = 'UnreachedError';
  /** Only where it is `unconnected` the service surely got no request. */
  readonly reach: Reach;

  /** @param reason what the SDK says, which does not name the endpoint. It is not the `cause`: it may hold an answer. */
  constructor(endpoint: string, reason: unknown) {
    const reach = reachOf(reason);
    super(`${endpoint} ${reach === 'unconnected' ? 'was not reached' : 'did not answer'} (${reasonOf(reason)})`);
    this.reach = reach;
  }
}

function reachOf(reason: unknown): Reach {
  if (isConnectFailure(reason)) return 'unconnected';
  return reason instanceof Error && statusOf(reason) !== undefined ? 'stranger' : 'unanswered';
}

function statusOf(error: Error): number | undefined {
  const { $response, $metadata } = error as SdkError;
  return $response?.statusCode ?? $metadata?.httpStatusCode;
}

/** A client of Secrets Manager, within the limits. It fails with {@link UnreachedError}, or with what the service says. */
export function secretsManager(config: SecretsManagerClientConfig = {}): SecretsManagerClient {
  const client = new SecretsManagerClient({ ...WITHIN_LIMITS, ...config });
  client.middlewareStack.addRelativeTo(namingEndpoint, AROUND_ALL_ATTEMPTS);
  return client;
}

/** Gives the client for a secret: a secret is read in the region of its ARN, also where that is another one than ours. */
export type SecretsManagers = (secretArn: string) => SecretsManagerClient;

/** One client for each region, and one for secrets whose ARN has none. */
export function secretsManagers(): SecretsManagers {
  const clients = new Map<string | undefined, SecretsManagerClient>();
  return (secretArn) => {
    const region = /^arn:[^:]+:secretsmanager:([^:]+):/.exec(secretArn)?.[1];
    const client = clients.get(region) ?? secretsManager(region === undefined ? {} : { region });
    clients.set(region, client);
    return client;
  };
}

/**
 * A client of CloudWatch that asks once, and waits for as long as its caller does: what is sent again may count again. It
 * fails with {@link UnreachedError}, or with what the service says.
 */
export function cloudWatch(config: CloudWatchClientConfig = {}): CloudWatchClient {
  const client = new CloudWatchClient({ ...ONCE, ...config });
  client.middlewareStack.addRelativeTo(namingEndpoint, AROUND_ALL_ATTEMPTS);
  return client;
}

const WITHIN_LIMITS = {
  maxAttempts: AWS_LIMITS.attempts,
  requestHandler: {
    connectionTimeout: AWS_LIMITS.connectMs,
    requestTimeout: AWS_LIMITS.answerMs,
    throwOnRequestTimeout: true,
  },
} as const;

/**
 * A connection that was kept while Lambda froze the function may be dead by then, and of a request that breaks off nobody
 * can say whether it was taken. So each has its own.
 */
const ONCE = {
  maxAttempts: 1,
  requestHandler: {
    connectionTimeout: AWS_LIMITS.connectMs,
    httpAgent: { keepAlive: false },
    httpsAgent: { keepAlive: false },
  },
} as const;

/**
 * Where the request has its endpoint and its credentials already, and outside of the retries, which go by the errors as
 * they are.
 */
const AROUND_ALL_ATTEMPTS = { relation: 'before', toMiddleware: 'retryMiddleware', name: 'namingEndpoint' } as const;

function namingEndpoint<Args extends { readonly request: unknown }, Answer>(next: (args: Args) => Promise<Answer>) {
  return async (args: Args): Promise<Answer> => {
    try {
      return await next(args);
    } catch (cause) {
      if (isByAws(cause)) throw cause;
      const { hostname, port } = args.request as { readonly hostname: string; readonly port?: number };
      throw new UnreachedError(port === undefined ? hostname : `${hostname}:${port}`, cause);
    }
  };
}

/** What the service itself says has its number for the request. A proxy that answers in its place knows none. */
function isByAws(error: unknown): boolean {
  return error instanceof Error && '$fault' in error && (error as SdkError).$metadata?.requestId !== undefined;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return describeError(error);
  const { name, code } = error as SdkError;
  const status = statusOf(error);
  if (status !== undefined) return `HTTP ${status}, and not by AWS`;
  if (name === 'AbortError') return `no complete answer within ${AWS_LIMITS.callMs} ms`;
  if (code === 'ETIMEDOUT') return `no answer within ${AWS_LIMITS.answerMs} ms`;
  if (isConnectTimeout(name, code)) return `no connection within ${AWS_LIMITS.connectMs} ms`;
  return describeError(error);
}

function isConnectFailure(error: unknown): boolean {
  // Several addresses, of which each one failed.
  if (error instanceof AggregateError) return error.errors.every(isConnectFailure);
  if (!(error instanceof Error)) return false;
  const { name, code, syscall } = error as SdkError;
  return syscall === 'connect' || syscall === 'getaddrinfo' || isConnectTimeout(name, code);
}

function isConnectTimeout(name: string, code: string | undefined): boolean {
  return name === 'TimeoutError' && code === undefined;
}

type SdkError = Error & {
  readonly code?: string;
  readonly syscall?: string;
  readonly $response?: { readonly statusCode: number };
  readonly $metadata?: { readonly requestId?: string; readonly httpStatusCode?: number };
};
