import type { SecretsManagers } from '../aws/clients.js';
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
export function loginsOf(settings: Settings, secrets: SecretsManagers): Logins {
  const { secretArn, iamAuthentication, reaperRole, breakGlassSecretArn } = settings;
  const secret = secretArn === undefined ? null : secretCredentials(secrets(secretArn), secretArn);
  const breakGlass =
    breakGlassSecretArn === undefined ? null : secretCredentials(secrets(breakGlassSecretArn), breakGlassSecretArn);
  return ({ address }) => {
    if (secret !== null) return { own: secret, breakGlass };
    if (iamAuthentication && address !== null) return { own: tokenCredentials(reaperRole, address), breakGlass };
    // The schema lets nothing else pass, which its type can't say.
    throw new InputError(SETTINGS_VARIABLE, [{ problem: 'expected secretArn, or iamAuthentication and instances' }]);
  };
}
