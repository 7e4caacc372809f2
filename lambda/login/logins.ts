import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SETTINGS_VARIABLE } from '../contract/names.js';
import { InputError } from '../input/faults.js';
import type { Settings } from '../input/settings.js';
import { type CredentialsSource, secretCredentials } from './credentials.js';
import { tokenCredentials } from './iam-token.js';
import type { LoginTarget } from './login-target.js';

/** The logins that may be used at a server. */
export interface LoginSources {
  readonly own: CredentialsSource;
  /** `null` where there is none. */
  readonly breakGlass: CredentialsSource | null;
}

/** Gives the logins that may be used at a server. */
export type Logins = (target: LoginTarget) => LoginSources;

/** The logins that the settings name. A secret is read once for all servers; a token is for one of them. */
export function loginsOf(settings: Settings, client: SecretsManagerClient): Logins {
  const { secretArn, iamAuthentication, reaperRole, breakGlassSecretArn } = settings;
  const secret = secretArn === undefined ? null : secretCredentials(client, secretArn);
  const breakGlass = breakGlassSecretArn === undefined ? null : secretCredentials(client, breakGlassSecretArn);
  return ({ address }) => {
    if (secret !== null) return { own: secret, breakGlass };
    if (iamAuthentication && address !== null) return { own: tokenCredentials(reaperRole, address), breakGlass };
    // The schema lets nothing else pass, which its type can't say.
    throw new InputError(SETTINGS_VARIABLE, [{ problem: 'expected secretArn, or iamAuthentication and instances' }]);
  };
}
