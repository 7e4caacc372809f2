/** A run that holds the lock and stops in the middle of a large answer. Arguments: host, port, role, password. */
import { openSession } from '../../lambda/postgres/session.js';
import { takeRunLock } from '../../lambda/postgres/sql/run-lock.js';

const [host = '', port, username = '', password = ''] = process.argv.slice(2);
const { session } = await openSession(
  { host, port: Number(port), databaseName: 'postgres', credentials: { username, password }, sslMode: 'disable' },
  new AbortController().signal,
);
await takeRunLock(session, { ownRole: username, user: username }, 0);
session.query("select repeat('x', 20000000)").catch(() => undefined);
process.kill(process.pid, 'SIGSTOP');
