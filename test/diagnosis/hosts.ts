/** Addresses of clients. Few drivers can choose their own, so each address is a forwarder that connects from it. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Where clients connect to be seen at an address. */
export interface Host extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
}

/** Starts a forwarder to the server's port that connects from an address. */
export async function startHost(address: string, serverPort: number): Promise<Host> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket, other: Socket) => {
    sockets.add(socket);
    // Each side learns of the end of the other.
    socket
      .on('error', () => other.destroy())
      .on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    socket.setNoDelay(true);
    socket.pipe(other);
  };
  const listener = createServer((client) => {
    const server = connect({ host: '127.0.0.1', port: serverPort, localAddress: address });
    keep(client, server);
    keep(server, client);
  });
  listener.listen(0, '127.0.0.1', 512);
  await once(listener, 'listening');
  return {
    address,
    port: (listener.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
}
