/** The text of a failed login: where, why, and what to do next. */

import { networkAdvice, REFUSAL_ADVICE, refusalAdvice } from '../diagnosis/login-advice.js';
import type { LoginWay } from '../diagnosis/login-facts.js';
import type { Refusal } from '../diagnosis/login-refusal.js';
import { quoteIdentifier } from '../diagnosis/quote-sql.js';
import { describeError, isServerError, SQLSTATE, sqlStateOf } from '../diagnosis/sqlstate.js';
import type { Settings } from '../input/settings.js';
import { tlsAdvice } from '../postgres/tls.js';
import { UnusableServerError } from '../postgres/unusable-server.js';
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
  /** Why a later attempt failed, which says less; `undefined` when it failed for the same reason. */
  readonly laterCause?: unknown;
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
  const { credentials, cause, laterCause } = failed;
  if (credentials === null) return `no credentials${WAY_WORDS[way]}: ${describeError(cause)}`;
  const redactor = redactorFor(target, failed);
  const redact = (text: string) => redactor(text.slice(0, LONGEST_REASON));
  const reason = redact(describeError(cause));
  const at = `could not log in to "${target.inSettings.name}" ${placeAndUser(target, failed)}${WAY_WORDS[way]}`;
  const ending =
    laterCause === undefined ? '' : `; the last attempt failed otherwise: ${redact(describeError(laterCause))}`;
  return `${at}: ${reason}; ${nextStep(way, failed, target.inSettings.sslMode)}${ending}`;
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

function nextStep(way: LoginWay, failed: FailedAttempt, sslMode: Settings['sslMode']): string {
  const { credentials, secretArn, byToken, cause, rereadError, refusal } = failed;
  if (refusal !== null) return REFUSAL_ADVICE[refusal];
  if (rereadError !== undefined) {
    return `it may just have been rotated, but the ${byToken ? 'token' : 'secret'} could not be read again: ${describeError(rereadError)}`;
  }
  if (cause instanceof UnusableServerError) return cause.remedy;
  if (isRefusedToken(failed)) return tokenAdvice(way, credentials?.username ?? '');
  if (isServerError(cause)) {
    const { code, routine, message } = cause;
    return refusalAdvice(code, { way, routine, message, fromSecret: secretArn !== undefined, sslMode });
  }
  return (
    tlsAdvice(cause) ??
    networkAdvice(codeOf(cause)) ??
    'the connection broke before the login was over: look into the log of the server at this time'
  );
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
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
