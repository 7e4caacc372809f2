import type { Publication } from '../aws/publish.js';
import type { Finding } from '../diagnosis/finding.js';
import { findingsOf } from '../diagnosis/findings.js';
import type { Seconds } from '../input/duration.js';
import type { Request } from '../input/event.js';
import type { Settings } from '../input/settings.js';
import type { LoginFacts } from '../login/login.js';
import type { LimitOutcome, OutcomeName } from '../policy/outcome.js';
import type { Policy } from '../policy/policy.js';
import { type ApplicationUse, applicationUse, slotUse } from '../policy/slots.js';
import type { SpareReason } from '../policy/spared.js';
import type { Visit } from '../visit.js';
import { countSpared } from './audit.js';
import { reportText } from './text.js';

/** What one instance looked like and what was done there. */
export interface InstanceAnswer {
  readonly name: string;
  /** As it was before anything was ended; `null` when it could not be read. */
  readonly server: {
    readonly version: string;
    readonly maxConnections: number;
    readonly usableSlots: number;
    readonly usedSlots: number;
  } | null;
  /** How the login went; `null` when it did not come to one. */
  readonly login: LoginFacts | null;
  /** The application with the most backends first. */
  readonly applications: readonly ApplicationUse[];
  /** The smallest, for which there was no room. */
  readonly applicationsLeftOut: number;
  /** The backends that were seen, each once: those that were chosen, and then some of those that were spared. */
  readonly outcomes: readonly {
    readonly pid: number;
    readonly applicationName: string;
    readonly role: string | null;
    readonly idleSeconds: Seconds | null;
    readonly outcome: OutcomeName;
    readonly reason: string | null;
    /** What was seen of a termination that is not confirmed. */
    readonly detail?: string;
  }[];
  /** Spared ones, mostly. `spared` counts them too, and so does the report. */
  readonly outcomesLeftOut: number;
  /** How many were spared, by reason. */
  readonly spared: Readonly<Partial<Record<SpareReason, number>>>;
  /** The declared limits that differed. */
  readonly roleLimits: readonly LimitOutcome[];
  readonly findings: readonly Finding[];
}

/** What a run answers. */
export interface Answer {
  /** For people: `jq -r .text`. */
  readonly text: string;
  readonly database: string;
  readonly mode: Settings['mode'];
  /** Nothing was changed: a report, a dry run, or mode `preview`. */
  readonly dryRun: boolean;
  readonly instances: readonly InstanceAnswer[];
  readonly metrics: Pick<Publication, 'requests' | 'datapoints' | 'via'>;
  /** What failed; everything else stands. */
  readonly errors: readonly string[];
}

/**
 * The most that an answer lists, of all instances together. Of those that were spared some are enough to see of what kind
 * they are. Lambda takes no answer over 6 MB, and would turn a run that has done its work into one that failed; an outcome
 * with the longest names and a refusal is half a kilobyte.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
const MOST_LISTED = { chosen: 5_000, spared: 200, applications: 2_000 };

/** Composes the answer of a run. */
export function answerOf(
  settings: Settings,
  request: Request,
  policy: Policy,
  visits: readonly Visit[],
  publication: Publication,
): Answer {
  const instances = visits.map((visit) => instanceAnswer(visit, policy));
  const errors = [
    ...visits.flatMap((visit) => visit.errors),
    ...(publication.error === null ? [] : [publication.error]),
  ];
  const { requests, datapoints, via } = publication;
  const { databaseLabel: database, mode } = settings;
  const dryRun = !policy.acts;
  const text = reportText({ database, mode, dryRun, action: request.action, errors }, instances);
  const bounded = instances.map((instance) => withRoom(instance, instances.length));
  return { text, database, mode, dryRun, instances: bounded, metrics: { requests, datapoints, via }, errors };
}

/** Each instance has an equal share of the room. The report was made of all. */
function withRoom(instance: InstanceAnswer, instances: number): InstanceAnswer {
  const share = (most: number) => Math.floor(most / instances);
  const applications = instance.applications.slice(0, share(MOST_LISTED.applications));
  const isSpared = ({ outcome }: InstanceAnswer['outcomes'][number]) => outcome === 'spared';
  const outcomes = [
    ...instance.outcomes.filter((one) => !isSpared(one)).slice(0, share(MOST_LISTED.chosen)),
    ...instance.outcomes.filter(isSpared).slice(0, share(MOST_LISTED.spared)),
  ];
  return {
    ...instance,
    applications,
    applicationsLeftOut: instance.applications.length - applications.length,
    outcomes,
    outcomesLeftOut: instance.outcomes.length - outcomes.length,
  };
}

function instanceAnswer(visit: Visit, policy: Policy): InstanceAnswer {
  const { snapshot } = visit;
  return {
    name: visit.instance,
    server: snapshot === null ? null : serverAnswer(snapshot),
    login: visit.login,
    applications: applicationUse(visit.outcomes, policy.attribute),
    applicationsLeftOut: 0,
    outcomes: visit.outcomes.map(({ backend, outcome, reason, ...more }) => ({
      pid: backend.pid,
      applicationName: backend.applicationName,
      role: backend.role,
      idleSeconds: backend.stateSeconds,
      outcome,
      reason,
      ...more,
    })),
    outcomesLeftOut: 0,
    spared: countSpared(visit),
    roleLimits: visit.roleLimits,
    findings: findingsOf(visit, policy),
  };
}

function serverAnswer(snapshot: NonNullable<Visit['snapshot']>): NonNullable<InstanceAnswer['server']> {
  const { usable, used } = slotUse(snapshot);
  const { version, maxConnections } = snapshot.server;
  return { version, maxConnections, usableSlots: usable, usedSlots: used };
}
