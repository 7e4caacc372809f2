/** The text of what failed after the login: which step, why, and what to do next. */
import { SERVER_TROUBLE } from './server-trouble.js';
import { describeError, isServerError } from './sqlstate.js';

/** A step of a run at an instance, in words that go on with "failed". */
export type Step =
  | 'taking the lock of the runs'
  | 'reading the server'
  | 'reading the last statements'
  | 'ending the sessions of lost runs'
  | 'terminating'
  | `setting the limit of ${string}`;

const BROKEN_OFF =
  'the connection to the server broke, as it does when the server restarts or fails over: the next run tries again';

/** By SQLSTATE, or by the code of a broken connection. */
const REMEDIES: Readonly<Record<string, string>> = {
  ...SERVER_TROUBLE,
  '42501':
    'the role lacks a privilege: run infra/grants.sql again, which gives it what the reaper needs, and see docs/permissions.md',
  '55P03': 'another session holds the lock: the next run tries again',
  '57014': 'the server was too slow: look at its load; the next run tries again',
  '57P01': 'an administrator, or a server that shuts down, ended the session: the next run tries again',
  '57P03': 'the server starts, stops or recovers: the next run tries again',
  '57P05':
    'the server ended the session, because it heard nothing of it in time: the function was frozen or far too slow',
  ECONNRESET: BROKEN_OFF,
  EPIPE: BROKEN_OFF,
  ETIMEDOUT: BROKEN_OFF,
};

/** node-postgres gives these no code. */
const BY_MESSAGE: Readonly<Record<string, string>> = {
  'Query read timeout':
    'the server gave no answer in time: it is overloaded, or stuck; look at its load and at the storage it waits for',
  'Connection terminated unexpectedly': BROKEN_OFF,
  'Connection terminated': BROKEN_OFF,
  'the time for this run is over': 'give the function more time, or look at what slows the server down',
};

/** What failed, in one line, with the first cause of it. */
export function describeStepFailure(step: Step, error: unknown): string {
  return `${step} failed: ${describeError(error)}; ${remedyFor(error)}`;
}

function remedyFor(error: unknown): string {
  if (!(error instanceof Error)) return LOOK_INTO_LOG;
  const { message, code, cause }: Error & { readonly code?: unknown } = error;
  const known = (typeof code === 'string' ? REMEDIES[code] : undefined) ?? BY_MESSAGE[message];
  if (known !== undefined) return known;
  return cause instanceof Error && !isServerError(error) ? remedyFor(cause) : LOOK_INTO_LOG;
}

const LOOK_INTO_LOG = 'look into the log of the server at this time, which says more';
