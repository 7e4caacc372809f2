/** The block of the report about one suspect: what, last statement, where, now, then, fix, limit. */
import type { VerdictName } from '../../diagnosis/judgement.js';
import type { ReapEvent } from '../../diagnosis/reap-request.js';
import type { ReapPreview, ServiceReport } from '../service-report.js';
import { SPARED_WORDS } from './words.js';
import { wrap, wrapAll } from './wrap.js';

/** What a verdict is called in a report. */
export const VERDICT_WORDS: Readonly<Record<VerdictName, string>> = {
  leak: 'leak',
  leak_in_transaction: 'leak in a transaction',
  unread_result: 'result that nobody reads',
  script_loop: 'script loop',
  silent_clients: 'silent clients',
  reconnects: 'reconnects at once',
  pool_too_large: 'pool too large',
  pooler: 'pooler in front',
  monitoring: 'monitoring',
  busy: 'busy',
  pool_at_rest: 'pool at rest',
  unclear: 'unclear',
};

const MOST_HOSTS = 3;

/** Writes the command that sends an event. */
export type CommandFor = (event: ReapEvent) => string;

/** @param terminated how many connections of the service this run terminated. */
export function suspectLines(
  report: ServiceReport,
  number: number,
  terminated: number,
  commandFor: CommandFor,
): readonly string[] {
  const { service, verdict, certainty, connections, leaked, reasons, remedy, caps } = report;
  const count =
    connections === 0
      ? 'no connection left'
      : leaked > 0 && leaked < connections
        ? `${leaked} of ${connections} connections`
        : `${connections} connections`;
  return [
    `${number}. ${VERDICT_WORDS[verdict].toUpperCase()} · ${service} · ${count} · ${certainty}`,
    ...wrapAll('   why    ', reasons),
    ...statementLines(report),
    ...wrap('   from   ', whereFrom(report)),
    ...nowLines(report, terminated, commandFor),
    ...labelled('   then   ', remedy.next),
    ...labelled('   fix    ', remedy.fix),
    ...labelled(
      '   limit  ',
      caps.map(({ sql }) => sql),
    ),
  ];
}

function statementLines({ statement }: ServiceReport): readonly string[] {
  if (statement === null) return [];
  const { text, connections, read, tags } = statement;
  const route = Object.entries(tags).map(([key, value]) => `${key} ${value}`);
  return [
    ...wrap('   last   ', `${text} (${connections} of ${read} that were read)`),
    ...(route.length === 0 ? [] : wrap('   route  ', route.join(', '))),
  ];
}

function whereFrom({
  hosts,
  hostsLeftOut,
  roles,
  driver,
  connectionsPerMinute,
  minutesUntilFull,
}: ServiceReport): string {
  const more = Math.max(0, hosts.length - MOST_HOSTS) + hostsLeftOut;
  const shown = hosts
    .slice(0, MOST_HOSTS)
    .map(({ address, connections }) => `${address ?? 'a Unix socket'} (${connections})`);
  return [
    `${shown.join(', ')}${more > 0 ? ` and ${more} more hosts` : ''}`,
    `${roles.length === 1 ? 'role' : 'roles'} ${roles.map(({ role, connections }) => `${role} (${connections})`).join(', ')}`,
    ...(driver === null ? [] : [`driver ${driver}`]),
    ...(connectionsPerMinute === null || minutesUntilFull === null
      ? []
      : [`full in about ${Math.max(1, Math.round(minutesUntilFull))} min`]),
  ].join(' · ');
}

function nowLines({ reap }: ServiceReport, terminated: number, commandFor: CommandFor): readonly string[] {
  const done = terminated === 0 ? [] : wrap('   done   ', `This run terminated ${terminated} of its connections.`);
  if (reap === null || terminated >= reap.terminates) return done;
  // A command is copied in one piece, so it is in one line.
  return [...done, `   now    ${commandFor(reap.event)}`, ...wrap('          ', effectOf(reap))];
}

function effectOf({ terminates, spares, harm }: ReapPreview): string {
  const spared = Object.entries(spares).map(
    ([reason, count]) => `${count} ${SPARED_WORDS[reason as keyof typeof spares]}`,
  );
  return [
    `terminates ${terminates}${spared.length === 0 ? '' : `, spares ${spared.join(', ')}`}.`,
    ...(harm === null ? [] : [harm]),
  ].join(' ');
}

/** SQL is copied in one piece. */
function labelled(label: string, texts: readonly string[]): readonly string[] {
  return texts.flatMap((text, index) => {
    const own = index === 0 ? label : ' '.repeat(label.length);
    return text.endsWith(';') ? [`${own}${text}`] : wrap(own, text);
  });
}
