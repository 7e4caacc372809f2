import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Stands between a client and a server, and passes everything on until it is told to lose the next answer. */
export interface CuttingProxy extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number };
  /** From now on the server still gets what the client sends; its answer ends the connection of the client instead. */
  loseAnswers(): void;
}

/** Starts a proxy in front of a server. */
export async function startCuttingProxy(server: {
  readonly host: string;
  readonly port: number;
}): Promise<CuttingProxy> {
  let losing = false;
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = connect(server.port, server.host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('data', (data) => upstream.write(data));
    upstream.on('data', (data) => {
      if (losing) client.destroy();
      else client.write(data);
    });
    client.on('end', () => upstream.end());
    upstream.on('close', () => client.destroy());
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    address: { host: '127.0.0.1', port: (proxy.address() as AddressInfo).port },
    loseAnswers: () => {
      losing = true;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
