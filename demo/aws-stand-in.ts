import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { type MetricDatum, StandardUnit, type StatisticSet } from '@aws-sdk/client-cloudwatch';

/** One value that a `PutMetricData` brought. `Values` are laid out by their counts; `StatisticValues` give their mean. */
export interface PublishedMetric {
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly value: number;
  readonly unit: string;
}

/** The operations that the stand-in knows. */
export type AwsOperation = 'GetSecretValue' | 'PutMetricData';

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

/** The limits of `PutMetricData`. @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html */
const LIMITS = {
  /** Of the body once unzipped: the stricter reading of "1 MB", and the one by which Amazon's own agent makes its batches. */
  requestBytes: 1024 * 1024,
  metrics: 1000,
  dimensions: 30,
  values: 150,
  magnitude: 2 ** 360,
  pastMs: 14 * 24 * 60 * 60 * 1000,
  futureMs: 2 * 60 * 60 * 1000,
};

/** A refusal by the service, by the names its model gives: the error's shape, and its code from the older query protocol. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly shape: string,
    message: string,
    readonly queryCode = shape,
  ) {
    super(message);
  }
}

/** Starts the stand-in on a free port of the loopback interface. */
export async function startAwsStandIn(): Promise<AwsStandIn> {
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
          throw new Refusal(400, 'ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
        }
        secret.reads++;
        return { ARN: arn, SecretString: secret.value, VersionId: secret.versionId, VersionStages: ['AWSCURRENT'] };
      },
    },
    'GraniteServiceVersion20100801.PutMetricData': {
      operation: 'PutMetricData',
      scope: 'monitoring',
      run: (body) => {
        published.push(...ingest(body));
        return {};
      },
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
    if (!service) throw new Refusal(404, 'UnknownOperationException', 'This stand-in does not know the operation');
    checkSignature(request.headers.authorization, service.scope);
    const failure = failureDue(service.operation);
    if (failure === 'hang') return failure;
    if (failure) throw new Refusal(...INJECTED[failure]);
    return service.run(body);
  };

  const server = createServer(async (request, response) => {
    const service = services[String(request.headers['x-amz-target'])];
    const outcome = await perform(service, request).catch(asRefusal);
    if (outcome === 'hang') return;
    const operation = service?.operation ?? 'unknown';
    if (outcome instanceof Refusal) answered.push({ operation, status: outcome.status, code: outcome.shape });
    else answered.push({ operation, status: 200 });
    respond(request, response, outcome);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

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

const INJECTED: Record<Exclude<AwsFailure, 'hang'>, ConstructorParameters<typeof Refusal>> = {
  throttle: [400, 'ThrottlingException', 'Rate exceeded', 'Throttling'],
  denied: [400, 'AccessDeniedException', 'User is not authorized to perform this action', 'AccessDenied'],
  error500: [500, 'InternalServiceFault', 'The service failed', 'InternalServiceError'],
};

function asRefusal(error: unknown): Refusal {
  return error instanceof Refusal ? error : new Refusal(500, 'InternalFailure', String(error));
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const body = await buffer(request);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
}

/** Was the request signed at all, and for this service? The signature itself is not verified. */
function checkSignature(authorization: string | undefined, scope: string): void {
  if (!authorization) throw new Refusal(403, 'MissingAuthenticationTokenException', 'Missing Authentication Token');
  const signed =
    /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/[^/]+\/([^/]+)\/aws4_request, SignedHeaders=\S+, Signature=[0-9a-f]{64}$/;
  if (signed.exec(authorization)?.[1] === scope) return;
  throw new Refusal(403, 'InvalidSignatureException', `Credential should be scoped to correct service: '${scope}'.`);
}

function respond(request: IncomingMessage, response: ServerResponse, outcome: object): void {
  response.setHeader('content-type', request.headers['content-type'] ?? 'application/x-amz-json-1.1');
  response.setHeader('x-amzn-requestid', randomUUID());
  if (!(outcome instanceof Refusal)) {
    response.end(JSON.stringify(outcome));
    return;
  }
  // Clients of services that once spoke the query protocol ask for the error's old name, and go by it.
  if (request.headers['x-amzn-query-mode']) {
    response.setHeader('x-amzn-query-error', `${outcome.queryCode};${outcome.status < 500 ? 'Sender' : 'Receiver'}`);
  }
  response.writeHead(outcome.status);
  response.end(JSON.stringify({ __type: outcome.shape, message: outcome.message }));
}

/** A datum on the wire: epoch seconds, and numbers that JSON can't hold as strings ("NaN"). */
type WireDatum = Omit<MetricDatum, 'Timestamp'> & { readonly Timestamp?: number };

interface WireRequest {
  readonly Namespace?: string;
  readonly MetricData?: readonly WireDatum[];
  readonly EntityMetricData?: unknown;
}

/** Refuses the whole request for one fault anywhere in it, as CloudWatch does, and tells all of them. */
function ingest(body: Buffer): PublishedMetric[] {
  if (body.length > LIMITS.requestBytes) {
    const message = `Request size ${body.length} exceeded ${LIMITS.requestBytes} bytes`;
    throw new Refusal(413, 'RequestEntityTooLarge', message);
  }
  const request: WireRequest = JSON.parse(body.toString());
  const faults = [...faultsOf(request)];
  const [first] = faults;
  if (first) {
    const messages = faults.slice(0, 10).map(({ message }) => message);
    throw new Refusal(400, `${first.kind}Exception`, messages.join('\n'), QUERY_CODES[first.kind]);
  }
  return (request.MetricData ?? []).flatMap((datum) => publish(request.Namespace ?? '', datum));
}

function publish(namespace: string, datum: WireDatum): PublishedMetric[] {
  const { Value, Values = [], Counts = [], StatisticValues } = datum;
  const series = {
    namespace,
    metricName: datum.MetricName ?? '',
    dimensions: Object.fromEntries((datum.Dimensions ?? []).map(({ Name, Value: value }) => [Name, value])),
    unit: datum.Unit ?? StandardUnit.None,
  };
  const values = Values.flatMap((value, index) => Array<number>(Counts[index] ?? 1).fill(value));
  if (Value !== undefined) values.push(Value);
  if (StatisticValues) values.push(Number(StatisticValues.Sum) / Number(StatisticValues.SampleCount));
  return values.map((value) => ({ ...series, value }));
}

const QUERY_CODES = {
  InvalidParameterValue: 'InvalidParameterValue',
  InvalidParameterCombination: 'InvalidParameterCombination',
  MissingRequiredParameter: 'MissingParameter',
} as const;

interface Fault {
  readonly kind: keyof typeof QUERY_CODES;
  readonly message: string;
}

const invalid = (message: string): Fault => ({ kind: 'InvalidParameterValue', message });
const missing = (path: string): Fault => ({
  kind: 'MissingRequiredParameter',
  message: `The parameter ${path} is required.`,
});
const conflicting = (message: string): Fault => ({ kind: 'InvalidParameterCombination', message });

function* faultsOf({ Namespace, MetricData, EntityMetricData }: WireRequest): Generator<Fault> {
  yield* textFaults('Namespace', Namespace, 255);
  if (Namespace?.startsWith(':') || Namespace?.startsWith('AWS/')) {
    yield invalid(`The value ${Namespace} for parameter Namespace is invalid.`);
  }
  if (EntityMetricData !== undefined) yield invalid('EntityMetricData is not known to this stand-in.');
  if (!MetricData?.length) yield missing('MetricData');
  yield* sizeFaults('MetricData', MetricData, LIMITS.metrics);
  for (const [index, datum] of (MetricData ?? []).entries())
    yield* datumFaults(`MetricData.member.${index + 1}`, datum);
}

function* datumFaults(path: string, datum: WireDatum): Generator<Fault> {
  yield* lengthFaults(`${path}.MetricName`, datum.MetricName, 255);
  yield* dimensionFaults(path, datum.Dimensions ?? []);
  yield* valueFaults(path, datum);
  if (datum.Unit !== undefined && !Object.values(StandardUnit).includes(datum.Unit)) {
    yield invalid(
      `The parameter ${path}.Unit must be a value in the set [ ${Object.values(StandardUnit).join(', ')} ].`,
    );
  }
  if (datum.StorageResolution !== undefined && ![1, 60].includes(datum.StorageResolution)) {
    yield invalid(`The parameter ${path}.StorageResolution must be 1 or 60.`);
  }
  const ageMs = datum.Timestamp === undefined ? 0 : Date.now() - datum.Timestamp * 1000;
  if (ageMs > LIMITS.pastMs)
    yield invalid(`The parameter ${path}.Timestamp must specify a time within the past two weeks.`);
  if (ageMs < -LIMITS.futureMs) {
    yield invalid(`The parameter ${path}.Timestamp must specify a time no more than two hours in the future.`);
  }
}

function* dimensionFaults(path: string, dimensions: NonNullable<MetricDatum['Dimensions']>): Generator<Fault> {
  yield* sizeFaults(`${path}.Dimensions`, dimensions, LIMITS.dimensions);
  for (const [index, { Name, Value }] of dimensions.entries()) {
    const member = `${path}.Dimensions.member.${index + 1}`;
    yield* textFaults(`${member}.Name`, Name, 255);
    if (Name?.startsWith(':')) yield invalid(`The value ${Name} for parameter ${member}.Name is invalid.`);
    yield* textFaults(`${member}.Value`, Value, 1024);
  }
  if (new Set(dimensions.map(({ Name }) => Name)).size < dimensions.length) {
    yield invalid('No metric may specify the same dimension name twice.');
  }
}

function* valueFaults(path: string, { Value, Values = [], Counts, StatisticValues }: WireDatum): Generator<Fault> {
  const forms = { Value, Values: Values.length > 0 ? Values : undefined, StatisticValues };
  const given = Object.entries(forms).flatMap(([name, value]) => (value === undefined ? [] : [`${path}.${name}`]));
  if (given.length === 0) {
    yield conflicting(`At least one of the parameters ${path}.Value and ${path}.StatisticValues must be specified.`);
  }
  if (given.length > 1) {
    yield conflicting(`The parameters ${given.join(' and ')} are mutually exclusive and you have specified both.`);
  }
  if (Value !== undefined) yield* numberFaults(`${path}.Value`, Value);
  if (StatisticValues) yield* statisticFaults(`${path}.StatisticValues`, StatisticValues);
  yield* sizeFaults(`${path}.Values`, Values, LIMITS.values);
  if (Counts && Counts.length !== Values.length) {
    yield conflicting(`The parameters ${path}.Values and ${path}.Counts must have the same size.`);
  }
  for (const value of Values) yield* numberFaults(`${path}.Values`, value);
  for (const count of Counts ?? []) yield* numberFaults(`${path}.Counts`, count);
}

function* statisticFaults(path: string, statistics: Partial<StatisticSet>): Generator<Fault> {
  for (const name of ['SampleCount', 'Sum', 'Minimum', 'Maximum'] as const) {
    const value = statistics[name];
    if (value === undefined) yield missing(`${path}.${name}`);
    else yield* numberFaults(`${path}.${name}`, value);
  }
}

function* numberFaults(path: string, value: unknown): Generator<Fault> {
  // The SDK writes NaN and the infinities as strings.
  if (typeof value === 'number' && Math.abs(value) <= LIMITS.magnitude) return;
  yield invalid(`The value ${value} for parameter ${path} is invalid.`);
}

function* sizeFaults(path: string, list: readonly unknown[] = [], max: number): Generator<Fault> {
  if (list.length > max) yield invalid(`The collection ${path} must not have a size greater than ${max}.`);
}

function* lengthFaults(path: string, text: string | undefined, max: number): Generator<Fault> {
  if (text === undefined) yield missing(path);
  else if (text.length < 1) yield invalid(`The parameter ${path} must be longer than 0 characters.`);
  else if (text.length > max) yield invalid(`The parameter ${path} must be shorter than ${max + 1} characters.`);
}

function* textFaults(path: string, text: string | undefined, max: number): Generator<Fault> {
  yield* lengthFaults(path, text, max);
  if (text && !/^[\x20-\x7e]*$/.test(text))
    yield invalid(`The parameter ${path} must hold ASCII without control characters.`);
  if (text && text.trim() === '') yield invalid(`The parameter ${path} must hold a character that is not whitespace.`);
}
