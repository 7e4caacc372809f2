import dns from 'node:dns';
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { type AwsStandIn, startAwsStandIn } from '../../demo/aws-stand-in.js';
import { cloudWatch, secretsManager, secretsManagers } from '../../lambda/aws/clients.js';
import { logTo } from '../../lambda/aws/log.js';
import { publishTo } from '../../lambda/aws/publish.js';
import { AWS_LIMITS } from '../../lambda/contract/limits.js';
import { type CredentialsSource, secretCredentials } from '../../lambda/login/credentials.js';
import type { Datapoint } from '../../lambda/report/metrics.js';
import { SECRET_ARN } from '../support/deployed.js';

/** What the SDK and this machine may add to what the limits say. */
const AIR_MS = 700;

const CALLER = { region: 'us-east-1', credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' } };

interface Place extends AsyncDisposable {
  /** As in a message. */
  readonly host: string;
  readonly endpoint: string;
}

/** A place that takes connections and does this with them. */
async function listening(onConnection: (socket: Socket) => void, protocol = 'http'): Promise<Place> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    onConnection(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = async () => {
    for (const socket of sockets) socket.destroy();
    await once(server.close(), 'close');
  };
  return { host, endpoint: `${protocol}://${host}`, [Symbol.asyncDispose]: stop };
}

/** A place that answers every request so. */
async function answering(respond: RequestListener): Promise<Place> {
  const server = createHttpServer(respond).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = async () => {
    server.close().closeAllConnections();
    await once(server, 'close');
  };
  return { host, endpoint: `http://${host}`, [Symbol.asyncDispose]: stop };
}

/** Where nobody listens. */
async function deserted(name = '127.0.0.1'): Promise<Omit<Place, typeof Symbol.asyncDispose>> {
  await using place = await listening(() => undefined);
  const host = place.host.replace('127.0.0.1', name);
  return { host, endpoint: `http://${host}` };
}

async function failureOf(source: CredentialsSource): Promise<{ readonly message: string; readonly tookMs: number }> {
  const began = performance.now();
  const error: unknown = await source.read().catch((cause: unknown) => cause);
  if (!(error instanceof Error)) throw new Error('the secret was read');
  return { message: error.message, tookMs: performance.now() - began };
}

const secretAt = ({ endpoint }: Pick<Place, 'endpoint'>) =>
  secretCredentials(secretsManager({ ...CALLER, endpoint }), SECRET_ARN);

function publisherAt({ endpoint }: Pick<Place, 'endpoint'>) {
  const lines: string[] = [];
  const publish = publishTo(cloudWatch({ ...CALLER, endpoint }), logTo({ write: (line) => lines.push(line) }));
  return { publish, lines };
}

function datapoints(count: number): readonly Datapoint[] {
  return Array.from({ length: count }, (_, index) => ({
    metric: 'Connections',
    unit: 'Count',
    dimensions: { Application: `${index}` },
    value: 1,
  }));
}

const notReached = (host: string, reason: string) =>
  `could not read ${SECRET_ARN} from Secrets Manager: ${host} was not reached (${reason}); that is a matter of route, not ` +
  "of permission: the function's subnets need a VPC endpoint for Secrets Manager or a NAT, and security groups that let " +
  'port 443 through';

const notAnswered = (host: string, reason: string) =>
  `could not read ${SECRET_ARN} from Secrets Manager: ${host} did not answer (${reason}); Secrets Manager, or what stands ` +
  'on the way to it, was too slow or broke off: the next run tries again; if it goes on, look at the NAT or the VPC ' +
  'endpoint, and at the AWS Health Dashboard';

describe.concurrent('an endpoint that is not reached is named, with the reason and within the limits,', () => {
  it('when nobody listens there', async () => {
    const { host, endpoint } = await deserted();
    const { message, tookMs } = await failureOf(secretAt({ endpoint }));
    expect(message).toBe(notReached(host, `connect ECONNREFUSED ${host}`));
    expect(tookMs).toBeLessThan(AIR_MS);
  });

  it('when nobody listens at any of its addresses', async () => {
    const { host, endpoint } = await deserted('localhost');
    expect((await failureOf(secretAt({ endpoint }))).message).toMatch(
      new RegExp(`: ${host} was not reached \\((ECONNREFUSED|connect ECONNREFUSED \\S+)\\); that is a matter of route`),
    );
  });

  it('when there is no such name', async () => {
    const { message, tookMs } = await failureOf(secretAt({ endpoint: 'http://secretsmanager.invalid' }));
    expect(message).toMatch(
      /: secretsmanager\.invalid was not reached \((getaddrinfo (ENOTFOUND|EAI_AGAIN) secretsmanager\.invalid|no connection within 1500 ms)\); that is/,
    );
    expect(tookMs).toBeLessThan(2 * AWS_LIMITS.connectMs + AIR_MS);
  });

  it.each([
    ['it takes a connection and says nothing', 'http'],
    ['it takes a connection and never shakes hands', 'https'],
  ])('when %s', async (_, protocol) => {
    await using place = await listening(() => undefined, protocol);
    const { message, tookMs } = await failureOf(secretAt(place));
    expect(message).toBe(notAnswered(place.host, 'no answer within 3000 ms'));
    expect(tookMs).toBeLessThan(2 * AWS_LIMITS.answerMs + AIR_MS);
  });

  it('when it cuts connections', async () => {
    await using place = await listening((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const { message } = await failureOf(secretAt(place));
    expect(message).toMatch(
      new RegExp(`: ${place.host} did not answer \\((.*ECONNRESET.*|socket hang up)\\); .* was too slow or broke off`),
    );
  });

  it.each([200, 403, 503])('when something else answers in its place, with HTTP %i', async (status) => {
    await using place = await answering((_, response) => response.writeHead(status).end('<html>Log in</html>'));
    expect((await failureOf(secretAt(place))).message).toBe(
      `could not read ${SECRET_ARN} from Secrets Manager: ${place.host} did not answer (HTTP ${status}, and not by AWS); ` +
        'something else answers in place of Secrets Manager: look for a proxy, and for what the DNS of the VPC says of ' +
        'this name',
    );
  });

  it('when it belongs to CloudWatch, and the metrics are in the log', async () => {
    const { host, endpoint } = await deserted();
    const { publish, lines } = publisherAt({ endpoint });
    expect((await publish(datapoints(1))).error).toBe(
      `CloudWatch did not take the metrics, so they are in the log: ${host} was not reached (connect ECONNREFUSED ${host}); ` +
        "that is a matter of route, not of permission: the function's subnets need a VPC endpoint for CloudWatch or a NAT, " +
        'and security groups that let port 443 through',
    );
    expect(lines).toHaveLength(1);
  });
});

describe.concurrent('an endpoint that does not finish its answer', () => {
  const stalls: RequestListener = (_, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('{');
  };

  it('delays a secret at most for the limit of a call', async () => {
    await using place = await answering(stalls);
    const { message, tookMs } = await failureOf(secretAt(place));
    expect(message).toBe(notAnswered(place.host, 'no complete answer within 7000 ms'));
    expect(tookMs).toBeLessThan(AWS_LIMITS.callMs + AIR_MS);
  });

  it('delays the metrics at most for that limit, with any number of requests', async () => {
    // Two of these are within the limit, and none is beyond it by itself.
    await using place = await answering((_, response) => setTimeout(() => response.end('{}'), 0.4 * AWS_LIMITS.callMs));
    const { publish, lines } = publisherAt(place);
    const began = performance.now();
    const publication = await publish(datapoints(2_500));
    expect(performance.now() - began).toBeLessThan(AWS_LIMITS.callMs + AIR_MS);
    expect(publication).toMatchObject({ via: 'emf', requests: 3 });
    expect(lines).toHaveLength(500);
  });
});

describe.concurrent('metrics are sent', () => {
  /** Answers a request so, and counts them. */
  async function counting(respond: RequestListener): Promise<Place & { requests: number }> {
    const place = await answering((request, response) => {
      counted.requests += 1;
      respond(request, response);
    });
    const counted = { ...place, requests: 0 };
    return counted;
  }

  it('once to a CloudWatch that is slow', async () => {
    await using place = await counting((_, response) =>
      setTimeout(() => response.end('{}'), AWS_LIMITS.callMs - 1_500),
    );
    const { publish, lines } = publisherAt(place);
    expect(await publish(datapoints(1))).toEqual({ requests: 1, datapoints: 1, via: 'api', error: null });
    expect(place.requests).toBe(1);
    expect(lines).toEqual([]);
  });

  it.each([
    ['never answers', () => undefined],
    ['breaks off', (_: unknown, response: ServerResponse) => response.destroy()],
    ['fails', (_: unknown, response: ServerResponse) => response.writeHead(500).end('{}')],
  ])('once, and then by the log, where CloudWatch %s and may have taken them', async (_, respond) => {
    await using place = await counting(respond);
    const { publish, lines } = publisherAt(place);
    expect(await publish(datapoints(1))).toMatchObject({ requests: 1, datapoints: 1, via: 'emf' });
    expect(place.requests).toBe(1);
    expect(lines).toHaveLength(1);
  });

  it('again when CloudWatch throttled the first request', async () => {
    await using aws = await startAwsStandIn();
    aws.fail('PutMetricData', 'throttle', 1);
    const { publish, lines } = publisherAt(aws);
    expect(await publish(datapoints(1))).toEqual({ requests: 2, datapoints: 1, via: 'api', error: null });
    expect(aws.metrics()).toHaveLength(1);
    aws.fail('PutMetricData', 'throttle');
    expect(await publish(datapoints(1))).toMatchObject({ requests: 2, via: 'emf' });
    expect(lines).toHaveLength(1);
  });

  it.each(['127.0.0.1', 'localhost'])('again when nobody accepted the connection, at %s', async (name) => {
    const { publish, lines } = publisherAt(await deserted(name));
    expect(await publish(datapoints(1))).toMatchObject({ requests: 2, via: 'emf' });
    expect(lines).toHaveLength(1);
  });

  it('over a new connection, because a kept one may be dead after a pause', async () => {
    const seen = new WeakSet<Socket>();
    await using place = await answering(({ socket }, response) => {
      if (seen.has(socket)) socket.destroy();
      seen.add(socket);
      response.end('{}');
    });
    const { publish } = publisherAt(place);
    await publish(datapoints(1));
    expect(await publish(datapoints(1))).toEqual({ requests: 1, datapoints: 1, via: 'api', error: null });
  });
});

describe('the client for a secret', () => {
  it('asks in the region of its ARN, and is one for each region', async () => {
    const clientFor = secretsManagers();
    const abroad = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders-AbCdEf';
    expect(await clientFor(abroad).config.region()).toBe('eu-west-1');
    expect(clientFor(abroad.replace('orders', 'billing'))).toBe(clientFor(abroad));
    expect(clientFor(SECRET_ARN)).not.toBe(clientFor(abroad));
  });
});

describe('a service that refuses', () => {
  async function refusal(name: string, message: string): Promise<string> {
    await using place = await answering((_, response) => {
      response.writeHead(name === 'InternalServiceError' ? 500 : 400, {
        'content-type': 'application/x-amz-json-1.1',
        'x-amzn-requestid': '1',
      });
      response.end(JSON.stringify({ __type: name, message }));
    });
    return (await failureOf(secretAt(place))).message.replace(/^.* from Secrets Manager: /, '');
  }

  it.each([
    [
      'AccessDeniedException',
      'User: arn:aws:sts::1:assumed-role/x is not authorized to perform: secretsmanager:GetSecretValue',
      /; allow the function's role secretsmanager:GetSecretValue on it; the policies of the secret and of a VPC endpoint/,
    ],
    ['AccessDeniedException', 'Access to KMS is not allowed', /; allow the function's role kms:Decrypt on the key/],
    [
      'DecryptionFailure',
      "Secrets Manager can't decrypt the text",
      /; allow the function's role kms:Decrypt on the key/,
    ],
    ['ResourceNotFoundException', "Secrets Manager can't find the specified secret.", /; check its ARN, the region/],
    [
      'ThrottlingException',
      'Rate exceeded',
      /; the account makes too many of these requests in this region: the next run/,
    ],
    [
      'InternalServiceError',
      'An error occurred on the server side.',
      /; the service fails at the moment: the next run/,
    ],
    [
      'InvalidRequestException',
      "You can't perform this operation on the secret because it was marked for deletion.",
      /; if it is scheduled for deletion: aws secretsmanager restore-secret, or name another secret$/,
    ],
    [
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
      /; the function's role is not known any more, or its credentials have expired: deploy the stack again$/,
    ],
  ])('is not reported as unreachable: %s, %s', async (name, message, advice) => {
    const said = await refusal(name, message);
    expect(said).toContain(`${name}: ${message}`);
    expect(said).toMatch(advice);
    expect(said).not.toMatch(/route|reached/);
  });

  it('the metrics is reported with the missing permission', async () => {
    await using aws: AwsStandIn = await startAwsStandIn();
    aws.fail('PutMetricData', 'denied');
    expect((await publisherAt(aws).publish(datapoints(1))).error).toMatch(
      /: AccessDenied: User is not authorized .*; allow the function's role cloudwatch:PutMetricData in namespace ConnectionReaper; the policy/,
    );
  });
});

it('a name lookup that never ends fails within the same limits', async () => {
  const lookup = vi.spyOn(dns, 'lookup').mockImplementation((() => undefined) as unknown as typeof dns.lookup);
  try {
    const { message, tookMs } = await failureOf(secretCredentials(secretsManager(CALLER), SECRET_ARN));
    expect(message).toBe(notReached('secretsmanager.us-east-1.amazonaws.com', 'no connection within 1500 ms'));
    expect(lookup).toHaveBeenCalledTimes(AWS_LIMITS.attempts);
    expect(tookMs).toBeLessThan(2 * AWS_LIMITS.connectMs + AIR_MS);
  } finally {
    lookup.mockRestore();
  }
});

it('the SDK retries a secret that it could not read once', async () => {
  await using aws = await startAwsStandIn();
  aws.setSecret(SECRET_ARN, JSON.stringify({ username: 'u', password: 'p' }));
  aws.fail('GetSecretValue', 'error500', 1);
  expect(await secretAt(aws).read()).toEqual({ username: 'u', password: 'p' });
  expect(aws.requests().map(({ status }) => status)).toEqual([500, 200]);
});

it('the error of a function without credentials says so, and mentions no route', async () => {
  // All that the SDK looks for on this machine.
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE', 'AWS_WEB_IDENTITY_TOKEN_FILE']) {
    vi.stubEnv(name, undefined);
  }
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent');
  vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  try {
    const source = secretCredentials(secretsManager({ region: CALLER.region }), SECRET_ARN);
    expect((await failureOf(source)).message).toBe(
      `could not read ${SECRET_ARN} from Secrets Manager: CredentialsProviderError: ` +
        'Could not load credentials from any providers',
    );
  } finally {
    vi.unstubAllEnvs();
  }
});
