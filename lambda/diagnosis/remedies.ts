/** What to do about a suspect once its connections are terminated, by its verdict and its driver. */
import { formatDuration } from '../input/duration.js';
import type { Diagnosis } from './diagnosis.js';
import { UNKNOWN_DRIVER } from './drivers.js';
import type { VerdictName } from './judgement.js';
import { quoteIdentifier, quoteLiteral } from './quote-sql.js';

/** What to do, in the order of doing it. */
export interface Remedy {
  /** Right after the reap. */
  readonly next: readonly string[];
  /** For the team that owns the service. */
  readonly fix: readonly string[];
}

/** The server that a remedy is for. */
export interface RemedyServer {
  readonly usable: number;
  /** Seconds; 0 is what the operating system says, two hours mostly. */
  readonly tcpKeepalivesIdle: number;
}

/** What helps with a suspect. */
export function remedyOf(diagnosis: Diagnosis, server: RemedyServer): Remedy {
  return REMEDIES[diagnosis.verdict](diagnosis, server);
}

const NOTHING: Remedy = { next: [], fix: [] };

const REMEDIES: Readonly<Record<VerdictName, (diagnosis: Diagnosis, server: RemedyServer) => Remedy>> = {
  leak: (diagnosis) => ({ next: restart(diagnosis), fix: driverFix(diagnosis) }),
  leak_in_transaction: (diagnosis) => ({
    next: [
      `The command above rolls back ${diagnosis.leaked.length} open transactions.`,
      ...restart(diagnosis),
      ...diagnosis.roles
        .slice(0, 2)
        .map(({ role }) => `ALTER ROLE ${quoteIdentifier(role)} SET idle_in_transaction_session_timeout = '1min';`),
    ],
    fix: driverFix(diagnosis),
  }),
  unread_result: ({ roles }) => ({
    next: [
      'The reaper spares active connections. To terminate these by hand:',
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ' +
        `${quoteLiteral(roles[0]?.role ?? '')} AND wait_event IN ('ClientWrite', 'ClientRead') ` +
        "AND state = 'active' AND state_change < now() - interval '1 min';",
    ],
    fix: ['Read each result to its end, or close it. Close cursors, streams and rows in finally.'],
  }),
  script_loop: () => ({
    next: ['Stop the script that starts psql.'],
    fix: ['Run each statement with psql -c, which exits by itself. At the end of a script file, write \\q.'],
  }),
  silent_clients: ({ hosts }, { tcpKeepalivesIdle }) => ({
    next: [`Look at ${hosts[0]?.address ?? 'that host'}: is it frozen, stopped, or cut off from the network?`],
    fix: [
      tcpKeepalivesIdle > 0 && tcpKeepalivesIdle <= 300
        ? `The server notices a lost host after ${formatDuration(tcpKeepalivesIdle)} (tcp_keepalives_idle).`
        : `tcp_keepalives_idle is ${tcpKeepalivesIdle === 0 ? "the operating system's value, usually 2 hours" : formatDuration(tcpKeepalivesIdle)}. ` +
          'The server notices a lost host only after that time. Set it to 60.',
    ],
  }),
  reconnects: () => ({
    next: ['Terminating does not help. Set the limit on the role.'],
    fix: ['Find what opens these connections: a minimum pool size, or a loop that reconnects.'],
  }),
  pool_too_large: ({ hosts }, { usable }) => {
    const size = Math.floor(usable / (2 * Math.max(1, hosts.length)));
    return {
      next: ['Terminating does not help: the pools open them again.'],
      fix: [
        size >= 1 && hosts.length > 1
          ? `Lower the pools to ${size} connections on each host. Then ${hosts.length} hosts × ${size} × 2 (during a deployment) fit.`
          : 'Lower the pool. Start with two connections for each CPU core of the database server.',
        'Or put a pooler in front of the server, such as PgBouncer in transaction mode.',
      ],
    };
  },
  pooler: () => ({
    next: ['Ask the pooler which client holds the connections: SHOW POOLS; SHOW CLIENTS; SHOW SERVERS;'],
    fix: [],
  }),
  monitoring: ({ backends }) =>
    backends.length <= 4
      ? NOTHING
      : { next: [], fix: ['A pool of 2 is enough for a monitoring tool. Limit its role to 4 connections.'] },
  unclear: (diagnosis) => ({
    next: ['Ask for a report again in a minute: a leak grows, and none of its connections is used again.'],
    fix: diagnosis.driver === null ? [] : driverFix(diagnosis),
  }),
  busy: () => NOTHING,
  pool_at_rest: () => NOTHING,
};

/** Not needed where the pool heals by itself. */
function restart({ service, driver }: Diagnosis): readonly string[] {
  const { healsAfterTermination, afterTermination } = driver ?? UNKNOWN_DRIVER;
  return healsAfterTermination === 'yes' ? [] : [`Restart ${service} if it still fails: ${afterTermination}`];
}

function driverFix({ driver }: Diagnosis): readonly string[] {
  const { name, fix, find } = driver ?? UNKNOWN_DRIVER;
  const [first = '', ...others] = fix;
  return [driver === null ? first : `${name}: ${first}`, ...others, `To find the place: ${find}`];
}
