import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A server that says the same to everybody. */
export interface AnsweringServer extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number };
}

/**
 * Starts one.
 *
 * @param says this, as soon as it has heard something.
 * @param atOnce it says it before it is asked.
 */
export async function startAnsweringServer(says: Uint8Array, atOnce = false): Promise<AnsweringServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    if (atOnce) socket.write(says);
    else socket.once('data', () => socket.write(says));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** How PostgreSQL, or a pooler in its name, refuses a login. */
export function refusal(sqlState: string, message: string, routine = ''): Uint8Array {
  const fields = { S: 'FATAL', V: 'FATAL', C: sqlState, M: message, ...(routine === '' ? {} : { R: routine }) };
  return protocolMessage(
    'E',
    `${Object.entries(fields)
      .map(([name, value]) => `${name}${value}\0`)
      .join('')}\0`,
  );
}

/** How a server of that version welcomes everybody. */
export function welcome(version: string): Uint8Array {
  return Buffer.concat([
    protocolMessage('R', '\0\0\0\0'),
    protocolMessage('S', `server_version\0${version}\0`),
    protocolMessage('K', '\0\0\0\x01\0\0\0\x02'),
    protocolMessage('Z', 'I'),
  ]);
}

function protocolMessage(type: string, body: string): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(4 + Buffer.byteLength(body), 1);
  return Buffer.concat([head, Buffer.from(body)]);
}
