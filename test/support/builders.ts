import type { Diagnosis } from '../../lambda/diagnosis/diagnosis.js';
import type { InstanceResult, LockHolder } from '../../lambda/diagnosis/instance-result.js';
import { parseEvent } from '../../lambda/input/event.js';
import { parseSettings, type Settings, type SettingsInput } from '../../lambda/input/settings.js';
import { type Policy, policyOf } from '../../lambda/policy/policy.js';
import type { ServerSettings } from '../../lambda/policy/server-settings.js';
import type { Backend, Role, Server, Snapshot } from '../../lambda/policy/snapshot.js';

let lastPid = 1000;

/** An idle backend of an ordinary role, long overdue, with nothing that would spare it. */
export function aBackend(overrides: Partial<Backend> = {}): Backend {
  lastPid += 1;
  return {
    pid: lastPid,
    backendStart: '2026-01-01 00:00:00.000001+00',
    stateChange: '2026-01-01 00:00:01.000001+00',
    state: 'idle',
    readable: true,
    applicationName: 'checkout',
    role: 'checkout',
    superuser: false,
    ofReaper: false,
    mayUseReserve: false,
    database: 'shop',
    clientAddr: '10.0.0.1',
    stateSeconds: 3600,
    ageSeconds: 7200,
    statementSeconds: 3600,
    waitEvent: 'ClientRead',
    lastStatement: 'business',
    holding: null,
    ...overrides,
  };
}

/** As many backends as asked for, of one kind. */
export function backends(count: number, overrides: Partial<Backend> = {}): Backend[] {
  return Array.from({ length: count }, () => aBackend(overrides));
}

/** PostgreSQL 18 with 100 slots, 3 of them a superuser's, seen by a login that may do all it needs. */
export function aServer(overrides: Partial<Server> = {}): Server {
  return {
    version: '18.4',
    versionNumber: 180_004,
    inRecovery: false,
    maxConnections: 100,
    superuserReservedConnections: 3,
    reservedConnections: 0,
    rdsSuperuserReservedConnections: 0,
    rdsReservedConnections: 0,
    user: 'connection_reaper',
    database: 'postgres',
    ownAddress: '10.0.9.9',
    clientAddress: '10.0.5.5',
    superuser: false,
    mayReadAllStats: true,
    maySignalBackends: true,
    hasReservedSlot: true,
    hasVainReserveGrant: false,
    preparedTransactions: 0,
    oldestPreparedSeconds: null,
    ...overrides,
  };
}

/** A role with this connection limit, which our login may alter. */
export function aRole(name: string, connectionLimit: number | null = null, overrides: Partial<Role> = {}): Role {
  return { name, connectionLimit, superuser: false, mayAlter: true, ...overrides };
}

/** Settings under which the server itself ends what clients leave behind. */
export function someServerSettings(overrides: Partial<ServerSettings> = {}): ServerSettings {
  return {
    tcpKeepalivesIdle: 60,
    clientConnectionCheckInterval: 10_000,
    idleSessionTimeout: 3_600_000,
    idleInTransactionSessionTimeout: 60_000,
    sharedBuffers: 128 * 1024 ** 2,
    workMem: 4 * 1024 ** 2,
    overrides: [],
    limitedDatabases: [],
    ...overrides,
  };
}

/** A look at {@link aServer}. */
export function aSnapshot(overrides: Partial<Snapshot> = {}): Snapshot {
  return { server: aServer(), settings: someServerSettings(), backends: [], roles: [], ...overrides };
}

/** Settings as the function would read them. */
export function someSettings(input: Partial<SettingsInput> = {}): Settings {
  return parseSettings(JSON.stringify({ databaseLabel: 'orders', secretArn: 'arn:aws:secretsmanager:x', ...input }));
}

/** The policy of an event under settings. */
export function aPolicy(input: Partial<SettingsInput> = {}, event: unknown = {}): Policy {
  return policyOf(someSettings(input), parseEvent(event));
}

/** A session that holds the lock of the runs. */
export function aLockHolder(overrides: Partial<LockHolder> = {}): LockHolder {
  return { pid: 7, gid: null, role: 'checkout', applicationName: 'x', ageSeconds: 5, ...overrides };
}

/** Of an instance of which a snapshot was read, and nothing done yet. */
export function anInstanceResult(overrides: Partial<InstanceResult> = {}): InstanceResult {
  return {
    instance: 'primary',
    snapshot: aSnapshot(),
    diagnoses: [],
    looks: [],
    outcomes: [],
    roleLimits: [],
    login: { way: 'own', attempts: 1, milliseconds: 5, refusals: [] },
    runAtWork: null,
    intruders: [],
    lostRuns: [],
    uncheckedDatabases: [],
    errors: [],
    ...overrides,
  };
}

/** A service whose connections have all leaked, unless said otherwise. */
export function aDiagnosis(overrides: Partial<Diagnosis> = {}): Diagnosis {
  const { backends: own = backends(20) } = overrides;
  return {
    service: 'checkout',
    verdict: 'leak',
    certainty: 'almost certain',
    reasons: [
      '10.0.0.1 opened 20 connections one after another, and never used one again after it had opened the next.',
    ],
    leaked: own,
    backends: own,
    idle: own.length,
    inTransaction: 0,
    active: 0,
    hosts: [{ address: '10.0.0.1', connections: own.length }],
    roles: [{ role: 'checkout', connections: own.length }],
    growth: null,
    minutesUntilFull: null,
    oldestIdleSeconds: 3600,
    statement: null,
    driver: null,
    ...overrides,
  };
}
