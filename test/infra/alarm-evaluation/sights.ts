import type { InstanceResult } from '../../../lambda/diagnosis/instance-result.js';
import type { Outcome } from '../../../lambda/policy/outcome.js';
import type { Backend } from '../../../lambda/policy/snapshot.js';
import { anInstanceResult, aRole, aServer, aSnapshot, backends } from '../../support/builders.js';

/** What a result sees on a server with 100 usable slots, so that backends are percents. */
export interface Sight {
  /** Backends by application, left alone. */
  readonly applications?: Readonly<Record<string, number>>;
  /** Backends by application, ended. */
  readonly terminated?: Readonly<Record<string, number>>;
  /** Backends that the server does not let us end. */
  readonly refused?: number;
  /** Backends whose state is hidden from us. */
  readonly unreadable?: number;
  /** Roles with a limit of 100, by their backends. */
  readonly roles?: Readonly<Record<string, number>>;
}

const USABLE = aServer({ maxConnections: 103, superuserReservedConnections: 3 });

/** A result of an instance that got in. */
export function saw(instance: string, sight: Sight = {}, errors: readonly string[] = []): InstanceResult {
  const { applications = {}, terminated = {}, refused = 0, unreadable = 0, roles = {} } = sight;
  const outcomes = [
    ...Object.entries(applications).flatMap(([applicationName, count]) =>
      backends(count, { applicationName }).map(spared),
    ),
    ...Object.entries(terminated).flatMap(([applicationName, count]) =>
      backends(count, { applicationName }).map(ended),
    ),
    ...Object.entries(roles).flatMap(([role, count]) => backends(count, { role }).map(spared)),
    ...backends(refused, { applicationName: 'stubborn' }).map(kept),
    ...backends(unreadable, { applicationName: 'hidden', readable: false, state: null }).map(spared),
  ];
  const snapshot = aSnapshot({
    server: USABLE,
    backends: outcomes.map(({ backend }) => backend),
    roles: Object.keys(roles).map((role) => aRole(role, 100)),
  });
  return anInstanceResult({ instance, snapshot, outcomes, errors });
}

/** A result that did not get in. */
export function missed(instance: string): InstanceResult {
  return anInstanceResult({ instance, snapshot: null, login: null, errors: ['the server does not answer'] });
}

/** A result that every slot was taken for. */
export function turnedAway(instance: string): InstanceResult {
  const login = { way: null, attempts: 9, milliseconds: 9, refusals: ['every_slot'] } as const;
  return anInstanceResult({ instance, snapshot: null, login, errors: ['53300'] });
}

const spared = (backend: Backend): Outcome => ({ backend, outcome: 'spared', reason: 'below_idle_timeout' });
const ended = (backend: Backend): Outcome => ({ backend, outcome: 'terminated', reason: null });
const kept = (backend: Backend): Outcome => ({ backend, outcome: 'refused', reason: '42501: permission denied' });
