import type { Seconds } from '../input/duration.js';
import { type Backend, identity, type Snapshot } from '../policy/snapshot.js';
import type { Driver } from './drivers/driver.js';
import type { Growth } from './growth.js';
import { type Judgement, LEAKS, SUSPICIOUS, type VerdictName } from './judgement.js';
import type { StatementTags } from './statement-tags.js';

/** A verdict on one service, with what it was made of. */
export interface Diagnosis extends Judgement {
  readonly service: string;
  readonly backends: readonly Backend[];
  readonly idle: number;
  readonly inTransaction: number;
  readonly active: number;
  /** By client address, the one with the most connections first; `null` is a Unix socket. */
  readonly hosts: readonly { readonly address: string | null; readonly connections: number }[];
  /** The role with the most connections first. */
  readonly roles: readonly { readonly role: string; readonly connections: number }[];
  /** How fast the leak grows; `null` without one. */
  readonly growth: Growth | null;
  /** Until the server is full, if it goes on like that; `null` when it does not grow, or is full. */
  readonly minutesUntilFull: number | null;
  readonly oldestIdleSeconds: Seconds | null;
  /** What nearly all of the connections ran last, without its literals; `null` where it was not read. */
  readonly statement: LastStatement | null;
  /** `null` where it was not recognised. */
  readonly driver: Driver | null;
}

/** The statement that most of a suspect's connections ran last. */
export interface LastStatement {
  /** Without a literal. */
  readonly text: string;
  /** How many of those that were read ran it. */
  readonly connections: number;
  readonly read: number;
  /** What a comment of SQLCommenter or Marginalia says: route, controller, action, job. */
  readonly tags: StatementTags;
}

/** Whether somebody should do something about a service. */
export function isSuspicious({ verdict }: { readonly verdict: VerdictName }): boolean {
  return SUSPICIOUS.has(verdict);
}

/** The connections that the diagnosis calls lost. */
export function leakedConnections(diagnoses: readonly Diagnosis[]): readonly Backend[] {
  return diagnoses.filter(({ verdict }) => LEAKS.has(verdict)).flatMap(({ leaked }) => leaked);
}

/** The diagnoses with the connections of a snapshot that knows more of them. */
export function inSnapshot(diagnoses: readonly Diagnosis[], { backends }: Snapshot): readonly Diagnosis[] {
  const known = new Map(backends.map((backend) => [identity(backend), backend]));
  const renewed = (old: readonly Backend[]) => old.map((backend) => known.get(identity(backend)) ?? backend);
  return diagnoses.map((diagnosis) => ({
    ...diagnosis,
    backends: renewed(diagnosis.backends),
    leaked: renewed(diagnosis.leaked),
  }));
}

/** Whether a second look may tell more: about a suspect, or whether a pooler hands connections from name to name. */
export function needsSecondLook(diagnoses: readonly Diagnosis[]): boolean {
  const owners = new Map<string, string>();
  return diagnoses.some(
    (diagnosis) =>
      isSuspicious(diagnosis) ||
      diagnosis.hosts.some(({ address }) => {
        const other = owners.get(address ?? '');
        owners.set(address ?? '', diagnosis.service);
        return other !== undefined && other !== diagnosis.service;
      }),
  );
}

/** The order of a report: leaks, then other suspects, then the rest; within each the largest. */
export function worstFirst(a: Diagnosis, b: Diagnosis): number {
  const rank = ({ verdict }: Diagnosis) => (LEAKS.has(verdict) ? 0 : SUSPICIOUS.has(verdict) ? 1 : 2);
  return rank(a) - rank(b) || b.leaked.length - a.leaked.length || b.backends.length - a.backends.length;
}
