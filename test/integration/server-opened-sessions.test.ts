import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runInstance } from '../../lambda/instance-run.js';
import { aPolicy } from '../support/builders.js';
import { PASSWORD, sourcesOf, startDatabase, type TestDatabase } from '../support/database.js';

/** A second address of the server, by which the reaper comes as if from another host: the client's is 127.0.0.1. */
const SECOND_ADDRESS = '127.0.0.2';

let database: TestDatabase;

beforeAll(async () => {
  database = await startDatabase({ listen_addresses: `127.0.0.1,${SECOND_ADDRESS}` });
  const { port } = database.server;
  await database.admin.query(`
    create extension postgres_fdw;
    create extension dblink;
    create table remote (x int);
    insert into remote values (1);
    grant select on remote to checkout;
    create server itself foreign data wrapper postgres_fdw options (host '127.0.0.1', port '${port}', dbname 'postgres');
    create user mapping for billing server itself options (user 'checkout', password '${PASSWORD}');
    create foreign table wrapped (x int) server itself options (table_name 'remote');
    grant select on wrapped to billing;
  `);
});

afterAll(() => database[Symbol.asyncDispose]());

function reap(host: string) {
  return runInstance(
    database.target({ address: { host, port: database.server.port } }),
    sourcesOf(),
    aPolicy({}, { action: 'reap', idleTimeout: '1s', roles: ['checkout'], includeIdleInTransaction: true }),
    20_000,
  );
}

const spared = expect.objectContaining({ outcome: 'spared', reason: 'opened_by_server' });

describe('a transaction that uses another session of the server', () => {
  it('by postgres_fdw goes on after a reap', async () => {
    const parent = await database.connect('billing');
    await parent.query('begin');
    expect((await parent.query('select * from wrapped')).rows).toEqual([{ x: 1 }]);
    await database.idleFor(1);
    const { outcomes } = await reap(database.server.host);
    expect(outcomes.filter(({ backend }) => backend.role === 'checkout')).toEqual([spared]);
    expect((await parent.query('select * from wrapped')).rows).toEqual([{ x: 1 }]);
    await parent.query('commit');
    await parent.end();
  });

  it('by dblink, which has no name, goes on after a reap by a reaper that is elsewhere', async () => {
    const parent = await database.connect('billing');
    const connection = `host=127.0.0.1 port=${database.server.port} dbname=postgres user=checkout password=${PASSWORD}`;
    await parent.query('begin');
    await parent.query('select dblink_connect($1, $2)', ['link', connection]);
    await database.idleFor(1);
    const { outcomes, snapshot } = await reap(SECOND_ADDRESS);
    expect(snapshot?.server).toMatchObject({ ownAddress: SECOND_ADDRESS, clientAddress: '127.0.0.1' });
    expect(outcomes.filter(({ backend }) => backend.role === 'checkout')).toEqual([spared]);
    expect((await parent.query("select * from dblink('link', 'select 1') as t (x int)")).rows).toEqual([{ x: 1 }]);
    await parent.end();
  });
});
