/**
 * The bootstrap's entry: a function that runs while a stack is deployed, and never else but by hand. It logs in with the
 * admin secret and brings the reaper's role to the declared state, on every instance that takes writes:
 *
 *   grants        the role, its rights, and which limits it may set
 *   password      the one in the reaper's own secret; none where it logs in by token
 *   proof         a login as the reaper
 *
 * All of it may be done again at any time. A failure fails the deployment, whose message is the error's.
 *
 * The role stays when its resource is deleted. A role that is dropped takes along what it owns and was given, which is for
 * a person to say; and a database that is out of reach would keep its stack from going.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { secretsManagers } from './aws/clients.js';
import { logTo } from './aws/log.js';
import { ADMIN_SECRET_VARIABLE, REAPER_ROLE, SETTINGS_VARIABLE } from './contract/names.js';
import { describeError, isServerError } from './diagnosis/sqlstate.js';
import { InputError } from './input/faults.js';
import { parseSettings } from './input/settings.js';
import type { InvocationContext } from './invocation-context.js';
import { type CredentialsSource, hiddenOf, secretCredentials } from './login/credentials.js';
import { LoginError, login } from './login/login.js';
import { isRefusedToken } from './login/login-failure.js';
import { type LoginTarget, loginTargets } from './login/login-target.js';
import { loginsOf } from './login/logins.js';
import { redactorOf, type SecretValues } from './login/redact.js';
import { grantRights, isInRecovery, type ReaperRole, retryOvertaken } from './postgres/grant-privileges.js';
import type { Session } from './postgres/session.js';
import { setRolePassword } from './postgres/sql/role-password.js';

/** What a bootstrap did. It ends up in logs. */
export interface BootstrapAnswer {
  readonly role: string;
  /** The roles whose limits it may set. */
  readonly limitedRoles: readonly string[];
  readonly instances: readonly InstanceBootstrap[];
}

interface InstanceBootstrap {
  readonly name: string;
  /** `in_recovery`: a reader, which takes its roles from the writer. */
  readonly outcome: 'set_up' | 'in_recovery';
  /** What a person should know. */
  readonly notes: readonly string[];
}

/** Kept free for the error to come out, which tells more than that the time was over. */
const ANSWERING_MS = 2_000;

/**
 * The deployment attaches `rds-db:connect` to the reaper's role moments before, and IAM's changes take seconds to be
 * everywhere.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
 */
const RIGHTS_SPREAD_MS = 20_000;
const PROOF_PAUSE_MS = 1_000;

const log = logTo(process.stdout);

/**
 * CloudFormation takes an answer of 4,096 bytes, with the names of stack and resource in it, and one line of CDK's that
 * says where logs are by default.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html
 */
const MAX_REFUSAL_BYTES = 2_500;

/** The role could not be brought to the declared state. */
class BootstrapError extends Error {
  override readonly name = 'BootstrapError';

  /** Without the `cause`: Lambda logs what an error holds, and others made that one. */
  constructor(reason: unknown) {
    super(
      `The database role of the Connection Reaper is not set up: ${shortened(describeRefusal(reason))}. ` +
        `Then deploy again. The log is in the group ${process.env['AWS_LAMBDA_LOG_GROUP_NAME']}.`,
    );
    // CloudFormation shows it after the message. Ours is of one minified line.
    this.stack = '';
  }
}

/** Of a long text what CloudFormation has room for, as it comes there: in JSON. */
function shortened(text: string): string {
  const size = (part: string) => Buffer.byteLength(JSON.stringify(part));
  if (size(text) <= MAX_REFUSAL_BYTES) return text;
  let part = text.slice(0, MAX_REFUSAL_BYTES);
  while (size(part) > MAX_REFUSAL_BYTES) part = part.slice(0, -100);
  return `${part}... (the log has the rest)`;
}

const deletion = v.object({ RequestType: v.literal('Delete') });

/**
 * Brings the reaper's role to the declared state.
 *
 * @param event CloudFormation's, or anything by hand.
 * @returns what was done, and nothing for a deletion.
 */
export async function bootstrap(
  event: unknown,
  context: InvocationContext,
): Promise<BootstrapAnswer | Record<string, never>> {
  if (v.is(deletion, event)) return {};
  const cutOff = new AbortController();
  const timer = setTimeout(() => cutOff.abort(), context.getRemainingTimeInMillis() - ANSWERING_MS);
  try {
    const answer = await setUp(cutOff.signal);
    log.write({ event: 'bootstrap', ...answer });
    return answer;
  } catch (error) {
    log.write({ event: 'bootstrap', error: describeRefusal(error) }, 'ERROR');
    throw new BootstrapError(error);
  } finally {
    clearTimeout(timer);
  }
}

async function setUp(signal: AbortSignal): Promise<BootstrapAnswer> {
  const settings = parseSettings(process.env[SETTINGS_VARIABLE]);
  const secrets = secretsManagers();
  const adminSecretArn = demandAdminSecret();
  const admin = secretCredentials(secrets(adminSecretArn), adminSecretArn);
  const logins = loginsOf(settings, secrets);
  const limitedRoles = Object.keys(settings.roleLimits);
  const { databaseLabel: database, rescueLogin } = settings;
  let name = '';
  const instances: InstanceBootstrap[] = [];
  for (const target of loginTargets(settings)) {
    // The function for the limits is in one database, where both must log in to, whatever the admin secret names.
    const there = { ...target, databaseName: target.databaseName ?? 'postgres', rescueLogin: 'off' } as const;
    const { own } = logins(there);
    const ownLogin = await own.read();
    const { username, password } = ownLogin;
    name = username;
    const role = { name, database, limitedRoles, rescueLogin, byToken: own.givesTokens === true };
    const ownPassword = role.byToken ? null : demandAscii(settings.secretArn, password);
    const told = { hidden: hiddenOf(ownLogin, !role.byToken), shown: limitedRoles };
    const notes = await inSession(there, admin, signal, (session) => setUpRole(session, role, ownPassword), told);
    if (notes !== null) await proveLogin(there, own, signal);
    instances.push({ name: target.name, outcome: notes === null ? 'in_recovery' : 'set_up', notes: notes ?? [] });
  }
  if (instances.every(({ outcome }) => outcome === 'in_recovery')) {
    throw new Error(
      `none of ${instances.map((one) => one.name).join(', ')} takes writes: name the writer in instances`,
    );
  }
  return { role: name, limitedRoles, instances };
}

/**
 * @param password `null` where the role logs in by token.
 * @returns what a person should know; `null` when this server takes its roles from another.
 */
async function setUpRole(
  session: Session,
  role: ReaperRole,
  password: string | null,
): Promise<readonly string[] | null> {
  if (await isInRecovery(session)) return null;
  const notes = await grantRights(session, role);
  if (password !== null) await retryOvertaken(() => setRolePassword(session, role.name, password));
  return notes;
}

/** A login as the reaper. A token that is refused may be good a moment later, which no password would be. */
async function proveLogin(target: LoginTarget, own: CredentialsSource, signal: AbortSignal): Promise<void> {
  const until = performance.now() + RIGHTS_SPREAD_MS;
  for (;;) {
    try {
      return await inSession(target, own, signal, async () => undefined);
    } catch (error) {
      const isTokens =
        error instanceof LoginError && isRefusedToken({ byToken: own.givesTokens === true, cause: error.cause });
      if (!isTokens || signal.aborted || performance.now() >= until) throw error;
      await sleep(PROOF_PAUSE_MS);
    }
  }
}

async function inSession<Result>(
  target: LoginTarget,
  credentials: CredentialsSource,
  signal: AbortSignal,
  work: (session: Session) => Promise<Result>,
  told: { readonly hidden: SecretValues; readonly shown: readonly string[] } = { hidden: {}, shown: [] },
): Promise<Result> {
  const { session, close, hidden } = await login(target, { own: credentials, breakGlass: null }, signal);
  try {
    return await work(session);
  } catch (error) {
    const redact = redactorOf([...hidden, told.hidden], [...told.shown, target.databaseName ?? '', REAPER_ROLE]);
    throw new Error(`on "${target.name}": ${redact(describeRefusal(error))}`);
  } finally {
    await close();
  }
}

function demandAdminSecret(): string {
  const arn = process.env[ADMIN_SECRET_VARIABLE];
  if (arn !== undefined && arn !== '') return arn;
  throw new InputError(ADMIN_SECRET_VARIABLE, [
    { problem: 'missing', hint: 'The deployment sets this environment variable' },
  ]);
}

function demandAscii(secretArn: string | undefined, password: string): string {
  if (/^[ -~]+$/.test(password)) return password;
  throw new InputError(`secret ${secretArn}`, [
    { path: 'password', problem: 'expected printable ASCII characters alone' },
  ]);
}

/** With the hint, in which our own SQL says what to do. */
function describeRefusal(error: unknown): string {
  const hint = isServerError(error) ? error.hint : undefined;
  return hint === undefined ? describeError(error) : `${describeError(error)}; ${hint}`;
}
