import { RUN_LIMITS } from '../../lambda/contract/limits.js';
import type { CostChange } from './changes.js';
import type { CostItem } from './cost.js';
import { PRICE_LIST, PRICES } from './prices.js';
import type { CostReport } from './report.js';

/** A report in one line, for synth. */
export function costLine({ database, usd, assumptions, hasSchedule, notPriced }: CostReport): string {
  const assumed = hasSchedule ? `with ${counted(assumptions.applications, 'application')}` : 'while nothing sweeps';
  const missing = notPriced.length === 0 ? '' : ` and ${counted(notPriced.length, 'resource')} of unknown price`;
  return `${database}: about ${Math.round(usd)} USD a month ${assumed}${missing} (npm run cost says more)`;
}

/** A report as people read it: the bill, what would change it, and what was assumed. */
export function costText(report: CostReport): string {
  const { database, usd, items, changes } = report;
  return [
    `${database}: ${cents(usd)} USD a month`,
    '',
    ...table(
      ['left', 'right', 'left', 'right'],
      [
        ['item', 'quantity', 'unit price', 'USD'],
        ...items.map(itemCells),
        ['together', '', '', cents(usd)],
        ...(report.hasSchedule ? [['at most', '', '', cents(report.atMost.usd)]] : []),
        ...report.notPriced.map(({ id, type }) => [`not priced: ${type}, ${id}`, '', '', '?']),
      ],
    ),
    '',
    'What changes it most, in USD a month:',
    '',
    ...table(['right', 'left'], changes.filter(isSeen).map(changeCells)),
    '',
    ...assumed(report),
  ].join('\n');
}

/** What the prices are, and are not. */
export const PRICES_NOTE =
  `Prices of ${PRICE_LIST.region} in ${PRICE_LIST.date}; other regions differ. No free tier is taken off: an account has\n` +
  '10 metrics, 10 alarms and 3 dashboards a month free, but not for each of its databases.';

function assumed({ assumptions, atMost, hasSchedule }: CostReport): readonly string[] {
  if (!hasSchedule) return ['There is no schedule, so no sweeps are counted, and no metrics: those cost by the hour.'];
  const roles = (count: number) => `${counted(count, 'role')} with limits that are not declared`;
  return [
    'Assumed:',
    `  ${counted(assumptions.applications, 'application')} on each instance at a time (--applications), ${roles(assumptions.otherRoles)}`,
    `  ${assumptions.sweepSeconds} s a sweep, ${counted(assumptions.secretReadsPerHour, 'read')} of the secret an hour, ${assumptions.historyReadsPerHour} of the names in CloudWatch`,
    `  ${number(assumptions.logBytesPerSweep)} bytes of log a sweep, and ${assumptions.logBytesPerInstance} for each instance`,
    'At most:',
    `  ${counted(atMost.assumptions.applications - 1, 'application')} and (other) on each instance, ${roles(atMost.assumptions.otherRoles - 1)} and (other)`,
    `  names that change: each counts for the hours in which it is published, and ${RUN_LIMITS.newNamesPerHour} an hour are new`,
  ];
}

function itemCells({ item, quantity, price, usd }: CostItem): readonly string[] {
  const { usd: unitUsd, per, unit } = PRICES[price];
  const unitPrice = unitUsd < 0.01 ? String(unitUsd) : unitUsd.toFixed(2);
  const each = per === 1 ? unit : `${number(per)} ${unit}s`;
  return [item, number(quantity), `${unitPrice} per ${each}`, cents(usd)];
}

/** Whether it is half a cent at least. */
function isSeen({ usd }: CostChange): boolean {
  return Math.abs(usd) >= 0.005;
}

function changeCells({ change, usd }: CostChange): readonly string[] {
  return [`${usd > 0 ? '+' : '-'}${cents(Math.abs(usd))}`, change];
}

function number(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 2 });
}

function cents(usd: number): string {
  return usd > 0 && usd < 0.005 ? '< 0.01' : usd.toFixed(2);
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function table(align: readonly ('left' | 'right')[], rows: readonly (readonly string[])[]): readonly string[] {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const pad = { left: 'padEnd', right: 'padStart' } as const;
  return rows.map((row) =>
    `  ${align.map((side, column) => (row[column] ?? '')[pad[side]](width(column))).join('  ')}`.trimEnd(),
  );
}
