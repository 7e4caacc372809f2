import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AwsRefusal, checkSignature, readBody, respond } from './aws-protocol.js';
import { type CloudWatchHabits, metricData } from './get-metric-data.js';
import { ingestMetrics, type PublishedMetric } from './put-metric-data.js';

/** The operations that the stand-in knows. */
export type AwsOperation = 'GetSecretValue' | 'PutMetricData' | 'GetMetricData';

/** A request as it was answered; without a code when it was accepted. */
export interface AnsweredRequest {
  readonly operation: AwsOperation | 'unknown';
  readonly status: number;
  readonly code?: string;
}

/** What can be made to go wrong: an error of the service, or no answer at all until the stand-in stops. */
export type AwsFailure = 'throttle' | 'denied' | 'error500' | 'hang';

/** Secrets Manager and CloudWatch, as far as the function uses them. */
export interface AwsStandIn extends AsyncDisposable {
  /** For AWS_ENDPOINT_URL. */
  readonly endpoint: string;
  /** For SDK clients in this process: where to, and credentials that mean nothing. */
  readonly clientConfig: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  };
  /** Creates or rotates the secret. */
  setSecret(arn: string, secretString: string): void;
  /** How often the secret was read. */
  secretReads(arn: string): number;
  /** All that was ingested, oldest first. */
  metrics(): readonly PublishedMetric[];
  /** All requests that were answered, the refused ones and the SDK's retries too. */
  requests(): readonly AnsweredRequest[];
  /** Makes an operation fail from now on, or for a number of requests; `undefined` makes it work again. */
  fail(operation: AwsOperation, failure: AwsFailure | undefined, times?: number): void;
  /** Stops listening and cuts every connection. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Starts the stand-in on a free port.
 *
 * @param host the address to listen on.
 */
export async function startAwsStandIn(habits: CloudWatchHabits = {}, host = '127.0.0.1'): Promise<AwsStandIn> {
  const secrets = new Map<string, { readonly value: string; readonly versionId: string; reads: number }>();
  const published: PublishedMetric[] = [];
  const answered: AnsweredRequest[] = [];
  const failures = new Map<AwsOperation, { readonly failure: AwsFailure; timesLeft: number }>();

  const services: Record<string, Service> = {
    'secretsmanager.GetSecretValue': {
      operation: 'GetSecretValue',
      scope: 'secretsmanager',
      run: (body) => {
        const { SecretId: arn }: { SecretId?: string } = JSON.parse(body.toString());
        const secret = secrets.get(arn ?? '');
        if (!secret) {
          throw new AwsRefusal(400, 'ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
        }
        secret.reads++;
        return { ARN: arn, SecretString: secret.value, VersionId: secret.versionId, VersionStages: ['AWSCURRENT'] };
      },
    },
    'GraniteServiceVersion20100801.PutMetricData': {
      operation: 'PutMetricData',
      scope: 'monitoring',
      run: (body) => {
        published.push(...ingestMetrics(body));
        return {};
      },
    },
    'GraniteServiceVersion20100801.GetMetricData': {
      operation: 'GetMetricData',
      scope: 'monitoring',
      run: (body) => metricData(body, published, habits),
    },
  };

  const failureDue = (operation: AwsOperation): AwsFailure | undefined => {
    const planned = failures.get(operation);
    if (!planned || planned.timesLeft <= 0) return undefined;
    planned.timesLeft--;
    return planned.failure;
  };

  const perform = async (service: Service | undefined, request: IncomingMessage): Promise<object | 'hang'> => {
    const body = await readBody(request);
    if (!service) throw new AwsRefusal(404, 'UnknownOperationException', 'This stand-in does not know the operation');
    checkSignature(request.headers.authorization, service.scope);
    const failure = failureDue(service.operation);
    if (failure === 'hang') return failure;
    if (failure) throw new AwsRefusal(...INJECTED[failure]);
    return service.run(body);
  };

  const server = createServer(async (request, response) => {
    const service = services[String(request.headers['x-amz-target'])];
    const outcome = await perform(service, request).catch(asRefusal);
    if (outcome === 'hang') return;
    const operation = service?.operation ?? 'unknown';
    if (outcome instanceof AwsRefusal) answered.push({ operation, status: outcome.status, code: outcome.shape });
    else answered.push({ operation, status: 200 });
    respond(request, response, outcome);
  });
  server.listen(0, host);
  await once(server, 'listening');
  const endpoint = `http://${host}:${(server.address() as AddressInfo).port}`;

  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  return {
    endpoint,
    clientConfig: {
      endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
    },
    setSecret: (arn, value) => {
      secrets.set(arn, { value, versionId: randomUUID(), reads: secrets.get(arn)?.reads ?? 0 });
    },
    secretReads: (arn) => secrets.get(arn)?.reads ?? 0,
    metrics: () => [...published],
    requests: () => [...answered],
    fail: (operation, failure, timesLeft = Number.POSITIVE_INFINITY) => {
      if (failure) failures.set(operation, { failure, timesLeft });
      else failures.delete(operation);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

interface Service {
  readonly operation: AwsOperation;
  /** What the request's signature must be scoped to. */
  readonly scope: string;
  readonly run: (body: Buffer) => object;
}

const INJECTED: Record<Exclude<AwsFailure, 'hang'>, ConstructorParameters<typeof AwsRefusal>> = {
  throttle: [400, 'ThrottlingException', 'Rate exceeded', 'Throttling'],
  denied: [400, 'AccessDeniedException', 'User is not authorized to perform this action', 'AccessDenied'],
  error500: [500, 'InternalServiceFault', 'The service failed', 'InternalServiceError'],
};

function asRefusal(error: unknown): AwsRefusal {
  return error instanceof AwsRefusal ? error : new AwsRefusal(500, 'InternalFailure', String(error));
}
