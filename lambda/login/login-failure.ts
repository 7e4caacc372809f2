/** The text of a failed login: where, why, and what to do next. */
import type { LoginWay } from '../diagnosis/login-facts.js';
import type { Refusal } from '../diagnosis/login-refusal.js';
import { quoteIdentifier } from '../diagnosis/quote-sql.js';
import { describeError, SQLSTATE, sqlStateOf } from '../diagnosis/sqlstate.js';
import type { Settings } from '../input/settings.js';
import { OutOfTimeError, PoolerError, UnansweredLoginError } from '../postgres/session.js';
import { tlsAdvice } from '../postgres/tls.js';
import { type Credentials, hiddenOf } from './credentials.js';
import type { LocatedTarget } from './login-target.js';
import { redactorOf } from './redact.js';

/** An attempt to log in that failed. */
export interface FailedAttempt {
  /** `null` when there were none to try. */
  readonly credentials: Credentials | null;
  /** The secret that holds them; `undefined` where the user is in the settings. */
  readonly secretArn: string | undefined;
  /** The password was a token, which AWS verifies. */
  readonly byToken: boolean;
  readonly cause: unknown;
  /** Why a password that the server rejected could not be read again; `undefined` when that was not it. */
  readonly rereadError?: unknown;
  readonly refusal: Refusal | null;
}

/** What a failure tells of where it was. */
type FailedTarget = Pick<LocatedTarget, 'inSettings' | 'own'>;

const WAY_WORDS: Readonly<Record<LoginWay, string>> = {
  own: '',
  break_glass: ' (break-glass login)',
  rescue: ' (rescue login as a walsender)',
};

/** What answers there need not be PostgreSQL, whose own messages are shorter. */
const LONGEST_REASON = 1_000;

/**
 * What failed, where, why, and what to do next. Nothing that came from a secret is in it, but the ARN of the secret to look
 * into.
 */
export function describeFailure(way: LoginWay, target: FailedTarget, failed: FailedAttempt): string {
  const { credentials, cause, refusal } = failed;
  if (credentials === null) return `no credentials${WAY_WORDS[way]}: ${describeError(cause)}`;
  const reason = redactorFor(target, failed)(describeError(cause).slice(0, LONGEST_REASON));
  const at = `could not log in to "${target.inSettings.name}" ${placeAndUser(target, failed)}${WAY_WORDS[way]}`;
  return `${at}: ${reason}; ${refusal === null ? nextStep(way, failed, target.inSettings.sslMode) : AFTER_REFUSAL[refusal]}`;
}

function placeAndUser(
  { inSettings: { address }, own }: FailedTarget,
  { credentials, secretArn }: FailedAttempt,
): string {
  const user = secretArn === undefined ? credentials?.username : `the user in the secret ${secretArn}`;
  if (address !== null) return `at ${address.host}:${address.port} as ${user}`;
  return `at the host in the secret ${own.secretArn} as ${user}`;
}

function redactorFor(
  { inSettings: { address, databaseName, sslRootCert }, own }: FailedTarget,
  { credentials, secretArn }: FailedAttempt,
) {
  const tried = credentials === null ? {} : hiddenOf(credentials, secretArn !== undefined);
  const user = secretArn === undefined ? credentials?.username : undefined;
  const shown = [address?.host, address?.port.toString(), databaseName, sslRootCert, user].filter(
    (text) => text !== undefined,
  );
  return redactorOf([tried, own.hidden], shown);
}

const AFTER_REFUSAL: Readonly<Record<Refusal, string>> = {
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

function nextStep(way: LoginWay, failed: FailedAttempt, sslMode: Settings['sslMode']): string {
  const { credentials, byToken, cause: error, rereadError } = failed;
  if (rereadError !== undefined) {
    return `it may just have been rotated, but the ${byToken ? 'token' : 'secret'} could not be read again: ${describeError(rereadError)}`;
  }
  if (error instanceof OutOfTimeError) return 'give the function more time, or look at what slows the server down';
  if (error instanceof PoolerError) return 'point the reaper at PostgreSQL itself';
  if (error instanceof UnansweredLoginError) {
    return 'point the reaper at PostgreSQL itself if that is a pooler, whose server is full; else look at the server, which is stuck';
  }
  if (isRefusedToken(failed)) return tokenAdvice(way, credentials?.username ?? '');
  return adviceOn(sqlStateOf(error), way, failed, sslMode);
}

/** What to do about the server's refusal. */
function adviceOn(sqlState: string | null, way: LoginWay, failed: FailedAttempt, sslMode: Settings['sslMode']): string {
  switch (sqlState) {
    case SQLSTATE.invalidPassword:
      return failed.secretArn === undefined
        ? 'the password is wrong, or there is no such role'
        : 'the secret was read again and its password rejected again: compare it with the role';
    case SQLSTATE.insufficientPrivilege:
      return way === 'rescue'
        ? 'a rescue login needs the REPLICATION attribute (on RDS the role rds_replication)'
        : 'let its role into this database: GRANT CONNECT ON DATABASE … TO …;';
    case SQLSTATE.invalidAuthorization:
      return `check the role and pg_hba.conf${sslMode === 'disable' ? ', or leave out sslMode: "disable" if the server demands TLS' : ''}`;
    case SQLSTATE.invalidCatalogName:
      return 'there is no such database: check databaseName, in the settings or the secret';
    case SQLSTATE.protocolViolation:
      return 'this looks like a pooler: point the reaper at PostgreSQL itself';
    case null:
      return tlsAdvice(failed.cause) ?? 'check host, port, security groups, routes and TLS';
    default:
      return 'check the role and pg_hba.conf';
  }
}

/** Whether it was the token. RDS says 28000 to one it does not take, and 28P01 to one of a role without rds_iam. */
export function isRefusedToken({ byToken, cause }: Pick<FailedAttempt, 'byToken' | 'cause'>): boolean {
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
