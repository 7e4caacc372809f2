/**
 * What earlier looks at an instance tell: counts, names, what was terminated and came back. Bounded, since it stays in the
 * memory of the function between runs.
 */
import type { Attribution } from '../policy/service.js';
import { type Backend, identity, type Snapshot } from '../policy/snapshot.js';
import type { Diagnosis } from './diagnosis.js';
import { LEAKS } from './judgement.js';

/** One look, as far as it is remembered. */
export interface Look {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly services: ReadonlyMap<string, ServiceCount>;
  /** The `application_name` of each connection, by pid and start; only of the last look. */
  readonly connections: ReadonlyMap<string, string>;
  /** The leaks of which the run terminated connections, without those connections. */
  readonly terminatedLeaks: readonly Diagnosis[];
}

/** What was counted of one service, and terminated. */
export interface ServiceCount {
  readonly connections: number;
  readonly terminated: number;
}

/** The oldest first. */
export type Looks = readonly Look[];

/** Half an hour at one sweep every minute. */
const MOST_LOOKS = 30;

/** Of the services with the most connections. */
const MOST_SERVICES = 200;

/** About 1 MB. A server with more of them is judged without. */
const MOST_CONNECTIONS = 5_000;

/** A look that is older says nothing about now. */
const OLDEST_MS = 2 * 60 * 60_000;

/** What is to be remembered of a look, before anything was terminated. */
export function lookAt({ backends }: Pick<Snapshot, 'backends'>, attribute: Attribution, at: number): Look {
  const counts = new Map<string, ServiceCount>();
  for (const backend of backends) {
    const service = attribute(backend);
    counts.set(service, { connections: (counts.get(service)?.connections ?? 0) + 1, terminated: 0 });
  }
  const largest = [...counts].sort(([, a], [, b]) => b.connections - a.connections).slice(0, MOST_SERVICES);
  return {
    at,
    services: new Map(largest),
    connections:
      backends.length > MOST_CONNECTIONS
        ? new Map()
        : new Map(backends.map((backend) => [identity(backend), backend.applicationName])),
    terminatedLeaks: [],
  };
}

/** A server has few leaks at a time. */
const MOST_LEAKS = 10;

/** The look, with what was terminated after it. */
export function withTerminated(
  look: Look,
  terminated: ReadonlyMap<string, number>,
  diagnoses: readonly Diagnosis[] = [],
): Look {
  const services = [...look.services].map(
    ([name, count]) => [name, { ...count, terminated: terminated.get(name) ?? 0 }] as const,
  );
  const leaks = diagnoses.filter(({ service, verdict }) => LEAKS.has(verdict) && terminated.has(service));
  return {
    ...look,
    services: new Map(services),
    terminatedLeaks: leaks.slice(0, MOST_LEAKS).map((leak) => ({ ...leak, backends: [], leaked: [], growth: null })),
  };
}

/** Adds a look. Only the last one keeps its connections. */
export function remember(looks: Looks, look: Look): Looks {
  const kept = looks.filter(({ at }) => at > look.at - OLDEST_MS).slice(1 - MOST_LOOKS);
  return [...kept.map((old) => (old.connections.size === 0 ? old : { ...old, connections: NONE })), look];
}

const NONE: Look['connections'] = new Map();

/** Whether a connection had another application_name at the last look: a pooler hands it from client to client. */
export function wasRenamed(backend: Backend, looks: Looks): boolean {
  const before = looks.at(-1)?.connections.get(identity(backend));
  return before !== undefined && before !== backend.applicationName;
}
