/**
 * Connections that run `select 1` once and are then idle, in a process of their own, which says so when all are open. It
 * ends with its parent.
 */
import pg from 'pg';

/** What the parent sends. */
export interface IdleConnections {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly connections: number;
}

/** How many logins are in progress at a time. */
const LOGINS = 8;

process.once('disconnect', () => process.exit());
process.once('message', async ({ connections, ...login }: IdleConnections) => {
  let left = connections;
  const open = async () => {
    while (left > 0) {
      left -= 1;
      const client = new pg.Client({ ...login, database: 'postgres', application_name: 'idle' });
      client.on('error', () => undefined);
      await client.connect();
      await client.query('select 1');
    }
  };
  await Promise.all(Array.from({ length: LOGINS }, open));
  process.send?.('open');
});
