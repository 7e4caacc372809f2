import { excerpt } from '../../lambda/input/faults.js';

/** What is said of the login: each by the name it goes by where it is said, and whether it was given. */
export interface GivenLogin {
  readonly secret: { readonly name: string; readonly given: boolean };
  readonly adminSecret: { readonly name: string; readonly given: boolean };
  readonly iamUser: unknown;
  readonly resourceIdGiven: boolean;
  readonly instancesGiven: boolean;
}

/** The login is there already, by a secret or by IAM, or it is made on deployment. */
export function loginFaults({
  secret,
  adminSecret,
  iamUser,
  resourceIdGiven,
  instancesGiven,
}: GivenLogin): readonly string[] {
  const faults: string[] = [];
  const iamUserGiven = iamUser !== undefined;
  if (!secret.given && !adminSecret.given && !iamUserGiven) {
    faults.push(`${secret.name}: missing, and ${adminSecret.name} and iamUser too: give one`);
  }
  if (secret.given && adminSecret.given) {
    faults.push(`${adminSecret.name}: expected nothing beside ${secret.name}, whose role is set up by hand`);
  }
  if (secret.given && iamUserGiven) {
    faults.push(`iamUser: expected nothing beside ${secret.name}, which holds a password`);
  }
  // What iamUser needs of the settings, the function needs too: it is in their schema.
  if (adminSecret.given && !secret.given && !iamUserGiven && !instancesGiven) {
    faults.push(`instances: missing: beside ${adminSecret.name} no secret names the reaper's host`);
  }
  if (typeof iamUser === 'string' && /[*?$]/.test(iamUser)) {
    faults.push(
      `iamUser: expected a role without *, ? or $, by which IAM would mean others too, got ${excerpt(iamUser)}`,
    );
  }
  if (iamUserGiven && !resourceIdGiven) {
    faults.push(
      'databaseResourceId: missing: iamUser is granted on it (aws rds describe-db-instances prints DbiResourceId, describe-db-clusters DbClusterResourceId)',
    );
  }
  return faults;
}
