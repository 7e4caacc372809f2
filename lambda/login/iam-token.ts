import { Signer } from '@aws-sdk/rds-signer';
import { describeError } from '../diagnosis/sqlstate.js';
import type { CredentialsSource } from './credentials.js';
import type { LoginTarget } from './login-target.js';

/**
 * A login by IAM database authentication: the password is a token that the function signs by its own credentials. That
 * takes no request and no secret. A token is good for 15 minutes; each attempt gets a new one, in a tenth of a
 * millisecond, so that none can be too old.
 *
 * @param address the real endpoint: the token is for this name and port, and AWS knows no alias.
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html
 */
export function tokenCredentials(
  username: string,
  { host, port }: NonNullable<LoginTarget['address']>,
): CredentialsSource {
  // Region and credentials are those in the function's environment.
  const signer = new Signer({ hostname: host, port, username });
  return {
    givesTokens: true,
    async read() {
      try {
        return { username, password: await signer.getAuthToken() };
      } catch (error) {
        throw new Error(
          `could not sign a login token for ${username} at ${host}:${port}: ${describeError(error)}; ` +
            'it takes the region and the credentials that Lambda puts into the environment of a function',
        );
      }
    },
  };
}
