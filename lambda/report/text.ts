/** The text of the report, from its first line to the steps under Next. */
import type { Finding } from '../diagnosis/finding.js';
import { formatDuration } from '../input/duration.js';
import { printable } from '../input/printable.js';
import type { UnconfirmedReason } from '../policy/outcome.js';
import { percentOf } from '../policy/slots.js';
import type { SpareReason } from '../policy/spared.js';
import type { InstanceReport } from './instance-report.js';

/** What the report is about besides the instances. */
export interface ReportSubject {
  readonly database: string;
  readonly action: string;
  readonly mode: string;
  readonly dryRun: boolean;
  readonly errors: readonly string[];
}

const BAR_WIDTH = 24;
const MOST_APPLICATIONS = 12;

/** The answer as a tired person reads it: who holds the slots, what was done, what to do next. */
export function reportText(subject: ReportSubject, instances: readonly InstanceReport[]): string {
  const { database, action, mode, dryRun, errors } = subject;
  const manner = dryRun ? `${action}, nothing is changed` : action;
  return [
    `Connection Reaper · ${database} · ${manner} · mode ${mode}`,
    ...instances.flatMap((instance) => ['', ...instanceLines(instance)]),
    ...(errors.length === 0 ? [] : ['', 'FAILED', ...errors.map((error) => `  ${error}`)]),
    '',
    'Next',
    ...nextSteps(instances, errors),
  ]
    .map(printable)
    .join('\n');
}

function instanceLines(instance: InstanceReport): readonly string[] {
  const { name, server } = instance;
  if (server === null) return [`${name} · could not be read`];
  const { version, usedSlots, usableSlots, maxConnections } = server;
  const percent = Math.round(percentOf(usedSlots, usableSlots));
  const full = usedSlots >= usableSlots ? ' · FULL' : '';
  return [
    `${name} · PostgreSQL ${version} · ${usedSlots} of ${usableSlots} usable slots taken (${percent} %)${full} · max_connections ${maxConnections}`,
    '',
    ...applicationTable(instance, usableSlots),
    '',
    ...doneLines(instance),
  ];
}

function applicationTable({ applications }: InstanceReport, usableSlots: number): readonly string[] {
  if (applications.length === 0) return ['  no connections but our own'];
  const shown = applications.slice(0, MOST_APPLICATIONS);
  const scale = Math.max(usableSlots, ...shown.map(({ connections }) => connections));
  const nameWidth = Math.max('application'.length, ...shown.map(({ name }) => name.length));
  const row = (name: string, connections: string, bar: string, rest: readonly string[]) =>
    `  ${name.padEnd(nameWidth)}  ${connections.padStart(11)}  ${bar.padEnd(BAR_WIDTH)}${rest.map((cell) => cell.padStart(12)).join('')}`;
  return [
    row('application', 'connections', 'share of the slots', ['idle', 'oldest', 'terminated']),
    ...shown.map(({ name, connections, idle, oldestIdleSeconds, terminated }) =>
      row(name, `${connections}`, '█'.repeat(Math.max(1, Math.round((connections / scale) * BAR_WIDTH))), [
        `${idle}`,
        oldestIdleSeconds === null ? '-' : formatDuration(oldestIdleSeconds),
        `${terminated}`,
      ]),
    ),
    ...(applications.length > shown.length ? [`  and ${applications.length - shown.length} more`] : []),
  ];
}

const OUTCOME_WORDS = {
  terminated: 'terminated, verified gone',
  reapable: 'would be terminated',
  vanished: 'in use again or closed by themselves',
  refused: 'refused by the server',
} as const;

const UNCONFIRMED_WORDS: Readonly<Record<UnconfirmedReason, string>> = {
  still_there: 'signalled and still there',
  not_verified: 'signalled, not verified',
  maybe_signalled: 'may have been signalled',
};

const SPARED_WORDS: Readonly<Record<SpareReason, string>> = {
  active: 'active',
  out_of_time: 'not reached in time',
  stopped: 'not reached because of an error',
  below_idle_timeout: 'not idle long enough',
  starting: 'logging in',
  unknown_role: 'of dropped roles',
  state_unknown: 'in an unknown state',
  unreadable: 'hidden from this login',
  in_transaction: 'idle in a transaction',
  advisory_lock: 'holding an advisory lock',
  temporary_table: 'with temporary tables',
  replication_slot: 'with a temporary replication slot',
  listen: 'listening',
  hold_cursor: 'with a cursor WITH HOLD',
  base_backup: 'running a base backup',
  opened_by_server: 'opened by a server (postgres_fdw, dblink)',
  rule: 'by a rule',
  keep: 'kept for their application',
  max_terminations: 'over the cap of this run',
  another_run: 'left to another run',
  superuser: 'of superusers',
  provider_role: 'of the provider',
  reaper: 'of the reaper',
  not_selected: 'not asked for',
};

function doneLines({ outcomes, spared, roleLimits }: InstanceReport): readonly string[] {
  const counts = [
    ...Object.entries(OUTCOME_WORDS).map(
      ([name, words]) => [outcomes.filter(({ outcome }) => outcome === name).length, words] as const,
    ),
    ...Object.entries(UNCONFIRMED_WORDS).map(
      ([name, words]) =>
        [outcomes.filter(({ outcome, reason }) => outcome === 'unconfirmed' && reason === name).length, words] as const,
    ),
  ].flatMap(([count, words]) => (count === 0 ? [] : [`${count} ${words}`]));
  const left = (Object.entries(spared) as [SpareReason, number][]).map(
    ([reason, count]) => `${count} ${SPARED_WORDS[reason]}`,
  );
  return [
    line('result', counts, 'none'),
    line('spared', left, 'none'),
    ...roleLimits.map(({ role, from, to, outcome }) =>
      line('limit', [`${role}: ${from ?? 'none'} -> ${to} (${outcome.replaceAll('_', ' ')})`], ''),
    ),
  ];
}

function line(label: string, parts: readonly string[], none: string): string {
  return `  ${label.padEnd(8)}${parts.length === 0 ? none : parts.join(' · ')}`;
}

function nextSteps(instances: readonly InstanceReport[], errors: readonly string[]): readonly string[] {
  const steps = instances.flatMap(({ findings }) => findings).flatMap(step);
  if (steps.length > 0) return steps;
  return [errors.length === 0 ? '  nothing to do' : '  fix the failures listed above'];
}

function step({ severity, evidence, remedy }: Finding, index: number): readonly string[] {
  return [`  ${index + 1}. [${severity}] ${evidence}`, `     -> ${remedy}`];
}
