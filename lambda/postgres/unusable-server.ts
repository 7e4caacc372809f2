/** Why no session can be had, where PostgreSQL did not refuse it in words of its own. Each says what to do. */
import { SESSION_LIMITS } from '../contract/limits.js';
import type { Stranger } from '../diagnosis/login-advice.js';

/** Of PostgreSQL, that our statements are written for. */
export const OLDEST_MAJOR = 13;

/** No session can be had with what is there, for a reason that is no refusal of PostgreSQL's. */
export abstract class UnusableServerError extends Error {
  /** What to do about it. */
  abstract readonly remedy: string;
}

/** The run's time was over before this was done. */
export class OutOfTimeError extends UnusableServerError {
  override readonly name = 'OutOfTimeError';
  readonly remedy = 'give the function more time, or look at what slows the server down';

  constructor() {
    super('the time for this run is over');
  }
}

/** Nothing answers at the address. */
export class UnreachedServerError extends UnusableServerError {
  override readonly name = 'UnreachedServerError';
  readonly remedy =
    'the security group of the server must let in that of the function at this port, and the subnets need a route to it';

  constructor(cause: unknown) {
    super(`no connection within ${SESSION_LIMITS.connectMs} ms`, { cause });
  }
}

/** What listens there takes the connection, and then lets the login wait. */
export class UnansweredLoginError extends UnusableServerError {
  override readonly name = 'UnansweredLoginError';
  readonly remedy =
    'point the reaper at PostgreSQL itself if that is a pooler, whose server is full; else look at the server, which is stuck';

  constructor(cause: unknown) {
    super(`connected, but the login was not answered within ${SESSION_LIMITS.connectMs} ms`, { cause });
  }
}

/** Another kind of server listens there. */
export class StrangerError extends UnusableServerError {
  override readonly name = 'StrangerError';
  readonly remedy = 'check host and port';

  constructor(stranger: Stranger, cause: unknown) {
    super(`${stranger} answers there, not PostgreSQL`, { cause });
  }
}

/** What listens there closes the connection before it has said anything, as PostgreSQL never does by itself. */
export class SilentServerError extends UnusableServerError {
  override readonly name = 'SilentServerError';
  readonly remedy =
    'that is a port that speaks only TLS, a load balancer without a target, or a server that was just stopped: check host ' +
    'and port';

  constructor(cause: unknown) {
    super('the connection was closed without a word', { cause });
  }
}

/** The server is older than what our statements need. */
export class OldServerError extends UnusableServerError {
  override readonly name = 'OldServerError';
  readonly remedy = 'upgrade it, or remove this instance from the reaper';

  constructor(major: number) {
    super(`this is PostgreSQL ${major}, and the reaper needs ${OLDEST_MAJOR} or newer`);
  }
}

/** Something between us and PostgreSQL answers in its name. */
export class PoolerError extends UnusableServerError {
  override readonly name = 'PoolerError';
  readonly remedy = 'point the reaper at PostgreSQL itself';
}
