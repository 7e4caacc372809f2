/**
 * The storm, in a process of its own: takes every slot that its roles can get, says so, and then keeps trying to log in
 * without pause, as applications do that retry. Ends with its parent.
 */
import pg from 'pg';

/** What the parent sends. */
export interface Storm {
  readonly host: string;
  readonly port: number;
  /** Who takes the slots, in this order; the first also storms. */
  readonly logins: readonly [Login, ...Login[]];
  readonly loops: number;
}

interface Login {
  readonly user: string;
  readonly password: string;
}

process.once('disconnect', () => process.exit());
process.once('message', async (storm: Storm) => {
  const held: pg.Client[] = [];
  const connect = async (login: Login): Promise<pg.Client> => {
    const client = new pg.Client({ host: storm.host, port: storm.port, database: 'postgres', ...login });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  for (const login of storm.logins) {
    for (;;) {
      const client = await connect(login).catch(() => undefined);
      if (client === undefined) break;
      held.push(client);
    }
  }
  process.send?.({ held: held.length });
  const loop = async () => {
    for (;;) {
      const client = await connect(storm.logins[0]).catch(() => undefined);
      if (client !== undefined) held.push(client);
    }
  };
  for (let index = 0; index < storm.loops; index += 1) void loop();
});
