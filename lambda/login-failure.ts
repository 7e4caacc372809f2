import type { LoginWay } from './login.js';
import type { Refusal } from './refusal.js';
import { OutOfTimeError, PoolerError, UnansweredLoginError } from './session.js';
import type { Settings } from './settings.js';
import { quoteIdentifier } from './sql/identifier.js';
import { describeError, SQLSTATE, sqlStateOf } from './sqlstate.js';
import { tlsAdvice } from './tls.js';

/** An attempt to log in that failed. */
export interface Failed {
  /** `null` when there were no credentials to try. */
  readonly username: string | null;
  /** The password was a token, which AWS verifies. */
  readonly byToken: boolean;
  readonly cause: unknown;
  /** Why a password that the server rejected could not be read again; `undefined` when that was not it. */
  readonly rereadError?: unknown;
  readonly refusal: Refusal | null;
}

/** Where it was. */
interface FailurePlace {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tls: Settings['tls'];
}

const WAY_WORDS: Readonly<Record<LoginWay, string>> = {
  own: '',
  break_glass: ' (break-glass login)',
  rescue: ' (rescue login as a walsender)',
};

/** What failed, where, why, and what to do next. */
export function describeFailure(way: LoginWay, { name, host, port, tls }: FailurePlace, failed: Failed): string {
  const { username, cause, refusal } = failed;
  if (username === null) return `no credentials${WAY_WORDS[way]}: ${describeError(cause)}`;
  const at = `could not log in to "${name}" at ${host}:${port} as ${username}${WAY_WORDS[way]}`;
  return `${at}: ${describeError(cause)}; ${refusal === null ? nextStep(way, failed, tls) : AFTER_REFUSAL[refusal]}`;
}

const AFTER_REFUSAL: Readonly<Record<Refusal, string>> = {
  every_slot:
    "every slot is taken, a superuser's too, or held by logins in progress (authentication_timeout frees those): stop the " +
    'application that reconnects, or restart the server; rescueLogin would get in',
  reserved_slots:
    'the slots left are reserved for others: give this role one (16 and newer: reserved_connections and ' +
    "GRANT pg_use_reserved_connections), or end idle backends from a superuser's session",
  role_limit: "this is the role's own connection limit: raise it, or see who else logs in as this role",
  database_limit: "this is the database's own connection limit: raise it, or set dbname to another database",
  walsenders: 'max_wal_senders is used up by standbys, backups and replication: raise it, or end one of those',
};

function nextStep(way: LoginWay, failed: Failed, tls: Settings['tls']): string {
  const { username, byToken, cause: error, rereadError } = failed;
  if (rereadError !== undefined) {
    return `it may just have been rotated, but the ${byToken ? 'token' : 'secret'} could not be had again: ${describeError(rereadError)}`;
  }
  if (error instanceof OutOfTimeError) return 'give the function more time, or look at what slows the server down';
  if (error instanceof PoolerError) return 'point the reaper at PostgreSQL itself';
  if (error instanceof UnansweredLoginError) {
    return 'point the reaper at PostgreSQL itself if that is a pooler, whose server is full; else look at the server, which is stuck';
  }
  if (isRefusedToken(failed)) return tokenAdvice(way, username ?? '');
  switch (sqlStateOf(error)) {
    case SQLSTATE.invalidPassword:
      return 'the secret was read again and its password rejected again: compare it with the role';
    case SQLSTATE.insufficientPrivilege:
      return 'a rescue login needs the REPLICATION attribute (on RDS the role rds_replication)';
    case SQLSTATE.invalidAuthorization:
      return `check the role and pg_hba.conf${tls === 'disable' ? ', or leave out tls: "disable" if the server demands TLS' : ''}`;
    case SQLSTATE.protocolViolation:
      return 'this looks like a pooler: point the reaper at PostgreSQL itself';
    case null:
      return tlsAdvice(error) ?? 'check host, port, security groups, routes and TLS';
    default:
      return 'check the role and pg_hba.conf';
  }
}

/** Whether it was the token. RDS says 28000 to one it does not take, and 28P01 to one of a role without rds_iam. */
export function isRefusedToken({ byToken, cause }: Pick<Failed, 'byToken' | 'cause'>): boolean {
  const sqlState = sqlStateOf(cause);
  return byToken && (sqlState === SQLSTATE.invalidAuthorization || sqlState === SQLSTATE.invalidPassword);
}

/**
 * RDS tells its log alone which of these it was.
 *
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL.Concepts.General.FeatureSupport.IAMLogicalReplication.html
 */
function tokenAdvice(way: LoginWay, username: string): string {
  return (
    `for a login by token the role must be a member of rds_iam (GRANT rds_iam TO ${quoteIdentifier(username)}), IAM ` +
    `authentication on at this instance or its cluster, the function allowed rds-db:connect as ${username} on its ` +
    'resource id (db-... or cluster-...), and the host its real endpoint and no alias' +
    (way === 'rescue' ? '; as a walsender it also takes rds.iam_auth_for_replication = 1' : '')
  );
}
