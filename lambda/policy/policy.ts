/** The policy of a run: what settings and event ask for, ready to be applied. */
import type { Seconds } from '../input/duration.js';
import type { ReapRequest, Request } from '../input/event.js';
import { anyOf, cidrMatcher, globMatcher, type Matcher } from '../input/match.js';
import type { Rule, Settings } from '../input/settings.js';
import { type Attribution, attributionBy, isNamed, serviceOf } from './service.js';
import type { Backend } from './snapshot.js';

/** Whether a backend is meant. */
export type BackendMatcher = (backend: Backend) => boolean;

/** A rule of the settings with its globs and blocks compiled. */
export interface CompiledRule {
  readonly matches: BackendMatcher;
  readonly idleTimeout: Seconds | undefined;
  readonly keep: number | undefined;
  readonly spare: boolean;
  /** Whether holders of advisory locks, temporary tables and channels are ended like everybody else. */
  readonly terminateStateful: boolean;
}

/** What holds for one run: the deployed settings, as the request bends them. */
export interface Policy {
  readonly idleTimeout: Seconds;
  /** A manual reap's threshold, which goes before the rules' own. */
  readonly idleTimeoutOverride: Seconds | null;
  /** `null`: such backends are never ended. */
  readonly idleInTransactionTimeout: Seconds | null;
  readonly pressure: Settings['pressure'];
  readonly keepPerApplication: number;
  readonly maxTerminations: number | null;
  readonly rules: readonly CompiledRule[];
  readonly selects: BackendMatcher;
  readonly attribute: Attribution;
  /** Empty in a manual reap, which ends backends and does nothing else. */
  readonly roleLimits: Settings['roleLimits'];
  readonly terminateAboveRoleLimit: boolean;
  /** Whether only what leaked is terminated while slots are free. A manual reap is asked for by name, and takes what it names. */
  readonly leaksOnly: boolean;
  /** Whether the statements of suspects are read. */
  readonly readsStatements: boolean;
  /** How often a run looks, where a second look tells more. */
  readonly looks: number;
  /** How long to wait for another run to end: a person's patience, while a schedule comes again anyway. */
  readonly lockPatienceMs: number;
  /** False when the run only looks: everything is decided and reported, nothing is changed. */
  readonly acts: boolean;
}

/**
 * Works out the policy of a run.
 *
 * A manual reap replaces the idle thresholds and may narrow the selection. The deployed floors and `spare` rules hold
 * for it too: whoever reaps at night may not know why they are there.
 */
export function policyOf(settings: Settings, request: Request): Policy {
  const attribute = attributionBy(settings.applicationNames);
  const reap = request.action === 'reap' ? request : null;
  return {
    idleTimeout: settings.idleTimeout,
    idleTimeoutOverride: reap?.idleTimeout ?? null,
    idleInTransactionTimeout: idleInTransactionTimeout(settings, reap),
    pressure: settings.pressure,
    keepPerApplication: settings.keepPerApplication,
    maxTerminations: reap?.maxTerminations ?? settings.maxTerminationsPerRun ?? null,
    rules: settings.rules.map((rule) => compileRule(rule, attribute)),
    selects: reap === null ? () => true : selection(reap, attribute),
    attribute,
    roleLimits: reap === null ? settings.roleLimits : {},
    terminateAboveRoleLimit: reap === null && settings.terminateAboveRoleLimit,
    leaksOnly: reap === null && settings.reap === 'leaks',
    readsStatements: settings.statements === 'redacted',
    looks: request.action === 'report' ? request.looks : 1,
    lockPatienceMs: reap === null ? 0 : 10_000,
    acts: actsOn(settings, request),
  };
}

/** A manual reap ends transactions only when it says so, and then by its own threshold before the deployed ones. */
function idleInTransactionTimeout(settings: Settings, reap: ReapRequest | null): Seconds | null {
  const deployed = settings.idleInTransactionTimeout ?? null;
  if (reap === null) return deployed;
  return reap.includeIdleInTransaction ? (reap.idleTimeout ?? deployed ?? settings.idleTimeout) : null;
}

/** An explicit `dryRun: false` is a person's decision, and goes before a deployed preview. */
function actsOn({ mode }: Settings, request: Request): boolean {
  switch (request.action) {
    case 'report':
      return false;
    case 'reap':
      return !(request.dryRun ?? mode === 'preview');
    case 'sweep':
      return mode === 'enforce';
  }
}

function compileRule(rule: Rule, attribute: Attribution): CompiledRule {
  return {
    matches: allOf([
      rule.application === undefined ? null : matchApplication(globMatcher(rule.application), attribute),
      rule.role === undefined ? null : matchField('role', globMatcher(rule.role)),
      rule.database === undefined ? null : matchField('database', globMatcher(rule.database)),
      rule.address === undefined ? null : matchField('clientAddr', cidrMatcher(rule.address)),
    ]),
    idleTimeout: rule.idleTimeout,
    keep: rule.keep,
    spare: rule.spare === true,
    terminateStateful: rule.terminateStateful === true,
  };
}

function selection(request: ReapRequest, attribute: Attribution): BackendMatcher {
  const { applications, roles, databases, addresses } = request;
  return allOf([
    applications === undefined ? null : matchApplication(anyOf(applications.map(globMatcher)), attribute),
    roles === undefined ? null : matchField('role', anyOf(roles.map(globMatcher))),
    databases === undefined ? null : matchField('database', anyOf(databases.map(globMatcher))),
    addresses === undefined ? null : matchField('clientAddr', anyOf(addresses.map(cidrMatcher))),
  ]);
}

/** By the name the report shows, by the service that it renames, and by the application_name as the client set it. */
function matchApplication(matches: Matcher, attribute: Attribution): BackendMatcher {
  return (backend) => matches(attribute(backend)) || isNamed(backend, serviceOf(backend), matches);
}

function matchField(field: 'role' | 'database' | 'clientAddr', matches: Matcher): BackendMatcher {
  return (backend) => matches(backend[field]);
}

/** Meant by each of the matchers that were given. */
function allOf(matchers: readonly (BackendMatcher | null)[]): BackendMatcher {
  const given = matchers.filter((matcher) => matcher !== null);
  return (backend) => given.every((matches) => matches(backend));
}
