import type { Refusal } from './login-refusal.js';

/** A way into the server. */
export type LoginWay = 'own' | 'break_glass' | 'rescue';

/** How a login went. */
export interface LoginFacts {
  /** The way in; `null` when there was none. */
  readonly way: LoginWay | null;
  readonly attempts: number;
  /** From the first attempt to the last. */
  readonly milliseconds: number;
  /** The refusals on the way, each kind once, in their order. */
  readonly refusals: readonly Refusal[];
}
