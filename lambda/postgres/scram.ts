import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

/** PostgreSQL's own number, on every version. */
const ITERATIONS = 4096;

/**
 * What PostgreSQL keeps of a password. Sent in the password's place it is kept as it is, so that the password never comes
 * to the server, whose log may hold statements. It works whatever `password_encryption` says.
 *
 * @param password in ASCII: what else there is would have to be normalized first (SASLprep).
 * @see https://www.postgresql.org/docs/current/catalog-pg-authid.html
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
  const key = (name: string) => createHmac('sha256', salted).update(name).digest();
  const storedKey = createHash('sha256').update(key('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey}:${key('Server Key').toString('base64')}`;
}
