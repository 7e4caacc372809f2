/** What a run reads of a server: its connections, its roles, its limits. */
import type { Seconds } from '../input/duration.js';
import type { ServerSettings } from './server-settings.js';

/** `pg_stat_activity.state` as PostgreSQL spells it; `starting` exists from 18 on. */
export type BackendState =
  | 'active'
  | 'idle'
  | 'idle in transaction'
  | 'idle in transaction (aborted)'
  | 'fastpath function call'
  | 'disabled'
  | 'starting';

/** A client backend other than our own: a row of `pg_stat_activity` with what else is needed to judge it. */
export interface Backend {
  readonly pid: number;
  /**
   * With the pid it identifies a backend for good, since pids are used again. Kept as the server's text: a JavaScript
   * `Date` would lose the microseconds, and the recheck would then match nobody.
   */
  readonly backendStart: string | null;
  readonly stateChange: string | null;
  /** `null` where our login may not see it; see {@link Backend.readable}. */
  readonly state: BackendState | null;
  /** False when the server hides this backend's state from us; then only names are known. */
  readonly readable: boolean;
  readonly applicationName: string;
  /** `null` when the role was dropped meanwhile, or the login is still in progress. */
  readonly role: string | null;
  readonly superuser: boolean;
  /** Whether its role is a reaper's, by the mark that the grants set. */
  readonly ofReaper: boolean;
  /** Whether its role may use the slots that `reserved_connections` keeps free. */
  readonly mayUseReserve: boolean;
  readonly database: string | null;
  /** `null` for a client on a Unix socket, and where our login may not see it. */
  readonly clientAddr: string | null;
  /** Since the last change of state, by the server's clock. */
  readonly stateSeconds: Seconds | null;
  /** Since the backend started, by the server's clock. */
  readonly ageSeconds: Seconds | null;
  /** Since its last statement started, by the server's clock. */
  readonly statementSeconds: Seconds | null;
  /** `pg_stat_activity.wait_event`: `ClientWrite` where the client does not read what it asked for. */
  readonly waitEvent: string | null;
  /** What its last statement was for; `null` where the server does not tell. */
  readonly lastStatement: StatementKind | null;
  /** What would be lost with it; `null` when nothing that can be seen from outside. */
  readonly holding: Holding | null;
}

/** Whether the server does not keep what a connection does: `track_activities` is off. */
export function isUntracked({ state }: Backend): boolean {
  return state === 'disabled';
}

/** Whether nobody can say if a connection is idle: the server hides its state, or does not keep it. */
export function isUnreadable(backend: Backend): boolean {
  return !backend.readable || isUntracked(backend);
}

/** What a statement is for, as far as its first words tell. Decided in the server, so that its text stays there. */
export type StatementKind =
  /** None yet, or an empty one. */
  | 'none'
  /** Sent by a driver that connects: `SET`, `SHOW`, `select set_config(…)`, `select version()`. */
  | 'setup'
  /** Sent by a pool that takes a connection back: `DISCARD ALL`, `RESET ALL`, `DEALLOCATE`. */
  | 'reset'
  /** The end of a transaction: also what many pools send when a connection is given back. */
  | 'commit'
  | 'rollback'
  /** Asks whether the connection works: `select 1`. */
  | 'ping'
  /** Reads the server's own statistics. */
  | 'monitoring'
  /** Anything else: the application's own. */
  | 'business';

/** What a session holds that ends with it. */
export type Holding =
  /** A session advisory lock, shared ones included. */
  | 'advisory_lock'
  /**
   * Temporary tables. Before PostgreSQL 16 the server does not tell whose, only which role's: then all backends of that
   * role count.
   */
  | 'temporary_table'
  /** A temporary replication slot. */
  | 'replication_slot'
  /** Its last statement was `LISTEN`; nothing shows a listener that ran anything since. */
  | 'listen'
  /** Its last statement declared a cursor `WITH HOLD`, or fetched from one. */
  | 'hold_cursor'
  /** Its last statement started a base backup, which is aborted with the session. */
  | 'base_backup';

/** A role that has a connection limit, or should have one. */
export interface Role {
  readonly name: string;
  /** `rolconnlimit`; `null` is no limit (-1), 0 is a real one. */
  readonly connectionLimit: number | null;
  readonly superuser: boolean;
  /** Whether our login may change the limit. */
  readonly mayAlter: boolean;
}

/** What the server says of itself and of our login. */
export interface Server {
  readonly version: string;
  /** `server_version_num`, such as 160004. */
  readonly versionNumber: number;
  readonly inRecovery: boolean;
  readonly maxConnections: number;
  readonly superuserReservedConnections: number;
  /** `reserved_connections`, from 16 on. */
  readonly reservedConnections: number;
  readonly rdsSuperuserReservedConnections: number;
  readonly rdsReservedConnections: number;
  /** The role we are logged in as. */
  readonly user: string;
  /** The database we are logged in to. */
  readonly database: string;
  /** The server's own address, by which we came; `null` on a Unix socket. */
  readonly ownAddress: string | null;
  /** Our address, as the server sees it. */
  readonly clientAddress: string | null;
  readonly superuser: boolean;
  readonly mayReadAllStats: boolean;
  readonly maySignalBackends: boolean;
  /** Whether slots are kept free that our login may use and ordinary roles may not. */
  readonly hasReservedSlot: boolean;
  /** Whether our login may use `reserved_connections` while that is 0. */
  readonly hasVainReserveGrant: boolean;
  readonly preparedTransactions: number;
  /** Since the oldest prepared transaction was prepared; `null` when there is none. */
  readonly oldestPreparedSeconds: Seconds | null;
}

/** One read of a server. */
export interface Snapshot {
  readonly server: Server;
  readonly settings: ServerSettings;
  readonly backends: readonly Backend[];
  readonly roles: readonly Role[];
}

/** The slots that ordinary roles can use: `max_connections` less every reserve of this version and provider. */
export function usableSlots(server: Server): number {
  // From 16 on RDS keeps rds_superuser's slots in reserved_connections; counting its old setting too would count twice.
  const reserved =
    server.versionNumber >= 160_000 ? server.reservedConnections : server.rdsSuperuserReservedConnections;
  return Math.max(
    0,
    server.maxConnections - server.superuserReservedConnections - reserved - server.rdsReservedConnections,
  );
}

/** With the pid the start identifies a connection for good. */
export function identity({ pid, backendStart }: Pick<Backend, 'pid' | 'backendStart'>): string {
  return `${pid} ${backendStart}`;
}
