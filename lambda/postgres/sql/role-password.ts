import { quoteIdentifier } from '../../diagnosis/quote-sql.js';
import { scramVerifier } from '../scram.js';
import type { Session } from '../session.js';

/**
 * Gives a role its password, which itself does not leave this process.
 *
 * @param password in ASCII.
 * @throws 42501 when our login may not; on RDS with `rds.restrict_password_commands` only members of `rds_password` may.
 */
export async function setRolePassword(session: Session, role: string, password: string): Promise<void> {
  // ALTER ROLE takes no parameters. The verifier is of letters, digits and +/=$:- alone.
  await session.query(`alter role ${quoteIdentifier(role)} password '${scramVerifier(password)}'`);
}
