/** What the report says of one suspect: why, last statement, where, now, then, fix, limit. */
import type { VerdictName } from '../../diagnosis/judgement.js';
import type { ReapEvent } from '../../diagnosis/reap-request.js';
import type { ReapPreview, ServiceReport } from '../service-report.js';
import type { Block, Field, FieldPart } from './block.js';
import { SPARED_WORDS } from './words.js';

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

/**
 * @param title of the block, such as its number.
 * @param terminated how many connections of the service this run terminated.
 */
export function suspectSection(
  report: ServiceReport,
  title: string,
  terminated: number,
  commandFor: CommandFor,
): readonly Block[] {
  const { service, verdict, certainty, connections, leaked, reasons, remedy, caps } = report;
  const count =
    connections === 0
      ? 'no connection left'
      : leaked > 0 && leaked < connections
        ? `${leaked} of ${connections} connections`
        : `${connections} connections`;
  return [
    { kind: 'heading', text: `${title}${VERDICT_WORDS[verdict].toUpperCase()} · ${service} · ${count} · ${certainty}` },
    {
      kind: 'fields',
      fields: [
        { label: 'why', parts: reasons },
        ...statementFields(report),
        { label: 'from', parts: [whereFrom(report)] },
        ...nowFields(report, terminated, commandFor),
        { label: 'then', parts: remedy.next.map(sqlOrSentence) },
        { label: 'fix', parts: remedy.fix.map(sqlOrSentence) },
        { label: 'limit', parts: caps.map(({ sql }) => sqlOrSentence(sql)) },
      ].filter(({ parts }) => parts.length > 0),
    },
  ];
}

function statementFields({ statement }: ServiceReport): readonly Field[] {
  if (statement === null) return [];
  const { text, connections, read, tags } = statement;
  const route = Object.entries(tags).map(([key, value]) => `${key} ${value}`);
  return [
    { label: 'last', parts: [`${text} (${connections} of ${read} that were read)`] },
    { label: 'route', parts: route.length === 0 ? [] : [route.join(', ')] },
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

function nowFields({ reap }: ServiceReport, terminated: number, commandFor: CommandFor): readonly Field[] {
  const done: Field = {
    label: 'done',
    parts: terminated === 0 ? [] : [`This run terminated ${terminated} of its connections.`],
  };
  if (reap === null || terminated >= reap.terminates) return [done];
  return [done, { label: 'now', parts: [{ copied: commandFor(reap.event), language: 'sh' }, effectOf(reap)] }];
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

function sqlOrSentence(text: string): FieldPart {
  return text.endsWith(';') ? { copied: text, language: 'sql' } : text;
}
