/** The text of the report: the verdict first, then each suspect, then the details. */
import { formatDuration } from '../input/duration.js';
import { printable } from '../input/printable.js';
import { percentOf } from '../policy/slots.js';
import type { InstanceReport } from './instance-report.js';
import type { ServiceReport } from './service-report.js';
import { budgetLines, doneLines, findingLines, serviceTable } from './text/instance-lines.js';
import { type CommandFor, suspectLines, VERDICT_WORDS } from './text/suspect.js';
import { wrap } from './text/wrap.js';

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
export function reportText(subject: ReportSubject, instances: readonly InstanceReport[]): string {
  const { database, action, mode, dryRun, errors } = subject;
  const isOne = instances.length === 1;
  return [
    ...instances.flatMap((instance) => wrap('', headline(instance, isOne ? database : `${database} ${instance.name}`))),
    `Connection Reaper · ${database} · ${dryRun ? `${action}, nothing is changed` : action} · mode ${mode}`,
    ...instances.flatMap((instance) => ['', ...instanceLines(instance, subject, isOne)]),
    ...(errors.length === 0 ? [] : ['', 'FAILED', ...errors.map((error) => `  ${error}`)]),
  ]
    .map(printable)
    .join('\n');
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

function instanceLines(instance: InstanceReport, subject: ReportSubject, isOne: boolean): readonly string[] {
  const { name, server, services, findings, memory } = instance;
  if (server === null) return [`${name} · could not be read`];
  const suspects = services.filter(({ isSuspicious }) => isSuspicious);
  const healthy = services.filter(({ isSuspicious }) => !isSuspicious);
  const at = isOne ? '' : `${name} · `;
  return [
    ...suspects.flatMap((report, index) => [
      ...suspectLines(report, index + 1, terminatedOf(instance, report), subject.commandFor).map((line, first) =>
        first === 0 ? line.replace('. ', `. ${at}`) : line,
      ),
      '',
    ]),
    ...(healthy.length === 0 ? [] : wrap('', `${at}Healthy: ${healthy.slice(0, 12).map(describeHealthy).join(', ')}.`)),
    `${name} · PostgreSQL ${server.version} · max_connections ${server.maxConnections}${describeMemory(memory)}`,
    '',
    ...serviceTable(instance),
    ...budgetLines(instance),
    '',
    ...doneLines(instance),
    ...(findings.length === 0 ? [] : ['', `${at}Also`, ...findingLines(findings, suspects.length + 1)]),
    ...(isQuiet(instance, subject) ? ['', 'Nothing to do.'] : []),
    ...suspects
      .slice(0, MOST_NAMED)
      .flatMap(({ service, message }) => [
        '',
        `To the team of ${service}:`,
        ...message.split('\n').flatMap((line) => wrap('  ', line)),
      ]),
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
