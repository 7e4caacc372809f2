import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PASSWORD, startDatabase, type TestDatabase, until } from '../support/database.js';
import { startClient } from './client-process.js';
import { asClient, reap } from './reap.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await startDatabase();
});

afterAll(() => database?.[Symbol.asyncDispose]());

describe('postgres.js', () => {
  it('opens another connection for the next query', async () => {
    let closed = 0;
    const sql = postgres(database.server.url('checkout', PASSWORD), {
      connection: { application_name: 'reconnecting' },
      max: 3,
      onclose: () => {
        closed += 1;
      },
    });
    await Promise.all([1, 2, 3].map(() => sql`select pg_sleep(0.05)`));
    await reap(database, 'reconnecting');
    // Before it has heard of it, a query would fail as that of a frozen client does.
    await until(async () => closed === 3);
    expect(await Promise.all([1, 2, 3].map(async (n) => (await sql`select ${n}::int as n`)[0]))).toEqual([
      { n: 1 },
      { n: 2 },
      { n: 3 },
    ]);
    await sql.end();
  });

  it('that was frozen meanwhile fails one query, maybe the next one too, and then succeeds', async () => {
    const program = `
      import { readSync } from 'node:fs';
      import postgres from 'postgres';
      const sql = postgres({ max: 1 });
      const attempt = () => sql\`select 1 + 1 as sum\`.then(([row]) => row.sum, (error) => error.code);
      await attempt();
      console.log('ready');
      readSync(0, Buffer.alloc(10));
      console.log('first', await attempt());
      console.log('second', await attempt());
      console.log('third', await attempt());
      await sql.end();`;
    const args = ['--input-type=module', '--eval', program];
    await using client = await startClient(process.execPath, args, asClient(database, 'frozen'));
    await client.says(/ready/);
    await reap(database, 'frozen');
    await client.tell('thaw', /first CONNECTION_CLOSED\nsecond (57P01|2)\nthird 2\n/);
    expect(await client.exitCode()).toBe(0);
  });
});
