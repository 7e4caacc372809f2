import type { Backend } from '../policy/snapshot.js';

/** What is the matter with a service, or that nothing is. */
export type VerdictName =
  /** Opens connections and never gives them back. */
  | 'leak'
  /** The same, or a hung request, inside a transaction. */
  | 'leak_in_transaction'
  /** A client that does not read the result it asked for. */
  | 'unread_result'
  /** Command lines that are left open. */
  | 'script_loop'
  /** A host that froze or was cut off. */
  | 'silent_clients'
  /** Opens as many connections again as are terminated. */
  | 'reconnects'
  /** No leak: processes times pool size is more than the server has. */
  | 'pool_too_large'
  /** A pooler's connections: the clients behind it cannot be seen from here. */
  | 'pooler'
  /** Reads the server's statistics. */
  | 'monitoring'
  /** Under load. */
  | 'busy'
  /** Given back to a pool, or few. */
  | 'pool_at_rest'
  /** Two explanations fit what was seen. */
  | 'unclear';

/** How sure a verdict is. */
export type Certainty = 'almost certain' | 'likely' | 'possible';

/** What a verdict says of a service's evidence. */
export interface Judgement {
  readonly verdict: VerdictName;
  readonly certainty: Certainty;
  /** Why, in sentences with their numbers. */
  readonly reasons: readonly string[];
  /** The connections that the service has lost, or does not need. */
  readonly leaked: readonly Backend[];
}

/** The verdicts whose connections nobody will use again. */
export const LEAKS: ReadonlySet<VerdictName> = new Set([
  'leak',
  'leak_in_transaction',
  'unread_result',
  'script_loop',
  'silent_clients',
]);

/** The verdicts about which somebody should do something. */
export const SUSPICIOUS: ReadonlySet<VerdictName> = new Set([...LEAKS, 'reconnects', 'pool_too_large', 'unclear']);
