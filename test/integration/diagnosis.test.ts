/** From the settings to the effect in the database: what is called a leak, what is read of it, and what is terminated. */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logTo } from '../../lambda/aws/log.js';
import { parseEvent } from '../../lambda/input/event.js';
import { demandSettings, type SettingsInput } from '../../lambda/input/settings.js';
import { openSession } from '../../lambda/postgres/session.js';
import { readSnapshot } from '../../lambda/postgres/sql/snapshot.js';
import { newMemory } from '../../lambda/report/series.js';
import { lookKeeper, run } from '../../lambda/run.js';
import { rowsOf, sourcesOf, startDatabase, type TestDatabase } from '../support/database.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await startDatabase({ max_connections: 40 });
});

afterAll(() => database[Symbol.asyncDispose]());

/** Connections that are opened one after another, used once and never given back. */
async function leakSlowly(count: number, applicationName: string): Promise<pg.Client[]> {
  const leaked: pg.Client[] = [];
  for (let opened = 0; opened < count; opened += 1) {
    const [client] = await database.leak(1, 'checkout', applicationName);
    await client.query(`select 'secret ${opened}' as carts /*controller='carts'*/`);
    leaked.push(client);
  }
  return leaked;
}

/** A pool whose connections were all open before the first one was used. */
async function pool(size: number, applicationName: string): Promise<readonly pg.Client[]> {
  const clients: readonly pg.Client[] = await database.leak(size, 'billing', applicationName);
  await Promise.all(clients.map((client) => client.query('select count(*) from pg_class')));
  return clients;
}

async function answerTo(event: unknown, settings: Partial<SettingsInput>) {
  const { host, port } = database.server;
  const answer = await run(
    demandSettings('test', {
      databaseLabel: 'orders',
      secretArn: 'x',
      sslMode: 'disable',
      databaseName: 'postgres',
      instances: [{ name: 'primary', host, port }],
      idleTimeout: '1s',
      ...settings,
    }),
    parseEvent(event),
    {
      logins: () => sourcesOf(),
      publish: async () => ({ requests: 0, datapoints: 0, via: 'none', error: null }),
      series: { recall: async () => newMemory(0), keep: () => undefined },
      looks: lookKeeper(),
      log: logTo({ write: () => true }),
    },
    30_000,
  );
  const [instance] = answer.instances;
  if (instance === undefined) throw new Error(answer.text);
  return { ...instance, text: answer.text };
}

describe('reap: leaks', () => {
  it('terminates what leaked and spares a pool at rest', async () => {
    const leaked = await leakSlowly(12, 'carts-7d9f8b-x2k4p');
    const healthy = await pool(4, 'invoices');
    await database.idleFor(1);
    const { services, spared } = await answerTo({}, { reap: 'leaks' });
    expect(services.map(({ service, verdict }) => [service, verdict])).toContainEqual(['carts-*', 'leak']);
    expect(spared).toMatchObject({ not_leaked: 4 });
    expect(await database.alive([...leaked, ...healthy])).toEqual([...Array(12).fill(false), ...Array(4).fill(true)]);
    await Promise.all(healthy.map((client) => client.end()));
  });
});

describe('the command for a suspect', () => {
  it('is previewed with what only the database itself shows, such as temporary tables', async () => {
    await database.admin.query('create database shop');
    const leaked: pg.Client[] = [];
    for (let opened = 0; opened < 11; opened += 1) {
      // Before 16 a temporary table tells only the role of its session.
      const hasTable = opened < 3;
      const role = hasTable ? 'billing' : 'checkout';
      const client = await database.connect(role, { application_name: 'carts', database: 'shop' });
      if (hasTable) await client.query('create temporary table basket (id int)');
      await client.query("select 'x' as carts");
      leaked.push(client);
    }
    await database.idleFor(1);
    const { services } = await answerTo({ action: 'report', looks: 1 }, {});
    expect(services.find(({ service }) => service === 'carts')).toMatchObject({
      verdict: 'leak',
      reap: { terminates: 8, spares: { temporary_table: 3 } },
    });
    await Promise.all(leaked.map((client) => client.end()));
  });
});

describe('the last statement of a suspect', () => {
  it('is read without its literals, with where it comes from, or not at all', async () => {
    const leaked = await leakSlowly(11, 'carts');
    const suspect = async (settings: Partial<SettingsInput>) => {
      const { services, text } = await answerTo({ action: 'report', looks: 1 }, settings);
      expect(text).not.toContain('secret');
      return services.find(({ service }) => service === 'carts')?.statement;
    };
    expect(await suspect({})).toEqual({
      text: 'select ? as carts',
      connections: 11,
      read: 11,
      tags: { controller: 'carts' },
    });
    expect(await suspect({ statements: 'off' })).toBeNull();
    await Promise.all(leaked.map((client) => client.end()));
  });

  it('stops nothing else when it cannot be read', async () => {
    const leaked = await leakSlowly(11, 'carts');
    await database.idleFor(1);
    await database.admin.query('revoke execute on function to_jsonb(anyelement) from public');
    try {
      const { text, services } = await answerTo({}, {});
      expect(text).toMatch(
        /"primary": reading the last statements failed: 42501: permission denied .*; the role lacks a privilege: .* \(the report has none\)/,
      );
      expect(services.find(({ service }) => service === 'carts')).toMatchObject({ verdict: 'leak', statement: null });
      expect(await database.alive(leaked)).toEqual(Array(11).fill(false));
    } finally {
      await database.admin.query('grant execute on function to_jsonb(anyelement) to public');
    }
  });

  it('is of the kind that the server reads in it', async () => {
    const KINDS = [
      [null, 'none'],
      ['-- ping\n;', 'none'],
      ['SET search_path TO shop', 'setup'],
      ["select set_config('TimeZone', 'UTC', false)", 'setup'],
      ['/* app */ DISCARD ALL', 'reset'],
      ['COMMIT', 'commit'],
      ['rollback;', 'rollback'],
      ['SELECT 1+1 AS result', 'ping'],
      ['select 1', 'ping'],
      ['select 10 from pg_class', 'business'],
      ['select count(*) from pg_stat_activity', 'monitoring'],
      ["select 'commit'", 'business'],
      ['select setting from (values (1)) as settings (setting)', 'business'],
    ] as const;
    const clients = await database.leak(KINDS.length, 'billing');
    await Promise.all(
      KINDS.map(async ([statement], index) => statement === null || (await clients[index]?.query(statement))),
    );
    const { session, close } = await openSession(database.sessionTarget(), new AbortController().signal);
    const { backends } = await readSnapshot(session, []);
    await close();
    const kinds = rowsOf(backends, clients).map(({ lastStatement }) => lastStatement);
    expect(KINDS.map(([statement], index) => [statement, kinds[index]])).toEqual(KINDS);
    await Promise.all(clients.map((client) => client.end()));
  });
});
