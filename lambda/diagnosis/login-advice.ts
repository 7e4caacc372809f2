/** What to do about a login that failed, by what the server, the network or a stranger in its place answered. */
import type { Settings } from '../input/settings.js';
import type { LoginWay } from './login-facts.js';
import type { Refusal } from './login-refusal.js';
import { SERVER_TROUBLE } from './server-trouble.js';

/** What is known of a refused login besides the server's words. */
export interface RefusedLogin {
  readonly way: LoginWay;
  /** The function in the server's source that raised the error. */
  readonly routine: string | undefined;
  readonly message: string;
  /** The password was read from a secret, and after it was rejected, a second time. */
  readonly fromSecret: boolean;
  readonly sslMode: Settings['sslMode'];
}

type Advice = string | ((login: RefusedLogin) => string);

export const REFUSAL_ADVICE: Readonly<Record<Refusal, string>> = {
  every_slot:
    "every slot is taken, a superuser's too, or held by logins in progress (authentication_timeout frees those): stop the " +
    'application that reconnects, or restart the server; rescueLogin would succeed',
  reserved_slots:
    'the slots left are reserved for others: give this role one (16 and newer: reserved_connections and ' +
    "GRANT pg_use_reserved_connections), or terminate idle connections from a superuser's session",
  role_limit: "this is the role's own connection limit: raise it, or see who else logs in as this role",
  database_limit: "this is the database's own connection limit: raise it, or set databaseName to another database",
  walsenders: 'max_wal_senders is used up by standbys, backups and replication: raise it, or stop one of those',
};

const POINT_AT_POSTGRES = 'point the reaper at PostgreSQL itself';

/**
 * By SQLSTATE, all that a login is known to end with but 53300, which {@link REFUSAL_ADVICE} tells apart.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const BY_SQLSTATE: Readonly<Record<string, Advice>> = {
  ...SERVER_TROUBLE,
  '08P01': `this looks like a pooler: ${POINT_AT_POSTGRES}`,
  '0A000':
    'this looks like RDS Proxy or another pooler, which takes no options at login: set the host to the endpoint of the ' +
    'cluster or instance',
  '28000': authorizationAdvice,
  '28P01': ({ fromSecret }) =>
    fromSecret
      ? 'the secret was read again and its password rejected again: compare it with the role'
      : 'the password is wrong, or there is no such role',
  '3D000': 'there is no such database: check databaseName, in the settings or the secret',
  '42501': ({ routine, way }) =>
    way === 'rescue' && routine !== 'CheckMyDatabase'
      ? 'a rescue login needs the REPLICATION attribute (on RDS the role rds_replication)'
      : 'let its role into this database: GRANT CONNECT ON DATABASE … TO …;',
  '42704': 'this server does not know a setting that PostgreSQL 13 has: the reaper needs PostgreSQL 13 or newer',
  '55000':
    'this database takes no logins: set databaseName to another one, or ALTER DATABASE … ALLOW_CONNECTIONS true; (what a ' +
    'DROP DATABASE left behind can only be dropped)',
  '57P01':
    'an administrator, or a server that shuts down, terminated the login: the next run tries again; if it goes on, look for ' +
    'what terminates the sessions of this role',
  '57P03':
    'the server starts, stops or recovers: the next run tries again; if it goes on, look into its log (a standby takes ' +
    'logins with hot_standby = on)',
  '57P04': 'the database was just dropped: set databaseName to another one',
  '57P05':
    'idle_session_timeout of this role or database ends a session before its first statement: set it longer with ' +
    'ALTER ROLE … SET or ALTER DATABASE … SET',
  '58000': `the server's system failed, or this is a pooler such as PgCat: look into the log of the server, or ${POINT_AT_POSTGRES}`,
  P0001: 'a login trigger of the database raised this (SELECT evtname FROM pg_event_trigger): let the role pass in it',
  XX000: `an internal error of the server, or a pooler such as Supavisor that does not know the user: look into the log of the server, or ${POINT_AT_POSTGRES}`,
};

/** 28000 has many reasons, and each is raised elsewhere. */
function authorizationAdvice({ routine, message, sslMode }: RefusedLogin): string {
  if (message.startsWith('PAM authentication failed')) {
    return (
      'on RDS this role is a member of rds_iam, and then its password is never taken: log in by token ' +
      '(iamAuthentication), or REVOKE rds_iam'
    );
  }
  if (routine === 'InitializeSessionUserId') return 'there is no such role, or it has NOLOGIN: ALTER ROLE … LOGIN;';
  if (routine === 'auth_failed') return 'pg_hba.conf has a method for this role and address that takes no password';
  const tls = sslMode === 'disable' ? ', or leave out sslMode: "disable" where the server demands TLS' : '';
  return `no line of pg_hba.conf lets this role into this database from this address: add one${tls}`;
}

/** What to do about the server's no. An SQLSTATE that no login is known to end with gets no guess. */
export function refusalAdvice(sqlState: string, login: RefusedLogin): string {
  const advice = BY_SQLSTATE[sqlState];
  if (advice === undefined) {
    return 'no login is known to end with this: look into the log of the server at this time, which says more';
  }
  return typeof advice === 'string' ? advice : advice(login);
}

/**
 * By the code of a connection that did not come about, or broke.
 *
 * @see https://nodejs.org/api/errors.html#common-system-errors
 */
const BY_NETWORK_CODE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: check host and port, and whether the server runs',
  ENOTFOUND: 'no address has this name: check the host, and the DNS of the VPC',
  EAI_AGAIN: 'the name could not be looked up: check the DNS of the VPC; the next run tries again',
  EHOSTUNREACH: 'there is no way to this host: check routes and network ACLs',
  ENETUNREACH: 'there is no way to this network: check routes, and the address family',
  ETIMEDOUT: 'no answer: the security group of the server must let in that of the function at this port',
  ECONNRESET: 'the other side broke off: a server that restarts, or one that takes no connection from here',
  EPIPE: 'the other side broke off: a server that restarts, or one that takes no connection from here',
};

/** What to do about a connection that did not come about, or broke; `null` where its code says nothing of that. */
export function networkAdvice(code: string | undefined): string | null {
  return code === undefined ? null : (BY_NETWORK_CODE[code] ?? null);
}

/** What answers in place of PostgreSQL. */
export type Stranger = 'MySQL' | 'an HTTP server' | 'a server that speaks only TLS';

/**
 * Who says this first. MySQL greets before it is asked, with version 10 of its protocol after four bytes; a server that
 * demands TLS from the first byte answers an alert.
 *
 * @see https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake_v10.html
 */
export function strangerBehind(firstBytes: Uint8Array): Stranger | null {
  const [first, second] = firstBytes;
  if (firstBytes[3] === 0 && firstBytes[4] === 10) return 'MySQL';
  if (first === 0x15 && second === 3) return 'a server that speaks only TLS';
  return new TextDecoder().decode(firstBytes.subarray(0, 5)) === 'HTTP/' ? 'an HTTP server' : null;
}
