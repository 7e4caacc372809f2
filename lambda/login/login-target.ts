import { instanceNames, type Settings } from '../input/settings.js';
import { type Credentials, type CredentialsSource, hiddenOf } from './credentials.js';
import type { SecretValues } from './redact.js';

/** A server to log in to, with what the settings say of every server. */
export interface LoginTarget {
  readonly name: string;
  /** From the settings; `null` when the secret holds it. */
  readonly address: { readonly host: string; readonly port: number } | null;
  readonly databaseName: string | undefined;
  readonly sslMode: Settings['sslMode'];
  readonly sslRootCert: string | undefined;
  readonly rescueLogin: Settings['rescueLogin'];
}

/** The servers that the settings name. */
export function loginTargets(settings: Settings): readonly LoginTarget[] {
  const { databaseName, sslMode, sslRootCert, rescueLogin, instances } = settings;
  return instanceNames(settings).map((name) => ({
    name,
    address: instances?.find((instance) => instance.name === name) ?? null,
    databaseName,
    sslMode,
    sslRootCert,
    rescueLogin,
  }));
}

/** Where to log in to by any way: what the settings leave open comes from the own login. */
export interface LocatedTarget {
  /** What of it the settings say; the rest is in the secret, and no text may show it. */
  readonly inSettings: LoginTarget;
  readonly host: string;
  readonly port: number;
  readonly databaseName: string;
  readonly sslMode: Settings['sslMode'];
  readonly sslRootCert: string | undefined;
  readonly own: { readonly secretArn: string | undefined; readonly hidden: SecretValues };
}

/** @throws when neither the settings nor the secret hold a host. */
export function locate(
  target: LoginTarget,
  credentials: Credentials,
  { secretArn }: Pick<CredentialsSource, 'secretArn'>,
): LocatedTarget {
  const { name, address, sslMode, sslRootCert } = target;
  const { host = credentials.host, port = credentials.port ?? 5432 } = address ?? {};
  if (host === undefined) {
    throw new Error(
      `no address for instance "${name}": the secret holds no host and the settings name no instances; ` +
        'add instances: [{ name, host, port }] to the settings',
    );
  }
  return {
    inSettings: target,
    host,
    port,
    databaseName: target.databaseName ?? credentials.dbname ?? 'postgres',
    sslMode,
    sslRootCert,
    own: { secretArn, hidden: hiddenOf(credentials, secretArn !== undefined) },
  };
}
