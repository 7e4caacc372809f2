import { setTimeout as sleep } from 'node:timers/promises';
import type { Credentials, CredentialsSource } from './credentials.js';
import { type OpenSession, openSession } from './session.js';
import type { Settings } from './settings.js';
import { describeError, isServerFull, SQLSTATE, sqlStateOf } from './sqlstate.js';

/** A server to log in to, with what the settings say of every server. */
export interface LoginTarget {
  readonly name: string;
  /** From the settings; absent when the secret knows. */
  readonly address: { readonly host: string; readonly port: number } | null;
  readonly dbname: string | undefined;
  readonly tls: Settings['tls'];
  readonly caFile: string | undefined;
}

/** No session could be had. The message says at what, why, and what to do next. */
export class LoginError extends Error {
  override readonly name = 'LoginError';

  constructor(
    message: string,
    /** Every slot that our login could use was taken. */
    readonly serverFull: boolean,
    cause: unknown,
  ) {
    super(message, { cause });
  }
}

/**
 * How long to keep knocking at a full server. Each login in progress holds a slot, so in a storm of reconnecting clients
 * a single attempt gets in only 3 to 37 times of 100, while half of all tries are in within 0.7 s.
 */
const KNOCKING_MS = 5_000;

/** Next to nothing, since a slot that comes free is gone again within milliseconds. */
const PAUSE_MS = 5;

/**
 * Logs in to a server. A rejected password is read again from its source once, since it may just have been rotated; a
 * full server is asked again and again for some seconds.
 *
 * @throws LoginError when there is no way in.
 * @throws InputError when the secret is not usable; SDK errors when it can't be read.
 */
export async function login(
  target: LoginTarget,
  credentialsSource: CredentialsSource,
  signal: AbortSignal,
): Promise<OpenSession> {
  const knockUntil = performance.now() + KNOCKING_MS;
  let credentials = await credentialsSource.read();
  let reread = false;
  for (;;) {
    const address = addressOf(target, credentials);
    try {
      return await openSession(
        {
          ...address,
          dbname: target.dbname ?? credentials.dbname ?? 'postgres',
          credentials,
          tls: target.tls,
          caFile: target.caFile,
        },
        signal,
      );
    } catch (error) {
      if (sqlStateOf(error) === SQLSTATE.invalidPassword && !reread) {
        reread = true;
        credentials = await credentialsSource.read(credentials);
      } else if (isServerFull(error) && performance.now() < knockUntil && !signal.aborted) {
        await sleep(PAUSE_MS);
      } else {
        throw loginError(target, address, credentials, error);
      }
    }
  }
}

interface Address {
  readonly host: string;
  readonly port: number;
}

function addressOf(target: LoginTarget, credentials: Credentials): Address {
  if (target.address !== null) return target.address;
  if (credentials.host === undefined) {
    throw new LoginError(
      `no address for instance "${target.name}": the secret holds no host and the settings name no instances; ` +
        'add instances: [{ name, host, port }] to the settings',
      false,
      undefined,
    );
  }
  return { host: credentials.host, port: credentials.port ?? 5432 };
}

function loginError(
  target: LoginTarget,
  { host, port }: Address,
  { username }: Credentials,
  error: unknown,
): LoginError {
  const serverFull = isServerFull(error);
  const at = `could not log in to "${target.name}" at ${host}:${port} as ${username}`;
  return new LoginError(`${at}: ${describeError(error)}; ${nextStep(error, serverFull)}`, serverFull, error);
}

function nextStep(error: unknown, serverFull: boolean): string {
  if (serverFull) {
    return (
      'every slot this login may use is taken: end idle backends from a superuser session, ' +
      'and give this role a reserved slot (16 and newer: reserved_connections and pg_use_reserved_connections)'
    );
  }
  switch (sqlStateOf(error)) {
    case SQLSTATE.invalidPassword:
      return 'the secret was read again and its password rejected again: compare it with the role';
    case SQLSTATE.tooManyConnections:
      return "this is the role's or the database's own connection limit: raise it for this login";
    case null:
      return 'check host, port, security groups, routes and TLS';
    default:
      return 'check the role and pg_hba.conf';
  }
}
