/** What is said of the login: each by the name it goes by where it is said, and whether it was given. */
export interface GivenLogin {
  readonly secret: { readonly name: string; readonly given: boolean };
  readonly adminSecret: { readonly name: string; readonly given: boolean };
  readonly instancesGiven: boolean;
}

/** The login is either there already, or made on deployment. */
export function loginFaults({ secret, adminSecret, instancesGiven }: GivenLogin): readonly string[] {
  if (!adminSecret.given) return secret.given ? [] : [`${secret.name}: missing, and ${adminSecret.name} too: give one`];
  if (secret.given) {
    return [`${adminSecret.name}: expected nothing beside ${secret.name}, whose role is set up by hand`];
  }
  return instancesGiven ? [] : [`instances: missing: beside ${adminSecret.name} no secret names the reaper's host`];
}
