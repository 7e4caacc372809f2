/**
 * Secrets Manager's rotation with alternating users logs an application in as `user` and as `user_clone` in turn. Both are
 * one application's, so limits hold for both and uses are summed.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotation-strategy.html
 */
const TWIN_SUFFIX = '_clone';

/** The twin that rotation makes of a role. */
export function twinOf(role: string): string {
  return `${role}${TWIN_SUFFIX}`;
}

/** The role a twin was made of; any other role is its own. */
export function rotationBase(role: string): string {
  return role.length > TWIN_SUFFIX.length && role.endsWith(TWIN_SUFFIX) ? role.slice(0, -TWIN_SUFFIX.length) : role;
}
