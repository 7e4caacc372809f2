import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { describeError } from '../../lambda/diagnosis/sqlstate.js';

/** Of a host with two addresses, where nobody listens at either. */
async function refusedTwice(): Promise<unknown> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await once(server.close(), 'close');
  const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
  const socket = connect({ host: 'two.example', port, lookup: (_, __, found) => found(null, addresses) });
  const [error] = await once(socket, 'error');
  return error;
}

describe('an error in one line', () => {
  it('has a reason where every address of a host refuses', async () => {
    const error = await refusedTwice();
    expect(error).toMatchObject({ name: 'AggregateError', message: '' });
    expect(describeError(error)).toBe('ECONNREFUSED');
  });

  it.each([
    ['a message', new Error('said'), 'said'],
    ['a name alone', new RangeError(), 'RangeError'],
    ['no error', 'thrown', 'thrown'],
    [
      "a server's refusal",
      Object.assign(new pg.DatabaseError('no', 0, 'error'), { severity: 'ERROR', code: '42501', detail: 'why' }),
      '42501: no (why)',
    ],
  ])('that has %s', (_, error, line) => {
    expect(describeError(error)).toBe(line);
  });
});
