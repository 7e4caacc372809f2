/** What is said of the login: each by the name it goes by where it is said, and whether it was given. */
export interface GivenLogin {
  readonly secret: { readonly name: string; readonly given: boolean };
  readonly adminSecret: { readonly name: string; readonly given: boolean };
  readonly iamAuthentication: boolean;
  readonly resourceIdGiven: boolean;
  readonly instancesGiven: boolean;
}

/** The login is there already, by a secret or by IAM, or it is made on deployment. */
export function loginFaults({
  secret,
  adminSecret,
  iamAuthentication,
  resourceIdGiven,
  instancesGiven,
}: GivenLogin): readonly string[] {
  const faults: string[] = [];
  if (!secret.given && !adminSecret.given && !iamAuthentication) {
    faults.push(`${secret.name}: missing, and ${adminSecret.name} and iamAuthentication too: give one`);
  }
  if (secret.given && adminSecret.given) {
    faults.push(`${adminSecret.name}: expected nothing beside ${secret.name}, whose role is set up by hand`);
  }
  if (secret.given && iamAuthentication) {
    faults.push(`iamAuthentication: expected nothing beside ${secret.name}, which holds a password`);
  }
  // What iamAuthentication needs of the settings, the function needs too: it is in their schema.
  if (adminSecret.given && !secret.given && !iamAuthentication && !instancesGiven) {
    faults.push(`instances: missing: beside ${adminSecret.name} no secret names the reaper's host`);
  }
  if (iamAuthentication && !resourceIdGiven) {
    faults.push(
      'databaseResourceId: missing: iamAuthentication is granted on it (aws rds describe-db-instances prints DbiResourceId, describe-db-clusters DbClusterResourceId)',
    );
  }
  return faults;
}
