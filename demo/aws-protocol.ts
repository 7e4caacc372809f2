import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

/** A refusal by the service, by the names its model gives: the error's shape, and its code from the older query protocol. */
export class AwsRefusal extends Error {
  constructor(
    readonly status: number,
    readonly shape: string,
    message: string,
    readonly queryCode = shape,
  ) {
    super(message);
  }
}

/** The body of a request; the SDK zips large ones. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const body = await buffer(request);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
}

/**
 * Was the request signed at all, and for this service? The signature itself is not verified.
 *
 * @throws {@link AwsRefusal} when it was not
 */
export function checkSignature(authorization: string | undefined, scope: string): void {
  if (!authorization) throw new AwsRefusal(403, 'MissingAuthenticationTokenException', 'Missing Authentication Token');
  const signed =
    /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/[^/]+\/([^/]+)\/aws4_request, SignedHeaders=\S+, Signature=[0-9a-f]{64}$/;
  if (signed.exec(authorization)?.[1] === scope) return;
  throw new AwsRefusal(403, 'InvalidSignatureException', `Credential should be scoped to correct service: '${scope}'.`);
}

/** Answers as a service of the JSON protocol does: the outcome itself, or what the {@link AwsRefusal} says. */
export function respond(request: IncomingMessage, response: ServerResponse, outcome: object): void {
  response.setHeader('content-type', request.headers['content-type'] ?? 'application/x-amz-json-1.1');
  response.setHeader('x-amzn-requestid', randomUUID());
  if (!(outcome instanceof AwsRefusal)) {
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
