/** postgres.js. A leak is a connection that was reserved and never released. */
import postgres from 'postgres';
import { connections, play, ready, STATEMENT } from './modes.mjs';

const { PGAPPNAME } = process.env;
const sql = postgres({
  max: connections,
  idle_timeout: 0,
  ...(PGAPPNAME === undefined ? {} : { connection: { application_name: PGAPPNAME } }),
});

await play({
  take: () => sql.reserve(),
  give: (reserved) => reserved.release(),
  query: (reserved, n) => reserved.unsafe(STATEMENT, [n]),
  begin: (reserved) => reserved.unsafe('begin'),
  commit: (reserved) => reserved.unsafe('commit'),
});
ready();
