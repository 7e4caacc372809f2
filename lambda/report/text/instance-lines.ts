/** The details of one instance: who holds the slots, what was done, what else there is to know. */
import type { Finding } from '../../diagnosis/finding.js';
import { formatDuration } from '../../input/duration.js';
import type { UnconfirmedReason } from '../../policy/outcome.js';
import type { SpareReason } from '../../policy/spared.js';
import type { InstanceReport } from '../instance-report.js';
import { OUTCOME_WORDS, SPARED_WORDS, UNCONFIRMED_WORDS } from './words.js';
import { wrap, wrapAll } from './wrap.js';

const MOST_SERVICES = 12;
const NAME_WIDTH = 30;

/** Of the table of services, behind the names. */
const COLUMN_WIDTHS = [12, 8, 8, 8, 11];

/** Who holds the slots. */
export function serviceTable({ applications, services }: InstanceReport): readonly string[] {
  if (applications.length === 0) return ["  no connections except the reaper's own"];
  const inTransaction = new Map(services.map(({ service, inTransaction: count }) => [service, count]));
  const row = (name: string, ...cells: readonly string[]) =>
    `  ${fitted(name)}${cells.map((cell, index) => cell.padStart(COLUMN_WIDTHS[index] ?? 0)).join('')}`;
  const shown = applications.slice(0, MOST_SERVICES);
  return [
    row('service', 'connections', 'idle', 'in tx', 'oldest', 'terminated'),
    ...shown.map(({ name, connections, idle, oldestIdleSeconds, terminated }) =>
      row(
        name,
        `${connections}`,
        `${idle}`,
        `${inTransaction.get(name) ?? 0}`,
        oldestIdleSeconds === null ? '-' : formatDuration(oldestIdleSeconds),
        `${terminated}`,
      ),
    ),
    ...(applications.length > shown.length ? [`  and ${applications.length - shown.length} more`] : []),
  ];
}

/** A long name would push the numbers out of the screen. */
function fitted(name: string): string {
  return name.length <= NAME_WIDTH ? name.padEnd(NAME_WIDTH) : `${name.slice(0, NAME_WIDTH - 1)}…`;
}

/** What the run did, or would do. */
export function doneLines({ outcomes, spared, roleLimits }: InstanceReport): readonly string[] {
  const counts = [
    ...Object.entries(OUTCOME_WORDS).map(
      ([name, words]) => [outcomes.filter(({ outcome }) => outcome === name).length, words] as const,
    ),
    ...(Object.entries(UNCONFIRMED_WORDS) as [UnconfirmedReason, string][]).map(
      ([name, words]) =>
        [outcomes.filter(({ outcome, reason }) => outcome === 'unconfirmed' && reason === name).length, words] as const,
    ),
  ].flatMap(([count, words]) => (count === 0 ? [] : [`${count} ${words}`]));
  const left = (Object.entries(spared) as [SpareReason, number][]).map(
    ([reason, count]) => `${count} ${SPARED_WORDS[reason]}`,
  );
  return [
    ...wrap('  result  ', counts.join(' · ') || 'none'),
    ...wrap('  spared  ', left.join(' · ') || 'none'),
    ...roleLimits.map(
      ({ role, from, to, outcome }) =>
        `  limit   ${role}: ${from ?? 'none'} -> ${to} (${outcome.replaceAll('_', ' ')})`,
    ),
  ];
}

/** What a role has, and may have: only where there is a suspect to be limited. */
export function budgetLines({ budget, services }: InstanceReport): readonly string[] {
  if (!services.some(({ isSuspicious }) => isSuspicious)) return [];
  const row = (...[role = '', ...cells]: readonly string[]) =>
    `  ${fitted(role)}${cells.map((cell) => cell.padStart(9)).join('')}`;
  return [
    '',
    row('role', 'used', 'leaked', 'limit', 'advised'),
    ...budget
      .slice(0, MOST_SERVICES)
      .map(({ role, used, leaked, limit, advised }) =>
        row(role, `${used}`, `${leaked}`, limit === null ? 'none' : `${limit}`, advised === null ? '-' : `${advised}`),
      ),
  ];
}

/** What else there is to know, numbered after the suspects. */
export function findingLines(findings: readonly Finding[], from: number): readonly string[] {
  return findings.flatMap(({ severity, evidence, remedy }, index) => [
    ...wrap(`${from + index}. `, `[${severity}] ${evidence}`),
    ...wrapAll('   -> ', [remedy]),
  ]);
}
