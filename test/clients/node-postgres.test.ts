import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PASSWORD, startDatabase, type TestDatabase, until } from '../support/database.js';
import { startClient } from './client-process.js';
import { asClient, reap } from './reap.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await startDatabase();
});

afterAll(() => database?.[Symbol.asyncDispose]());

/** A program that does something, and then waits for a line without looking at any event, as a frozen process does. */
const program = (setUp: string, afterwards: string) => `
  import { readSync } from 'node:fs';
  import pg from 'pg';
  const freeze = () => readSync(0, Buffer.alloc(10));
  const attempt = (statement) => statement.then(({ rows }) => rows[0].sum, (error) => error.code ?? error.message);
  const pool = new pg.Pool({ max: 1 });
  ${setUp}
  console.log('ready');
  ${afterwards}`;

const LISTENING = "pool.on('error', (error) => console.log('pool', error.code));";

async function start(setUp: string, afterwards: string, application: string) {
  const args = ['--input-type=module', '--eval', program(setUp, afterwards)];
  const client = await startClient(process.execPath, args, asClient(database, application));
  await client.says(/ready/);
  return client;
}

function openPool(application: string, max: number): pg.Pool {
  return new pg.Pool({
    connectionString: database.server.url('checkout', PASSWORD),
    application_name: application,
    max,
  });
}

describe('a pool of node-postgres', () => {
  it('without an error listener takes its process down', async () => {
    await using client = await start("await pool.query('select 1');", 'setInterval(() => undefined, 1000);', 'deaf');
    await reap(database, 'deaf');
    await client.says(/Unhandled 'error' event[\s\S]*57P01/);
    expect(await client.exitCode()).toBe(1);
  });

  it('with one drops the connection, and the next query opens another', async () => {
    const pool = openPool('listening', 3);
    const heard: unknown[] = [];
    pool.on('error', (error) => heard.push('code' in error ? error.code : error));
    await Promise.all([1, 2, 3].map(() => pool.query('select pg_sleep(0.05)')));
    expect(pool.totalCount).toBe(3);
    await reap(database, 'listening');
    await until(async () => heard.length === 3);
    expect(heard).toEqual(['57P01', '57P01', '57P01']);
    expect(pool.totalCount).toBe(0);
    expect((await pool.query('select 1 + 1 as sum')).rows).toEqual([{ sum: 2 }]);
    await pool.end();
  });

  it('that was frozen meanwhile fails one query with 57P01, and a retry succeeds', async () => {
    await using client = await start(
      `${LISTENING} await pool.query('select 1');`,
      `freeze();
       console.log('first', await attempt(pool.query('select 1 + 1 as sum')));
       console.log('retry', await attempt(pool.query('select 1 + 1 as sum')));
       await pool.end();`,
      'frozen',
    );
    await reap(database, 'frozen');
    await client.tell('thaw', /first 57P01[\s\S]*retry 2\n/);
    expect(await client.exitCode()).toBe(0);
  });

  it('takes its process down by a client that is checked out and has no listener of its own', async () => {
    await using client = await start(
      `${LISTENING} const held = await pool.connect(); await held.query('begin');`,
      'setInterval(() => undefined, 1000);',
      'held',
    );
    await reap(database, 'held');
    await client.says(/Unhandled 'error' event[\s\S]*57P01/);
    expect(await client.exitCode()).toBe(1);
  });

  it('recovers from one that has a listener and is released with the error', async () => {
    const pool = openPool('released', 1);
    const held = await pool.connect();
    const ended = new Promise<Error>((resolve) => held.on('error', resolve));
    await held.query('begin');
    await reap(database, 'released');
    const error = await ended;
    expect(error).toMatchObject({ code: '57P01', message: 'terminating connection due to administrator command' });
    await expect(held.query('select 1')).rejects.toThrow('connection error and is not queryable');
    held.release(error);
    expect((await pool.query('select 1 + 1 as sum')).rows).toEqual([{ sum: 2 }]);
    await pool.end();
  });
});
