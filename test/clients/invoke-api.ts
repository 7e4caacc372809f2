import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AwsRefusal, checkSignature, readBody } from '../../demo/aws-protocol.js';
import { FunctionError, type LambdaProcess } from '../../demo/lambda-process.js';

/** Lambda as far as `aws lambda invoke` uses it. */
export interface InvokeApi extends AsyncDisposable {
  readonly endpoint: string;
}

/**
 * Lambda's operation Invoke for one function, on a free port of the loopback interface. A failed invocation is answered
 * with 200 as well, and told by a header.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export async function startInvokeApi(functionName: string, lambda: LambdaProcess): Promise<InvokeApi> {
  const path = `/2015-03-31/functions/${encodeURIComponent(functionName)}/invocations`;
  const server = createServer(async (request, response) => {
    try {
      const body = await readBody(request);
      checkSignature(request.headers.authorization, 'lambda');
      if (request.method !== 'POST' || request.url !== path) {
        throw new AwsRefusal(404, 'ResourceNotFoundException', `Function not found: ${request.method} ${request.url}`);
      }
      const result = await lambda.invoke(parse(body));
      answer(response, 200, { 'x-amz-executed-version': '$LATEST' }, result);
    } catch (error) {
      if (error instanceof FunctionError) {
        const { errorType, errorMessage, trace } = error;
        const headers = { 'x-amz-executed-version': '$LATEST', 'x-amz-function-error': 'Unhandled' };
        answer(response, 200, headers, { errorType, errorMessage, trace });
      } else {
        const { status, shape, message } =
          error instanceof AwsRefusal ? error : new AwsRefusal(500, 'ServiceException', String(error));
        answer(response, status, { 'x-amzn-errortype': shape }, { Type: 'User', Message: message });
      }
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch (cause) {
    // As it is when the CLI takes the payload for base64.
    throw new AwsRefusal(400, 'InvalidRequestContentException', `Could not parse request body into json: ${cause}`);
  }
}

function answer(response: ServerResponse, status: number, headers: Record<string, string>, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
