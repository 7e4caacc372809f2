/**
 * What a client of Node.js does, whichever its driver. The environment says what: MODE, CONNECTIONS, CALLERS, PAUSE_MS,
 * TABLE, QUERY_MS. It prints "ready" when it has done it, and ends with its stdin.
 */
import { setTimeout as sleep } from 'node:timers/promises';

const { MODE, CONNECTIONS, CALLERS, PAUSE_MS, TABLE, QUERY_MS } = process.env;
const connections = Number(CONNECTIONS);
const callers = Number(CALLERS);
const pauseMs = Number(PAUSE_MS);

/** How long a request keeps its connection. */
const HOLD_MS = 30;

/** What each request asks, with a value of its own. */
export const STATEMENT = `select id, note from ${TABLE} where customer = $1${QUERY_MS === '0' ? '' : slow()}`;

function slow() {
  return ` and (select pg_sleep(${Number(QUERY_MS) / 1000})) is not null`;
}

/** What a tool that watches the server asks. */
export const MONITORING = 'select state, count(*) from pg_stat_activity group by state';

/** A result that no socket takes at once. */
export const LARGE = `select a.id, b.note from ${TABLE} a, ${TABLE} b`;

export { connections, MODE };

/** Nothing refers to them any more but this, as a leak in a long-lived object does. */
const leaked = [];

async function each(count, doing) {
  await Promise.all(Array.from({ length: count }, (_, index) => doing(index)));
}

async function leak(driver, use) {
  await each(callers, async (caller) => {
    for (let n = caller; n < connections; n += callers) {
      const connection = await driver.take();
      leaked.push(connection);
      await use(connection, n);
      await sleep(pauseMs);
    }
  });
}

async function request(driver, n) {
  const connection = await driver.take();
  await driver.query(connection, n);
  await sleep(HOLD_MS);
  await driver.give(connection);
}

async function burst(driver) {
  for (let round = 0; round < 3; round++) await each(connections, (n) => request(driver, n));
}

/** What MODE may say with every driver. */
export const MODES = {
  leak: (driver) => leak(driver, (connection, n) => driver.query(connection, n)),
  'leak-in-transaction': (driver) =>
    leak(driver, async (connection, n) => {
      await driver.begin(connection);
      await driver.query(connection, n);
    }),
  'leak-after-commit': (driver) =>
    leak(driver, async (connection, n) => {
      await driver.begin(connection);
      await driver.query(connection, n);
      await driver.commit(connection);
    }),
  rest: burst,
  busy: async (driver) => {
    await burst(driver);
    each(callers, async (n) => {
      for (;;) {
        await request(driver, n);
        await sleep(pauseMs * Math.random() * 2);
      }
    });
  },
  grow: async (driver) => {
    for (let size = 1; size <= connections; size++) {
      await each(size, (n) => request(driver, n));
      await sleep(pauseMs);
    }
  },
  forget: async (driver) => {
    const most = connections - 3;
    let requests = 0;
    await each(3, async () => {
      while (leaked.length < most) {
        requests += 1;
        if (requests % 20 !== 0) await request(driver, requests);
        else {
          const connection = await driver.take();
          leaked.push(connection);
          await driver.query(connection, requests);
        }
      }
    });
  },
};

/** Does what MODE says with a driver, or what the driver's own modes say. */
export async function play(driver) {
  process.stdin.on('end', () => process.exit(0)).resume();
  const doing = driver.modes?.[MODE] ?? MODES[MODE];
  await doing(driver);
}

/** Says that the work is done. */
export function ready() {
  process.stdout.write('ready\n');
}
