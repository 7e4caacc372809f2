import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { type AwsRefusal, describeAwsFailure, isAccessDenied } from './aws-failure.js';
import { decodeJson, demand, InputError } from './faults.js';
import { AWS_LIMITS } from './limits.js';

/**
 * What a database secret holds. RDS, Aurora and CDK write different subsets: the secret of an RDS-managed master user
 * has only a name and a password, older ones keep the port as text. Keys we don't know are theirs, not faults.
 */
const credentialsSchema = v.object({
  username: v.pipe(v.string('the name to log in with'), v.minLength(1, 'the name to log in with')),
  password: v.pipe(v.string('the password'), v.minLength(1, 'the password')),
  host: v.optional(v.pipe(v.string('a host name'), v.minLength(1, 'a host name'))),
  port: v.optional(
    v.pipe(
      v.union([v.number(), v.pipe(v.string(), v.regex(/^\d{1,5}$/), v.transform(Number))], 'a port, as number or text'),
      v.check((port) => Number.isInteger(port) && port >= 1 && port <= 65_535, 'a port from 1 to 65535'),
    ),
  ),
  dbname: v.optional(v.string('a database name')),
});

/** A database login, and where the secret says it is good for. */
export type Credentials = Readonly<v.InferOutput<typeof credentialsSchema>>;

/** Gives the login; after the server refused one, a fresh one. */
export interface CredentialsSource {
  /** Its passwords are tokens, which AWS verifies by rights that PostgreSQL knows nothing of. */
  readonly givesTokens?: true;
  /** @param refused the credentials that the server refused; they are read again unless that has happened already. */
  read(refused?: Credentials): Promise<Credentials>;
}

/**
 * Decodes a secret's text.
 *
 * @throws InputError with the paths of the faults and never a value.
 */
export function parseCredentials(secretArn: string, text: string | undefined): Credentials {
  const source = `secret ${secretArn}`;
  if (text === undefined) throw new InputError(source, ['expected a SecretString, got a binary secret']);
  return demand(source, credentialsSchema, decodeJson(source, text), { quote: false });
}

async function getSecretString(client: SecretsManagerClient, secretArn: string): Promise<string | undefined> {
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: secretArn }), {
      abortSignal: AbortSignal.timeout(AWS_LIMITS.callMs),
    });
    return SecretString;
  } catch (cause) {
    const failure = describeAwsFailure(cause, 'Secrets Manager', adviceOn);
    throw new Error(`could not read ${secretArn} from Secrets Manager: ${failure}`, { cause });
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
