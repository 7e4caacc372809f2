import { connectionBudget, type RoleBudget } from '../diagnosis/connection-budget.js';
import type { Diagnosis } from '../diagnosis/diagnosis.js';
import type { Finding } from '../diagnosis/finding.js';
import { findingsOf } from '../diagnosis/findings.js';
import type { InstanceResult } from '../diagnosis/instance-result.js';
import type { LoginFacts } from '../diagnosis/login-facts.js';
import type { ReapEvent } from '../diagnosis/reap-request.js';
import type { Seconds } from '../input/duration.js';
import type { LimitOutcome, Outcome, OutcomeName } from '../policy/outcome.js';
import { planRun } from '../policy/plan.js';
import type { Policy } from '../policy/policy.js';
import { type ApplicationUse, applicationUse, slotUse } from '../policy/slots.js';
import type { Backend, Snapshot } from '../policy/snapshot.js';
import type { SpareReason } from '../policy/spared.js';
import { countSpared } from './audit.js';
import { teamMessage } from './document/team-message.js';
import { type ServiceReport, serviceReport } from './service-report.js';

/** What one instance looked like and what was done there. */
export interface InstanceReport {
  readonly name: string;
  /** As it was before anything was terminated; `null` when it could not be read. */
  readonly server: {
    readonly version: string;
    readonly maxConnections: number;
    readonly usableSlots: number;
    readonly usedSlots: number;
  } | null;
  /** How the login went; `null` when the run failed before it. */
  readonly login: LoginFacts | null;
  /** A verdict on each service, the worst first. */
  readonly services: readonly SuspectReport[];
  /** What each role has and may have, the one with the most connections first. */
  readonly budget: readonly RoleBudget[];
  /** How many looks the verdicts are made of, and over what time. */
  readonly memory: { readonly looks: number; readonly reachesBackSeconds: Seconds };
  /** The application with the most connections first. */
  readonly applications: readonly ApplicationUse[];
  /** The connections that were seen, each once. */
  readonly outcomes: readonly OutcomeReport[];
  /** How many were spared, by reason. */
  readonly spared: Readonly<Partial<Record<SpareReason, number>>>;
  /** The declared limits that differed. */
  readonly roleLimits: readonly LimitOutcome[];
  readonly findings: readonly Finding[];
}

/** A service, with what to tell the team that owns it. */
export interface SuspectReport extends ServiceReport {
  /** Empty where there is nothing to tell. */
  readonly message: string;
}

/** What became of one connection. */
export interface OutcomeReport {
  readonly pid: number;
  readonly applicationName: string;
  readonly role: string | null;
  readonly idleSeconds: Seconds | null;
  readonly outcome: OutcomeName;
  readonly reason: string | null;
  /** What was seen of a termination that is not confirmed. */
  readonly detail?: string;
}

function outcomeReport(result: Outcome): OutcomeReport {
  const { backend, outcome, reason } = result;
  const { pid, applicationName, role, stateSeconds: idleSeconds } = backend;
  const report = { pid, applicationName, role, idleSeconds, outcome, reason };
  return outcome === 'unconfirmed' ? { ...report, detail: result.detail } : report;
}

/** What a report is made with. */
export interface InstanceReportContext {
  readonly database: string;
  readonly policy: Policy;
  readonly declaredRoles: ReadonlySet<string>;
  readonly isPreview: boolean;
  /** What a manual reap would do. */
  readonly policyOf: (event: ReapEvent) => Policy;
}

/** Reports what a run saw and did at one instance. */
export function instanceReport(result: InstanceResult, context: InstanceReportContext): InstanceReport {
  const { snapshot, looks } = result;
  const { policy } = context;
  const set = new Map(
    result.roleLimits.flatMap(({ role, to, outcome }) => (outcome === 'changed' ? [[role, to] as const] : [])),
  );
  const budget = (snapshot === null ? [] : connectionBudget(snapshot, result.diagnoses)).map((own) => ({
    ...own,
    limit: set.get(own.role) ?? own.limit,
  }));
  return {
    name: result.instance,
    server: snapshot === null ? null : serverReport(snapshot),
    login: result.login,
    services: snapshot === null ? [] : serviceReports(snapshot, result.diagnoses, budget, context),
    budget,
    memory: { looks: looks.length, reachesBackSeconds: ((looks.at(-1)?.at ?? 0) - (looks[0]?.at ?? 0)) / 1_000 },
    applications: applicationUse(result.outcomes, policy.attribute),
    outcomes: result.outcomes.map(outcomeReport),
    spared: countSpared(result),
    roleLimits: result.roleLimits,
    findings: findingsOf(result, policy),
  };
}

function serviceReports(
  snapshot: Snapshot,
  diagnoses: readonly Diagnosis[],
  budget: readonly RoleBudget[],
  { database, declaredRoles, isPreview, policyOf }: InstanceReportContext,
): readonly SuspectReport[] {
  const { usable } = slotUse(snapshot);
  // A reap of one service chooses among its connections alone, so the others need not be judged for each suspect.
  const plan = (event: ReapEvent, backends: readonly Backend[]) => planRun({ ...snapshot, backends }, policyOf(event));
  const server = { usable, tcpKeepalivesIdle: snapshot.settings.tcpKeepalivesIdle ?? 0 };
  return diagnoses.map((diagnosis) => {
    const report = serviceReport(diagnosis, { server, budget, declaredRoles, isPreview, plan });
    return { ...report, message: report.isSuspicious ? teamMessage(database, { usableSlots: usable }, report) : '' };
  });
}

function serverReport(snapshot: Snapshot): NonNullable<InstanceReport['server']> {
  const { usable, used } = slotUse(snapshot);
  const { version, maxConnections } = snapshot.server;
  return { version, maxConnections, usableSlots: usable, usedSlots: used };
}
