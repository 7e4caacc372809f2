/** What one look, and earlier ones, show of each service. Verdicts are made of this alone. */
import type { Seconds } from '../input/duration.js';
import { groupBy } from '../policy/group-by.js';
import type { Attribution } from '../policy/service.js';
import type { SlotUse } from '../policy/slots.js';
import type { Backend } from '../policy/snapshot.js';
import { chainOf, isInTransaction, takenOf } from './chain.js';
import { type Looks, wasRenamed } from './looks.js';

/** The connections of a service from one client address. */
export interface Host {
  /** `null` for clients on a Unix socket. */
  readonly address: string | null;
  readonly backends: readonly Backend[];
  /** The length of the chain, see `chain.ts`. */
  readonly chain: number;
  /** Left idle while newer ones were opened. */
  readonly abandoned: readonly Backend[];
  /** Where every connection from this address, of whatever service, was used last within the same two seconds. */
  readonly silence: Silence | null;
}

/** An address whose connections all fell silent in one moment. */
export interface Silence {
  readonly connections: number;
  /** Those that were in the middle of something. */
  readonly stuck: number;
}

/** The server that a service's connections are measured by. */
export interface ServerUse extends SlotUse {
  readonly services: number;
}

/** One service's connections, and what can be seen of them. */
export interface Evidence {
  readonly service: string;
  readonly backends: readonly Backend[];
  readonly hosts: readonly Host[];
  readonly idle: readonly Backend[];
  readonly inTransaction: readonly Backend[];
  readonly active: readonly Backend[];
  /** The longest chain of one host. */
  readonly chain: number;
  readonly abandoned: readonly Backend[];
  /** Taken once, right after they were opened, and never again. Supports a verdict, decides none. */
  readonly usedOnce: readonly Backend[];
  /** Since the last look, where there was one. */
  readonly renamed: number;
  readonly looks: Looks;
  readonly server: ServerUse;
}

/** From its opening to the start of its only statement. Measured up to 0.8 s, and 2.6 s on a busy machine. */
const FIRST_USE_SECONDS = 3;

const SILENT_WITHIN_SECONDS = 2;

/** Sorts connections by service and host, and collects what there is to be seen of them. */
export function evidenceOf(
  connections: readonly Backend[],
  slots: SlotUse,
  attribute: Attribution,
  looks: Looks,
): readonly Evidence[] {
  const groups = [...groupBy(connections, attribute)];
  const server = { ...slots, services: groups.length };
  const silent = silentAddresses(connections);
  return groups.map(([service, backends]) => {
    const hosts = [...groupBy(backends, hostOf)].map(([address, own]): Host => {
      const { length, abandoned } = chainOf(own);
      return {
        address: address === HIDDEN ? HIDDEN : (own[0]?.clientAddr ?? null),
        backends: own,
        chain: length,
        abandoned,
        silence: silent.get(address) ?? null,
      };
    });
    return {
      service,
      backends,
      hosts: hosts.toSorted((a, b) => b.chain - a.chain || b.backends.length - a.backends.length),
      idle: backends.filter(({ state }) => state === 'idle'),
      inTransaction: backends.filter(isInTransaction),
      active: backends.filter(({ state }) => state === 'active'),
      chain: Math.max(0, ...hosts.map(({ chain }) => chain)),
      abandoned: hosts.flatMap(({ abandoned }) => abandoned),
      usedOnce: hosts.flatMap(({ backends: own }) => takenOf(own).filter(isUsedOnce)),
      renamed: backends.filter((backend) => wasRenamed(backend, looks)).length,
      looks,
      server,
    };
  });
}

/** The address of connections that the server hides from the reaper's login. */
const HIDDEN = 'a hidden address';

function hostOf({ clientAddr, readable }: Backend): string {
  return readable ? (clientAddr ?? '') : HIDDEN;
}

/** By the start of its statement: the change of its state comes after the statement's own time. */
function isUsedOnce({ ageSeconds, statementSeconds }: Backend): boolean {
  return ageSeconds !== null && statementSeconds !== null && ageSeconds - statementSeconds < FIRST_USE_SECONDS;
}

/** Addresses from which everything fell silent in the same moment, and had been in use before. */
function silentAddresses(backends: readonly Backend[]): ReadonlyMap<string, Silence> {
  const silent = [...groupBy(backends, hostOf)].filter(([, own]) => {
    const silences = own.map(silence);
    const least = Math.min(...silences);
    const inUse = own.filter((backend) => (backend.ageSeconds ?? 0) - silence(backend) >= IN_USE_SECONDS);
    return (
      own.every(isTold) &&
      least >= SILENT_SECONDS &&
      Math.max(...silences) - least <= SILENT_WITHIN_SECONDS &&
      inUse.length >= own.length / 2
    );
  });
  return new Map(
    silent.map(([address, own]) => [
      address,
      {
        connections: own.length,
        stuck: own.filter((backend) => backend.state === 'active' || isInTransaction(backend)).length,
      },
    ]),
  );
}

/** Any client pauses for a moment. */
const SILENT_SECONDS: Seconds = 20;

/** A burst opens connections, and puts them down in the same moment too. */
const IN_USE_SECONDS: Seconds = 5;

function silence({ stateSeconds }: Backend): Seconds {
  return stateSeconds ?? 0;
}

/** Whether the server tells what a connection does. */
function isTold({ lastStatement }: Backend): boolean {
  return lastStatement !== null;
}
