/** Errors of the server: how they are recognised and described. */

/** The SQLSTATEs that something depends on. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
export const SQLSTATE = {
  invalidAuthorization: '28000',
  invalidPassword: '28P01',
  uniqueViolation: '23505',
  deadlockDetected: '40P01',
  insufficientPrivilege: '42501',
  lockNotAvailable: '55P03',
  duplicateObject: '42710',
  duplicateSchema: '42P06',
  tooManyConnections: '53300',
  internalError: 'XX000',
} as const;

/** Timeouts by which the server ends a session that says nothing, or a transaction that lasts too long. */
export const SESSION_TIMEOUTS: ReadonlySet<string> = new Set(['57P05', '25P03', '25P04']);

/**
 * Errors after which the server has ended the session: a termination, a shutdown, a crash, or a timeout that ends sessions.
 * All of class 08 do so too. By code, since the word for their severity is translated (`lc_messages`).
 */
export const SESSION_ENDING: ReadonlySet<string> = new Set(['57P01', '57P02', '57P03', '57P04', ...SESSION_TIMEOUTS]);

/** What PostgreSQL says of an error, with the names of its protocol. */
export interface ServerError extends Error {
  /** The SQLSTATE. */
  readonly code: string;
  readonly detail?: string;
  readonly hint?: string;
  /** The function in the server's source that raised it. */
  readonly routine?: string;
}

/** Whether the server raised an error: only its errors have a severity, and a SQLSTATE of five characters. */
export function isServerError(error: unknown): error is ServerError {
  if (!(error instanceof Error)) return false;
  const { severity, code }: Error & { readonly severity?: unknown; readonly code?: unknown } = error;
  return typeof severity === 'string' && typeof code === 'string' && code.length === 5;
}

/** The SQLSTATE of a server's refusal; `null` for everything else, such as a broken connection. */
export function sqlStateOf(error: unknown): string | null {
  return isServerError(error) ? error.code : null;
}

/**
 * A server's refusal in one line: SQLSTATE, message and detail. Other errors give their message. Where several addresses
 * of a host all refuse, Node makes an AggregateError that has a code and no message.
 */
export function describeError(error: unknown): string {
  if (isServerError(error)) {
    const detail = error.detail === undefined ? '' : ` (${error.detail})`;
    return `${error.code}: ${error.message}${detail}`;
  }
  if (!(error instanceof Error)) return String(error);
  // The engine's message quotes the text that it could not read.
  if (error instanceof SyntaxError) return 'an answer that is not JSON';
  const { message, code, name }: Error & { readonly code?: string } = error;
  return message || code || name;
}
