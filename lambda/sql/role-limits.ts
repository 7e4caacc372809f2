import type { Session } from '../session.js';
import { quoteIdentifier } from './identifier.js';

/**
 * Sets a role's connection limit. Ends nobody: the server holds the limit against new logins only, and never against
 * superusers.
 *
 * @throws 42501 when our login may not alter the role, 42704 when it does not exist, 25006 on a read-only server.
 */
export async function setRoleLimit(session: Session, role: string, limit: number): Promise<void> {
  // ALTER ROLE takes no parameters. The limit is a checked whole number, the name is quoted as an identifier.
  await session.query(`alter role ${quoteIdentifier(role)} connection limit ${limit}`);
}
