/** The details of one instance: who holds the slots, what was done, what else there is to know. */
import type { Finding } from '../../diagnosis/finding.js';
import { formatDuration } from '../../input/duration.js';
import type { UnconfirmedReason } from '../../policy/outcome.js';
import type { SpareReason } from '../../policy/spared.js';
import type { InstanceReport } from '../instance-report.js';
import type { Block, NumberedFinding, Section } from './block.js';
import { OUTCOME_WORDS, SPARED_WORDS, UNCONFIRMED_WORDS } from './words.js';

const MOST_ROWS = 12;

/** Who holds the slots. */
export function serviceTable({ applications, services }: InstanceReport): Block {
  if (applications.length === 0) return { kind: 'list', items: ["no connections except the reaper's own"] };
  const inTransaction = new Map(services.map(({ service, inTransaction: count }) => [service, count]));
  const rows = applications
    .slice(0, MOST_ROWS)
    .map(({ name, connections, idle, oldestIdleSeconds, terminated }) => [
      name,
      `${connections}`,
      `${idle}`,
      `${inTransaction.get(name) ?? 0}`,
      oldestIdleSeconds === null ? '-' : formatDuration(oldestIdleSeconds),
      `${terminated}`,
    ]);
  const header = ['service', 'connections', 'idle', 'in tx', 'oldest', 'terminated'];
  return { kind: 'table', header, rows, left: applications.length - rows.length };
}

/** What the run did, or would do. */
export function doneFields({ outcomes, spared, roleLimits }: InstanceReport): Block {
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
  const limits = roleLimits.map(
    ({ role, from, to, outcome }) => `${role}: ${from ?? 'none'} -> ${to} (${outcome.replaceAll('_', ' ')})`,
  );
  return {
    kind: 'fields',
    fields: [
      { label: 'result', parts: [counts.join(' · ') || 'none'] },
      { label: 'spared', parts: [left.join(' · ') || 'none'] },
      ...limits.map((limit) => ({ label: 'limit', parts: [limit] })),
    ],
  };
}

/** What a role has, and may have: only where there is a suspect to be limited. */
export function budgetSections({ budget, services }: InstanceReport): readonly Section[] {
  if (!services.some(({ isSuspicious }) => isSuspicious)) return [];
  const rows = budget
    .slice(0, MOST_ROWS)
    .map(({ role, used, leaked, limit, advised }) => [
      role,
      `${used}`,
      `${leaked}`,
      limit === null ? 'none' : `${limit}`,
      advised === null ? '-' : `${advised}`,
    ]);
  const header = ['role', 'used', 'leaked', 'limit', 'advised'];
  return [[{ kind: 'table', header, rows, left: budget.length - rows.length }]];
}

/** What else there is to know, numbered after the suspects. */
export function numberedFindings(findings: readonly Finding[], from: number): readonly NumberedFinding[] {
  return findings.map(({ severity, evidence, remedy }, index) => ({
    number: from + index,
    text: `[${severity}] ${evidence}`,
    remedy,
  }));
}
