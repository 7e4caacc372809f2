/** The security review as a reader of README takes it in: few rows, those that belong together next to each other. */
import { groupBy } from '../../../lambda/policy/group-by.js';
import { WHY_ALLOWED } from './reasons.js';
import { type ReviewedRow, securityReview } from './review.js';
import { PARTS, type Row } from './rows.js';

const BOTH = 'the sweep and the bootstrap';

/** Tells once what both functions have, each for itself. */
function forBoth(rows: readonly ReviewedRow[]): readonly ReviewedRow[] {
  const what = (row: ReviewedRow) => JSON.stringify({ ...row, who: '', when: '' });
  const ofWhom = (who: string, when: string) =>
    new Set(rows.filter((row) => row.who === who && row.when === when).map(what));
  const [sweep, bootstrap] = [ofWhom('the sweep', 'always'), ofWhom('the bootstrap', 'with the bootstrap')];
  return rows.flatMap((row) => {
    if (!(sweep.has(what(row)) && bootstrap.has(what(row)))) return [row];
    return row.who === 'the sweep' ? [{ ...row, who: BOTH }] : [];
  });
}

/** Makes one row of those that differ in one column alone. */
function merged(rows: readonly ReviewedRow[], column: 'who' | 'may' | 'on'): readonly ReviewedRow[] {
  const groups = groupBy(rows, (row) => JSON.stringify({ ...row, [column]: '' }));
  return [...groups.values()].flatMap(([first, ...others]) =>
    first === undefined
      ? []
      : [{ ...first, [column]: joined([first, ...others].map((row) => row[column]).toSorted(byWho)) }],
  );
}

/** Actions say their service once, and `never` too. */
function joined([first = '', ...others]: readonly string[]): string {
  const service = /^(?:never )?`\w+:/.exec(first)?.[0];
  if (service === undefined) return [first, ...others].join(' and ');
  return [
    first,
    ...others.map((action) => (action.startsWith(service) ? `\`${action.slice(service.length)}` : action)),
  ].join(', ');
}

const WHO = [
  BOTH,
  'the sweep',
  'the bootstrap',
  'the schedule',
  'the provider',
  'Lambda',
  'EventBridge Scheduler',
  'CloudWatch',
  'everybody',
  'the functions',
  'nobody',
];

/** Leaves all that is nobody's name in its order. */
function byWho(one: string, other: string): number {
  return WHO.indexOf(one) - WHO.indexOf(other);
}

/** By part, by whom, and the same actions next to each other. */
function inOrder(rows: readonly ReviewedRow[]): readonly ReviewedRow[] {
  const actions = Object.keys(WHY_ALLOWED);
  const place = ({ part, who, may }: Row) => [
    PARTS.indexOf(part),
    part === 'things kept' || !WHO.includes(who) ? WHO.length : WHO.indexOf(who),
    actions.findIndex((action) => may.includes(`\`${action}`)),
    may.startsWith('never') ? 1 : 0,
  ];
  return rows.toSorted((one, other) => {
    const [mine, theirs] = [place(one), place(other)];
    return mine.map((value, index) => value - (theirs[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
  });
}

/** The review as a table of Markdown. */
export function securityTable(): string {
  const rows = merged(merged(forBoth(merged(securityReview(), 'may')), 'on'), 'who');
  const lines = inOrder(rows).map(({ who, may, on, only, why, when }) => [
    who,
    may,
    only === '' ? on : `${on}, ${only}`,
    why,
    when,
  ]);
  const head = ['who', 'may', 'on, to, or for how long', 'why', 'when'];
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
