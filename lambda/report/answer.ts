/**
 * The answer of a run: the report for people in `text`, and the same as data, of which a list as long as a large server
 * makes it shows a part. Lambda takes no answer over 6 MB, and would turn a run that has done its work into one that failed.
 */
import { type InvokedFunction, invokeCommand } from '../contract/invoke-command.js';
import type { InstanceResult } from '../diagnosis/instance-result.js';
import type { ReapEvent } from '../diagnosis/reap-request.js';
import { parseEvent, type Request } from '../input/event.js';
import type { Settings } from '../input/settings.js';
import { type Policy, policyOf } from '../policy/policy.js';
import { reportDocument } from './document.js';
import { type InstanceReport, instanceReport, type OutcomeReport } from './instance-report.js';
import { renderMarkdown } from './markdown.js';
import type { Publication } from './publication.js';
import { renderText } from './text.js';

/** An instance's report with as much of its lists as there is room for. `spared` counts all. */
export interface InstanceAnswer extends InstanceReport {
  /** The smallest applications, for which there was no room. */
  readonly applicationsLeftOut: number;
  /** The outcomes for which there was no room; those of spared connections mostly. */
  readonly outcomesLeftOut: number;
}

/** What a run answers. */
export interface Answer {
  /** For people: `jq -r .text`. */
  readonly text: string;
  /** The same for a ticket or a chat: `jq -r .markdown`. */
  readonly markdown: string;
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
 * they are. An outcome with the longest names and a refusal is half a kilobyte.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
const MOST_LISTED = { chosen: 5_000, spared: 200, applications: 2_000, services: 500 };

/**
 * Composes the answer of a run.
 *
 * @param deployed the function, for commands that can be copied; `null` where there is none, and a report shows events alone.
 */
export function answerOf(
  settings: Settings,
  request: Request,
  policy: Policy,
  results: readonly InstanceResult[],
  publication: Publication,
  deployed: InvokedFunction | null = null,
): Answer {
  const context = {
    database: settings.databaseLabel,
    policy,
    declaredRoles: new Set(Object.keys(settings.roleLimits)),
    isPreview: settings.mode === 'preview',
    policyOf: (event: ReapEvent) => policyOf(settings, parseEvent(event)),
  };
  const reports = results.map((result) => instanceReport(result, context));
  const errors = [
    ...results.flatMap((result) => result.errors),
    ...(publication.error === null ? [] : [publication.error]),
  ];
  const { requests, datapoints, via } = publication;
  const { databaseLabel: database, mode } = settings;
  const dryRun = !policy.acts;
  const commandFor = (event: object) => (deployed === null ? JSON.stringify(event) : invokeCommand(deployed, event));
  const sections = reportDocument({ database, mode, dryRun, action: request.action, errors, commandFor }, reports);
  const instances = reports.map((report) => withinRoom(report, 1 / reports.length));
  return {
    text: renderText(sections),
    markdown: renderMarkdown(sections),
    database,
    mode,
    dryRun,
    instances,
    metrics: { requests, datapoints, via },
    errors,
  };
}

/** @param share of the room, which is the same for each instance. */
function withinRoom(report: InstanceReport, share: number): InstanceAnswer {
  const first = <Item>(items: readonly Item[], most: number) => items.slice(0, Math.floor(most * share));
  const isSpared = ({ outcome }: OutcomeReport) => outcome === 'spared';
  const applications = first(report.applications, MOST_LISTED.applications);
  const services = first(report.services, MOST_LISTED.services);
  const budget = first(report.budget, MOST_LISTED.applications);
  const outcomes = [
    ...first(
      report.outcomes.filter((one) => !isSpared(one)),
      MOST_LISTED.chosen,
    ),
    ...first(report.outcomes.filter(isSpared), MOST_LISTED.spared),
  ];
  return {
    ...report,
    services,
    budget,
    applications,
    applicationsLeftOut: report.applications.length - applications.length,
    outcomes,
    outcomesLeftOut: report.outcomes.length - outcomes.length,
  };
}
