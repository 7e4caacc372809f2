import { vi } from 'vitest';
import { startAwsStandIn } from '../../../demo/aws-stand-in.js';
import type { Observation } from '../../../demo/cloudwatch/observation.js';
import { cloudWatch } from '../../../lambda/aws/clients.js';
import { logTo } from '../../../lambda/aws/log.js';
import { publishTo } from '../../../lambda/aws/publish.js';
import type { InstanceResult } from '../../../lambda/diagnosis/instance-result.js';
import { parseEvent } from '../../../lambda/input/event.js';
import type { Outcome } from '../../../lambda/policy/outcome.js';
import { policyOf } from '../../../lambda/policy/policy.js';
import { datapointsOf } from '../../../lambda/report/metrics.js';
import { newMemory } from '../../../lambda/report/series.js';
import { aDiagnosis, anInstanceResult, aRole, aServer, aSnapshot, backends } from '../../support/builders.js';
import { type Deployment, dbInstance, type Instance } from './deployment.js';

/** What a run finds on an instance with 100 usable slots, so that connections are percents. */
export interface Sight {
  /** Connections by application. */
  readonly applications?: Readonly<Record<string, number>>;
  /** Terminated connections by application, all of them leaked. */
  readonly terminated?: Readonly<Record<string, number>>;
  /** Connections that the server refused to terminate. */
  readonly refused?: number;
  /** Connections whose state is hidden. */
  readonly unreadable?: number;
  /** Connections by role; each role has a limit of 100. */
  readonly roles?: Readonly<Record<string, number>>;
  /** Whether the run cannot log in, because the server is full or for another reason, or fails later. */
  readonly fault?: 'full' | 'no login' | 'failed';
}

/** What a minute brings. */
export interface Minute {
  /** What each run of this minute finds on the instance that is watched. */
  readonly runs?: readonly Sight[];
  /** What they find on the other instance. @default - 10 connections of an application called quiet */
  readonly elsewhere?: Sight;
  /** Whether somebody started the runs, with `reap`. */
  readonly byHand?: boolean;
  /** How many connections RDS counts on the instance; it counts 10 on the other one. */
  readonly connections?: number;
  /** How many invocations of the function failed. */
  readonly failures?: number;
}

/** Whose data it is. */
export interface Whose {
  readonly instance: Instance;
  readonly database: string;
  readonly functionName: string;
}

/** When scenarios begin. */
export const START = Date.UTC(2026, 0, 5, 10);

/** Publishes what the deployed function and AWS publish in these minutes. The caller must have faked `Date`. */
export async function publishedIn(
  minutes: readonly Minute[],
  { settings, functionName }: Deployment,
  whose: Partial<Whose> = {},
): Promise<readonly Observation[]> {
  const { instance = 'writer', database = settings.databaseLabel } = whose;
  const other = instance === 'writer' ? 'reader' : 'writer';
  const { attribute } = policyOf(settings, parseEvent({}));
  const shape = { database, maxApplications: settings.maxApplications, declaredApplications: [], attribute };
  await using aws = await startAwsStandIn();
  const client = cloudWatch(aws.clientConfig);
  const publish = publishTo(client, logTo({ write: () => true }));
  const observations: Observation[] = [];
  let [memory, taken] = [newMemory(START), 0];
  for (const [index, { runs = [], elsewhere = QUIET, byHand = false, ...native }] of minutes.entries()) {
    const start = START + index * 60_000;
    observations.push(...nativeMetrics(native, start, { instance, other, functionName, ...whose }));
    for (const [late, sight] of runs.entries()) {
      vi.setSystemTime(start + 5_000 + late * 10_000);
      const results = [resultOf(instance, sight), resultOf(other, elsewhere)];
      const declaredRoles = Object.keys(settings.roleLimits);
      const made = datapointsOf(results, { ...shape, declaredRoles, isSweep: !byHand }, memory, Date.now());
      memory = made.memory;
      const { error } = await publish(made.datapoints);
      if (error !== null) throw new Error(error);
      const arrived = aws.metrics().slice(taken);
      taken += arrived.length;
      observations.push(...arrived.map((metric) => ({ ...metric, timestamp: Date.now() })));
    }
  }
  client.destroy();
  return observations;
}

const QUIET: Sight = { applications: { quiet: 10 } };

/** What RDS and Lambda publish at the start of a minute. */
function nativeMetrics(
  { connections, failures }: Minute,
  timestamp: number,
  { instance, other, functionName }: { instance: string; other: string; functionName: string },
): readonly Observation[] {
  const count = (namespace: string, metricName: string, value: number, dimensions: Observation['dimensions']) => {
    return { timestamp, namespace, metricName, value, dimensions, unit: 'Count' };
  };
  const rds = (value: number, name: string) =>
    count('AWS/RDS', 'DatabaseConnections', value, { DBInstanceIdentifier: dbInstance(name) });
  return [
    ...(connections === undefined ? [] : [rds(connections, instance), rds(10, other)]),
    ...(failures === undefined ? [] : [count('AWS/Lambda', 'Errors', failures, { FunctionName: functionName })]),
  ];
}

function resultOf(instance: string, sight: Sight): InstanceResult {
  const { applications = {}, terminated = {}, refused = 0, unreadable = 0, roles = {}, fault } = sight;
  if (fault === 'no login') return anInstanceResult({ instance, snapshot: null, login: null, errors: ['no answer'] });
  if (fault === 'full') {
    const login = { way: null, attempts: 9, milliseconds: 9, refusals: ['every_slot'] } as const;
    return anInstanceResult({ instance, snapshot: null, login, errors: ['53300'] });
  }
  const outcomes = [
    ...each(applications, (applicationName, count) => backends(count, { applicationName }).map(spared)),
    ...each(terminated, (applicationName, count) => backends(count, { applicationName }).map(ended)),
    ...each(roles, (role, count) => backends(count, { role }).map(spared)),
    ...backends(refused, { applicationName: 'stubborn' }).map(kept),
    ...backends(unreadable, { applicationName: 'hidden', readable: false, state: null }).map(spared),
  ];
  const snapshot = aSnapshot({
    server: aServer({ maxConnections: 103, superuserReservedConnections: 3 }),
    backends: outcomes.map(({ backend }) => backend),
    roles: Object.keys(roles).map((role) => aRole(role, 100)),
  });
  const gone = outcomes.filter(({ outcome }) => outcome === 'terminated').map(({ backend }) => backend);
  const diagnoses = gone.length === 0 ? [] : [aDiagnosis({ backends: gone })];
  return anInstanceResult({
    instance,
    snapshot,
    diagnoses,
    outcomes,
    errors: fault === 'failed' ? ['the run failed'] : [],
  });
}

function each<Item>(counts: Readonly<Record<string, number>>, make: (name: string, count: number) => readonly Item[]) {
  return Object.entries(counts).flatMap(([name, count]) => make(name, count));
}

const spared = (backend: Outcome['backend']): Outcome => {
  return { backend, outcome: 'spared', reason: 'below_idle_timeout' };
};
const ended = (backend: Outcome['backend']): Outcome => ({ backend, outcome: 'terminated', reason: null });
const kept = (backend: Outcome['backend']): Outcome => ({ backend, outcome: 'refused', reason: '42501: denied' });
