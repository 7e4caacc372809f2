/** Credentials from Secrets Manager. */
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { type AwsRefusal, describeAwsFailure, isAccessDenied } from '../aws/failure.js';
import { AWS_LIMITS } from '../contract/limits.js';
import { type Fault, InputError } from '../input/faults.js';
import type { SecretValues } from './redact.js';

/** A database login, and where the secret says it is good for. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
  readonly host?: string;
  readonly port?: number;
  readonly dbname?: string;
  /** What else the secret holds. It has no effect, and no text may show it. */
  readonly others?: SecretValues;
}

/** Gives the login; after the server refused one, a fresh one. */
export interface CredentialsSource {
  /** Its passwords are tokens, which AWS verifies by rights that PostgreSQL knows nothing of. */
  readonly givesTokens?: true;
  /** The secret that it reads; absent where the user is in the settings. */
  readonly secretArn?: string;
  /** @param refused the credentials that the server refused; they are read again unless that has happened already. */
  read(refused?: Credentials): Promise<Credentials>;
}

/**
 * What of a login no text may show: all that is in a secret. The user of a token is in the settings, and that of a try by hand
 * was given by who reads the text.
 */
export function hiddenOf({ password, ...others }: Credentials, isInSecret: boolean): SecretValues {
  return isInSecret ? { password, ...others } : { password };
}

/**
 * Decodes a secret's text. RDS, Aurora and CDK write different subsets of the keys: the secret of an RDS-managed master user
 * has only a name and a password, older ones hold the port as text. Keys that we don't know are theirs, not faults.
 *
 * @throws InputError with every fault, in our own words: no part of the secret is in them, and no key but the known ones.
 */
export function parseCredentials(secretArn: string, text: string | undefined): Credentials {
  const source = `secret ${secretArn}`;
  const { username, password, host, port, dbname, ...others } = objectIn(source, text);
  const faults: Fault[] = [];
  const demandText = (key: string, value: unknown, expected: string): string => {
    if (typeof value === 'string' && value !== '') return value;
    faults.push({ path: key, problem: value === undefined ? 'missing' : `expected ${expected}` });
    return '';
  };
  const address = host === undefined ? {} : splitAddress(demandText('host', host, 'a host name'));
  const credentials: Credentials = {
    username: demandText('username', username, 'the name to log in with'),
    password: demandText('password', password, 'the password'),
    ...address,
    ...(port !== undefined && { port: Number(port) }),
    // Empty is how a form without a name leaves it.
    ...(typeof dbname === 'string' && dbname !== '' && { dbname }),
    ...(Object.keys(others).length > 0 && { others }),
  };
  if (address.port !== undefined && port !== undefined && address.port !== Number(port))
    faults.push({ path: 'host', problem: 'expected the port that the key port has, or none' });
  if (port !== undefined && !isPort(port))
    faults.push({ path: 'port', problem: 'expected a port from 1 to 65535, as number or text' });
  if (dbname !== undefined && typeof dbname !== 'string')
    faults.push({ path: 'dbname', problem: 'expected a database name' });
  if (faults.length > 0) throw new InputError(source, faults);
  return credentials;
}

function objectIn(source: string, text: string | undefined): SecretValues {
  if (text === undefined)
    throw new InputError(source, [{ problem: 'expected a SecretString', got: 'a binary secret' }]);
  const decoded = decode(source, text);
  // Terraform's jsonencode twice over, or a form that quotes what was pasted into it.
  const secret = typeof decoded === 'string' && decoded.startsWith('{') ? decode(source, decoded) : decoded;
  if (typeof secret !== 'object' || secret === null || Array.isArray(secret)) {
    throw new InputError(source, [
      { problem: 'expected a JSON object with username and password', got: kindOf(secret) },
    ]);
  }
  return { ...secret };
}

/** Terraform's `endpoint` of an RDS instance ends in its port, and what DNS tools print ends in a dot. */
function splitAddress(host: string): Pick<Credentials, 'host' | 'port'> {
  const [, name = host, port] = /^([^:]+):(\d{1,5})$/.exec(host) ?? [];
  return { host: name.replace(/\.$/, ''), ...(isPort(port) && { port: Number(port) }) };
}

function decode(source: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No `cause`: the engine's message quotes the text.
    throw new InputError(source, [{ problem: 'expected JSON', got: 'text that is not' }]);
  }
}

function kindOf(json: unknown): string {
  if (Array.isArray(json)) return 'a list';
  return json === null ? 'null' : `a ${typeof json}`;
}

function isPort(port: unknown): boolean {
  if (typeof port === 'string') return /^\d{1,5}$/.test(port) && isPort(Number(port));
  return typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535;
}

async function getSecretString(client: SecretsManagerClient, secretArn: string): Promise<string | undefined> {
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: secretArn }), {
      abortSignal: AbortSignal.timeout(AWS_LIMITS.callMs),
    });
    return SecretString;
  } catch (error) {
    const failure = describeAwsFailure(error, 'Secrets Manager', adviceOn);
    // No `cause`: the SDK's error holds the answer, in which the secret may be.
    throw new Error(`could not read ${secretArn} from Secrets Manager: ${failure}`);
  }
}

/** @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html */
function adviceOn(refusal: AwsRefusal): string | null {
  // Without the right to decrypt, Secrets Manager says either.
  if (refusal.name === 'DecryptionFailure' || (isAccessDenied(refusal) && refusal.message.includes('KMS'))) {
    return "allow the function's role kms:Decrypt on the key of the secret, in the key's policy as well";
  }
  if (isAccessDenied(refusal)) {
    return (
      "allow the function's role secretsmanager:GetSecretValue on it; the policies of the secret and of a VPC endpoint " +
      'must not deny it'
    );
  }
  if (refusal.name === 'ResourceNotFoundException')
    return 'check its ARN, the region included, and that it has a value';
  // Its other reasons do not concern a read.
  if (refusal.name === 'InvalidRequestException') {
    return 'if it is scheduled for deletion: aws secretsmanager restore-secret, or name another secret';
  }
  return null;
}

/** Reads a secret and keeps it for as long as the server accepts it. */
export function secretCredentials(client: SecretsManagerClient, secretArn: string): CredentialsSource {
  let cached: Promise<Credentials> | undefined;

  function fetchAgain(): Promise<Credentials> {
    const reading = getSecretString(client, secretArn).then((text) => parseCredentials(secretArn, text));
    cached = reading;
    // A failure is not worth keeping; the next run asks again.
    reading.catch(() => {
      if (cached === reading) cached = undefined;
    });
    return reading;
  }

  return {
    secretArn,
    async read(refused) {
      const known = cached;
      if (known === undefined) return fetchAgain();
      const credentials = await known;
      if (credentials !== refused) return credentials;
      // Of several instances that refused it together, the first one here reads for all.
      return cached === known || cached === undefined ? fetchAgain() : cached;
    },
  };
}
