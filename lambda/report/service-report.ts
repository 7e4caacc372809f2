/** What the report says of one service: the diagnosis with its remedies, as data. */
import type { RoleBudget } from '../diagnosis/connection-budget.js';
import type { LastStatement } from '../diagnosis/diagnosis.js';
import { type Diagnosis, isSuspicious } from '../diagnosis/diagnosis.js';
import type { Certainty, VerdictName } from '../diagnosis/judgement.js';
import { quoteIdentifier } from '../diagnosis/quote-sql.js';
import { type ReapEvent, reapRequest } from '../diagnosis/reap-request.js';
import { type Remedy, type RemedyServer, remedyOf } from '../diagnosis/remedies.js';
import type { Seconds } from '../input/duration.js';
import { countBy } from '../policy/group-by.js';
import type { Plan } from '../policy/plan.js';
import { type Backend, isUnreadable } from '../policy/snapshot.js';
import type { SpareReason } from '../policy/spared.js';

/** One service of an instance. */
export interface ServiceReport {
  readonly service: string;
  readonly verdict: VerdictName;
  readonly certainty: Certainty;
  readonly isSuspicious: boolean;
  readonly connections: number;
  readonly idle: number;
  readonly inTransaction: number;
  readonly active: number;
  readonly leaked: number;
  readonly oldestIdleSeconds: Seconds | null;
  /** Why, in sentences. */
  readonly reasons: readonly string[];
  readonly statement: LastStatement | null;
  readonly driver: string | null;
  /** The addresses with the most connections. */
  readonly hosts: Diagnosis['hosts'];
  readonly hostsLeftOut: number;
  readonly roles: Diagnosis['roles'];
  readonly connectionsPerMinute: number | null;
  readonly minutesUntilFull: number | null;
  /** What helps now; `null` where terminating does not. */
  readonly reap: ReapPreview | null;
  readonly remedy: Remedy;
  readonly caps: readonly RoleCap[];
}

/** A manual reap, and what it would do. */
export interface ReapPreview {
  readonly event: ReapEvent;
  readonly terminates: number;
  readonly spares: Readonly<Partial<Record<SpareReason, number>>>;
  /** Whom the terminations may harm; `null` where nobody is known to be. */
  readonly harm: string | null;
}

/** A limit that stops a service from taking every slot. */
export interface RoleCap {
  readonly role: string;
  readonly limit: number;
  readonly sql: string;
}

const MOST_HOSTS = 20;

/** What previews a reap, and the roles whose limits are set or declared already. */
export interface ServiceReportContext {
  readonly server: RemedyServer;
  readonly budget: readonly RoleBudget[];
  readonly declaredRoles: ReadonlySet<string>;
  readonly isPreview: boolean;
  readonly plan: (event: ReapEvent, backends: readonly Backend[]) => Plan;
}

/** Reports one service. A reap is worked out for suspects alone. */
export function serviceReport(diagnosis: Diagnosis, context: ServiceReportContext): ServiceReport {
  const { service, verdict, certainty, backends, idle, inTransaction, active, leaked, hosts, growth } = diagnosis;
  return {
    service,
    verdict,
    certainty,
    isSuspicious: isSuspicious(diagnosis),
    connections: backends.length,
    idle,
    inTransaction,
    active,
    leaked: leaked.length,
    oldestIdleSeconds: diagnosis.oldestIdleSeconds,
    reasons: diagnosis.reasons,
    statement: diagnosis.statement,
    driver: diagnosis.driver?.name ?? null,
    hosts: hosts.slice(0, MOST_HOSTS),
    hostsLeftOut: Math.max(0, hosts.length - MOST_HOSTS),
    roles: diagnosis.roles,
    connectionsPerMinute: growth?.goesOn === true ? growth.perMinute : null,
    minutesUntilFull: diagnosis.minutesUntilFull,
    reap: isSuspicious(diagnosis) ? reapPreview(diagnosis, context) : null,
    remedy: remedyOf(diagnosis, context.server),
    // No limit follows from what cannot be seen.
    caps: isSuspicious(diagnosis) && !diagnosis.backends.some(isUnreadable) ? capsOf(diagnosis, context) : [],
  };
}

function reapPreview(diagnosis: Diagnosis, { isPreview, plan }: ServiceReportContext): ReapPreview | null {
  const event = reapRequest(diagnosis, isPreview);
  if (event === null) return null;
  const { terminations, spared } = plan(event, diagnosis.backends);
  const reasons = countBy(spared, ({ reason }) => reason);
  return {
    event,
    terminates: terminations.length,
    spares: Object.fromEntries(reasons),
    harm: diagnosis.driver?.harm ?? null,
  };
}

/** For the roles that hold the service's connections, where the advice is less than what they hold or may hold. */
function capsOf({ roles, backends }: Diagnosis, { budget, declaredRoles }: ServiceReportContext): readonly RoleCap[] {
  return roles.flatMap(({ role, connections }) => {
    const own = budget.find((one) => one.role === role);
    if (own === undefined || own.advised === null || declaredRoles.has(role)) return [];
    if (own.limit !== null && own.limit <= own.advised) return [];
    // A limit on a role that hardly serves the service would stop others, or nothing.
    if (connections * 4 < own.used || connections * 4 < backends.length) return [];
    return [{ role, limit: own.advised, sql: `ALTER ROLE ${quoteIdentifier(role)} CONNECTION LIMIT ${own.advised};` }];
  });
}
