import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Asks to log in and then says nothing more, which takes a slot for the server's authentication_timeout. */
export async function halfOpenLogin({ host, port }: { readonly host: string; readonly port: number }): Promise<Socket> {
  const socket = connect(port, host);
  socket.on('error', () => undefined);
  const parameters = Buffer.from('user\0checkout\0database\0postgres\0\0');
  const head = Buffer.alloc(8);
  head.writeInt32BE(head.length + parameters.length, 0);
  head.writeInt32BE(196_608, 4);
  socket.write(Buffer.concat([head, parameters]));
  await once(socket, 'data');
  return socket;
}
