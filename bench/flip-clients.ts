/**
 * Clients that are idle for a moment and busy for a moment, in a process of their own: each waits for a time that is
 * exponentially distributed, runs a statement of 20 ms, and comes back when it is ended. Ends with its parent.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** What the parent sends. */
export interface Flips {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly clients: number;
  readonly meanIdleMs: number;
}

process.once('disconnect', () => process.exit());
process.once('message', ({ clients, meanIdleMs, ...connection }: Flips) => {
  const flip = async () => {
    for (;;) {
      const client = new pg.Client({ ...connection, database: 'postgres', application_name: 'flipping' });
      client.on('error', () => undefined);
      try {
        await client.connect();
        for (;;) {
          await sleep(-Math.log(1 - Math.random()) * meanIdleMs);
          await client.query('select pg_sleep(0.02)');
        }
      } catch {
        // Ended, as it is meant to be; on to the next.
        await client.end().catch(() => undefined);
      }
    }
  };
  for (let index = 0; index < clients; index += 1) void flip();
});
