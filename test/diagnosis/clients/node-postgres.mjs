/** node-postgres. TARGETS lists the pods that this one process stands for, each with a pool, a port and a name of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { connections, LARGE, MODE, MODES, MONITORING, play, ready, STATEMENT } from './modes.mjs';

const targets = JSON.parse(process.env['TARGETS'] ?? '[{}]');

function driverOf({ port, name }) {
  const pool = new pg.Pool({
    max: connections,
    idleTimeoutMillis: 0,
    ...(MODE === 'rotate' ? { maxLifetimeSeconds: 2 } : {}),
    ...(port === undefined ? {} : { port }),
    ...(name === undefined ? {} : { application_name: name }),
  });
  pool.on('error', () => undefined);
  // A leaked one is no longer the pool's, and its error would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const take = () => pool.connect();
  const opened = async (use) => {
    await Promise.all(Array.from({ length: connections }, async () => use(await take())));
  };
  return {
    take,
    give: (client) => client.release(),
    query: (client, n) => client.query(STATEMENT, [n]),
    begin: (client) => client.query('begin'),
    commit: (client) => client.query('commit'),
    modes: {
      rotate: async (driver) => {
        await MODES.busy(driver);
        await sleep(6_000);
      },
      monitor: () =>
        opened(async (client) => {
          await client.query(MONITORING);
          setInterval(() => client.query(MONITORING).catch(() => undefined), 1_000);
        }),
      unread: () =>
        opened(async (client) => {
          client.query(LARGE).catch(() => undefined);
          await sleep(200);
          client.connection.stream.pause();
        }),
      fill: async () => {
        const filled = [];
        for (let n = 0; n < connections; n++) {
          const client = await take();
          await client.query('select 1');
          filled.push(client);
        }
        for (const client of filled) client.release();
      },
      reconnect: () => Promise.all(Array.from({ length: connections }, (_, n) => keepOpen(port, name, n))),
    },
  };
}

async function keepOpen(port, name, n) {
  const client = new pg.Client({ ...(port === undefined ? {} : { port }), application_name: name });
  client.on('error', () => undefined);
  client.on('end', () => keepOpen(port, name, n).catch(() => undefined));
  await client.connect();
  await client.query(STATEMENT, [n]);
}

await Promise.all(targets.map((target) => play(driverOf(target))));
ready();
