/** What the report says and in which order: the verdict first, then each suspect, then the details. */
import { formatDuration } from '../input/duration.js';
import { percentOf } from '../policy/slots.js';
import type { Block, Section } from './document/block.js';
import { budgetSections, doneFields, numberedFindings, serviceTable } from './document/instance-sections.js';
import { type CommandFor, suspectSection, VERDICT_WORDS } from './document/suspect.js';
import type { InstanceReport } from './instance-report.js';
import type { ServiceReport } from './service-report.js';

/** What the report is about besides the instances. */
export interface ReportSubject {
  readonly database: string;
  readonly action: string;
  readonly mode: string;
  readonly dryRun: boolean;
  readonly errors: readonly string[];
  readonly commandFor: CommandFor;
}

/** From here on there is always somebody to look at, suspicious or not. */
const NEARLY_FULL_PERCENT = 80;

/** The answer as a tired person reads it: is it full, who leaks, what to do, and then the details. */
export function reportDocument(subject: ReportSubject, instances: readonly InstanceReport[]): readonly Section[] {
  const { database, action, mode, dryRun, errors } = subject;
  const isOne = instances.length === 1;
  return [
    [
      ...instances.map((instance) => paragraph(headline(instance, isOne ? database : `${database} ${instance.name}`))),
      paragraph(
        `Connection Reaper · ${database} · ${dryRun ? `${action}, nothing is changed` : action} · mode ${mode}`,
      ),
    ],
    ...instances.flatMap((instance) => instanceSections(instance, subject, isOne)),
    ...(errors.length === 0 ? [] : [[heading('FAILED'), { kind: 'list', items: errors } as const]]),
  ];
}

function paragraph(text: string): Block {
  return { kind: 'paragraph', text };
}

function heading(text: string): Block {
  return { kind: 'heading', text };
}

/** What is the matter with an instance, in a sentence or two. */
function headline({ server, services, findings }: InstanceReport, name: string): string {
  if (server === null) return `${name} could not be read: see FAILED below.`;
  const { usedSlots, usableSlots } = server;
  const percent = Math.round(percentOf(usedSlots, usableSlots));
  const slots = `${usedSlots} of ${usableSlots} usable slots taken (${percent} %)`;
  const state =
    usedSlots >= usableSlots
      ? `${name} is FULL`
      : percent >= NEARLY_FULL_PERCENT
        ? `${name} is nearly full`
        : `${name} has free slots`;
  const suspects = services.filter(({ isSuspicious }) => isSuspicious);
  const critical = findings.some(({ severity }) => severity === 'critical');
  return `${state}: ${slots}. ${suspects.length > 0 ? describeSuspects(suspects) : describeHealth(services, percent, critical)}`;
}

const MOST_NAMED = 3;

/** With a block of their own. More than these nobody reads, and Lambda takes no answer over 6 MB. */
const MOST_SUSPECTS = 20;

function describeSuspects(suspects: readonly ServiceReport[]): string {
  const named = suspects
    .slice(0, MOST_NAMED)
    .map(
      ({ service, verdict, connections, leaked }) =>
        `${service}: ${VERDICT_WORDS[verdict]}, ${connections === 0 ? 'terminated by an earlier run' : `${leaked || connections} connections`}`,
    );
  const more = suspects.length - named.length;
  return `${named.join('. ')}${more > 0 ? `, and ${more} more` : ''}.`;
}

function describeHealth(services: readonly ServiceReport[], percent: number, critical: boolean): string {
  const [largest] = services.toSorted((a, b) => b.connections - a.connections);
  if (percent >= NEARLY_FULL_PERCENT && largest !== undefined) {
    const { service, connections, verdict } = largest;
    return `No service leaks. The largest is ${service} with ${connections} connections (${VERDICT_WORDS[verdict]}).`;
  }
  return critical ? 'No service leaks, but see below.' : 'No service leaks.';
}

function instanceSections(instance: InstanceReport, subject: ReportSubject, isOne: boolean): readonly Section[] {
  const { name, server, services, findings, memory } = instance;
  if (server === null) return [[paragraph(`${name} · could not be read`)]];
  const suspects = services.filter(({ isSuspicious }) => isSuspicious);
  const healthy = services.filter(({ isSuspicious }) => !isSuspicious);
  const at = isOne ? '' : `${name} · `;
  const shown = suspects.slice(0, MOST_SUSPECTS);
  return [
    ...shown.map((report, index) =>
      suspectSection(report, `${index + 1}. ${at}`, terminatedOf(instance, report), subject.commandFor),
    ),
    ...(suspects.length > shown.length
      ? [[paragraph(`${at}and ${suspects.length - shown.length} more suspects, which hold fewer connections.`)]]
      : []),
    [
      ...(healthy.length === 0
        ? []
        : [paragraph(`${at}Healthy: ${healthy.slice(0, 12).map(describeHealthy).join(', ')}.`)]),
      paragraph(
        `${name} · PostgreSQL ${server.version} · max_connections ${server.maxConnections}${describeMemory(memory)}`,
      ),
    ],
    [serviceTable(instance)],
    ...budgetSections(instance),
    [doneFields(instance)],
    ...(findings.length === 0
      ? []
      : [
          [heading(`${at}Also`), { kind: 'findings', findings: numberedFindings(findings, shown.length + 1) } as const],
        ]),
    ...(isQuiet(instance, subject) ? [[paragraph('Nothing to do.')]] : []),
    ...suspects
      .slice(0, MOST_NAMED)
      .map(
        ({ service, message }): Section => [
          heading(`To the team of ${service}:`),
          { kind: 'quotation', lines: message.split('\n') },
        ],
      ),
  ];
}

/** Said only when the server has room and nothing is suspicious. */
function isQuiet({ server, services, findings }: InstanceReport, { errors }: ReportSubject): boolean {
  return (
    server !== null &&
    errors.length === 0 &&
    findings.length === 0 &&
    percentOf(server.usedSlots, server.usableSlots) < NEARLY_FULL_PERCENT &&
    !services.some(({ isSuspicious }) => isSuspicious)
  );
}

function describeHealthy({ service, connections, verdict }: ServiceReport): string {
  return `${service} ${connections} (${VERDICT_WORDS[verdict]})`;
}

function describeMemory({ looks, reachesBackSeconds }: InstanceReport['memory']): string {
  return looks < 2 ? ' · first look' : ` · ${looks} looks in ${formatDuration(reachesBackSeconds)}`;
}

function terminatedOf({ applications }: InstanceReport, { service }: ServiceReport): number {
  return applications.find(({ name }) => name === service)?.terminated ?? 0;
}
