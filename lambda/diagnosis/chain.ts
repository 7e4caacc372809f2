/**
 * The chain: the strongest evidence that one look at a server gives. A pool opens a connection only while none of its own is
 * idle, apart from filling up and replacing. So when connection A was used for the last time before connection B was opened,
 * A was not a free member of the pool that opened B.
 */
import type { Backend } from '../policy/snapshot.js';

/** What the connections of one service from one client address show. */
export interface Chain {
  /** How often a connection was opened after an older one had been used for the last time. */
  readonly length: number;
  /** The connections that were left idle while newer ones were opened. */
  readonly abandoned: readonly Backend[];
}

/** When a connection was opened and used for the last time, in seconds before the look. */
interface Span {
  readonly backend: Backend;
  readonly opened: number;
  readonly lastUsed: number;
}

/**
 * Finds the longest chain of connections whose times of use do not overlap.
 *
 * @param backends of one service and one client address.
 */
export function chainOf(backends: readonly Backend[]): Chain {
  const spans = takenOf(backends).flatMap(spanOf);
  const newest = Math.min(...spans.map(({ opened }) => opened), ...backends.filter(isBusy).map(openedAt));
  let length = 0;
  let lastUsed = Number.POSITIVE_INFINITY;
  // The span that ends first leaves the most time for others, so taking it each time gives the longest chain.
  for (const span of spans.toSorted((a, b) => b.lastUsed - a.lastUsed)) {
    if (span.opened >= lastUsed) continue;
    length += 1;
    ({ lastUsed } = span);
  }
  return {
    length,
    abandoned: spans.filter((span) => span.lastUsed > newest).map(({ backend }) => backend),
  };
}

/** The idle connections that the application has taken: not those that a pool opened in advance. */
export function takenOf(backends: readonly Backend[]): readonly Backend[] {
  const taken = backends.filter((backend) => isIdle(backend) && wasTaken(backend));
  const tested = taken.filter(({ lastStatement }) => lastStatement === 'ping');
  return wereOpenedTogether(tested) ? taken.filter(({ lastStatement }) => lastStatement !== 'ping') : taken;
}

/** A pool that is filled, and worker processes that start together, take at most this long for each connection. */
const OPENING_SECONDS = 0.5;

/** A pool may test each connection that it opens in advance by `SELECT 1`. So does a leaking health check, but slowly. */
export function wereOpenedTogether(backends: readonly Backend[]): boolean {
  const ages = backends.map(({ ageSeconds }) => ageSeconds ?? 0);
  return Math.max(...ages) - Math.min(...ages) <= OPENING_SECONDS * backends.length;
}

/** Whether its last statement shows that the application took it: not one that a driver or pool sends by itself. */
function wasTaken({ lastStatement }: Backend): boolean {
  return lastStatement !== null && lastStatement !== 'none' && lastStatement !== 'setup' && lastStatement !== 'reset';
}

function isIdle({ state }: Backend): boolean {
  return state === 'idle' || isInTransaction({ state });
}

export function isInTransaction({ state }: Pick<Backend, 'state'>): boolean {
  return state === 'idle in transaction' || state === 'idle in transaction (aborted)';
}

/** Holders of locks, listeners and the like are kept on purpose. In a transaction a lock says nothing of the kind. */
function spanOf(backend: Backend): readonly Span[] {
  const { ageSeconds, stateSeconds, holding } = backend;
  if (holding !== null && !isInTransaction(backend)) return [];
  return ageSeconds === null || stateSeconds === null ? [] : [{ backend, opened: ageSeconds, lastUsed: stateSeconds }];
}

function isBusy(backend: Backend): boolean {
  return backend.state === 'active' && backend.ageSeconds !== null;
}

function openedAt({ ageSeconds }: Backend): number {
  return ageSeconds ?? Number.POSITIVE_INFINITY;
}
