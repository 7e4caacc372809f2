/** Compares what was found with what was expected, and says it as a matrix and a list of misses. */
import type { Played } from './play.js';
import type { Found } from './report.js';
import { expectedOf, isLeak, type Service } from './scenario.js';

/** What is wrong with the verdict about one service. */
export type Fault =
  | 'leak missed'
  | 'statement missed'
  | 'healthy service accused'
  | 'healthy service unclear'
  | 'other verdict';

/** A service that was expected, or that nobody expected, with what the report says about it. */
export interface Row {
  readonly scenario: string;
  readonly service: string;
  readonly expected: string;
  /** `none` where the report does not name it. */
  readonly found: string;
  readonly fault: Fault | null;
}

/** Healthy services for which the report may not decide. */
const MOST_UNCLEAR = 2;

/** Judges what was found about every service of a scenario. */
export function judge({ scenario, found }: Played): Row[] {
  const rest = new Set(found);
  const rows: Row[] = [];
  for (const service of withNames(scenario.services)) {
    const named = found.filter(({ service: name }) => isNamed(service, name));
    for (const one of named) rest.delete(one);
    const [expected] = expectedOf(service);
    const row = { scenario: scenario.name, service: `${service.service}`, expected };
    if (named.length === 0)
      rows.push({ ...row, found: 'none', fault: isLeak(expected) ? 'leak missed' : 'other verdict' });
    for (const one of named) rows.push({ ...row, found: one.verdict, fault: faultOf(service, one) });
  }
  for (const { service, verdict } of rest) {
    if (!isLeak(verdict)) continue;
    rows.push({ scenario: scenario.name, service, expected: 'none', found: verdict, fault: 'healthy service accused' });
  }
  return rows;
}

/** Processes of several kinds may be one service in the report. What is expected of the first is expected of it. */
function withNames(services: readonly Service[]): Service[] {
  return [...new Map(services.toReversed().map((service) => [`${service.service}`, service])).values()].toReversed();
}

function isNamed({ service }: Service, name: string): boolean {
  return typeof service === 'string' ? service === name : service.test(name);
}

function faultOf(service: Service, { verdict, statement }: Found): Fault | null {
  const expected = expectedOf(service);
  const [first] = expected;
  if ((expected as readonly string[]).includes(verdict)) {
    // After a commit nobody can see what was committed.
    const isHidden = service.mode === 'leak-after-commit';
    const names = isHidden || (statement?.text.includes(service.table ?? 'carts') ?? false);
    return isLeak(first) && !names ? 'statement missed' : null;
  }
  if (isLeak(first)) return 'leak missed';
  if (isLeak(verdict)) return 'healthy service accused';
  return verdict === 'unclear' ? 'healthy service unclear' : 'other verdict';
}

/** May these rows pass? Two services may be unclear; everything else must be as expected. */
export function passes(rows: readonly Row[]): boolean {
  const unclear = rows.filter(({ fault }) => fault === 'healthy service unclear');
  return (
    rows.every(({ fault }) => fault === null || fault === 'healthy service unclear') && unclear.length <= MOST_UNCLEAR
  );
}

/** How often each verdict was found where each was expected, as a table in Markdown. */
export function confusionMatrix(rows: readonly Row[]): string {
  const expected = distinct(rows.map((row) => row.expected));
  const found = distinct([...expected, ...rows.map((row) => row.found)]);
  const count = (of: string, as: string) => rows.filter((row) => row.expected === of && row.found === as).length;
  return [
    `| expected \\ found | ${found.join(' | ')} |`,
    `|---|${found.map(() => '---:|').join('')}`,
    ...expected.map((of) => `| ${of} | ${found.map((as) => count(of, as) || '').join(' | ')} |`),
  ].join('\n');
}

/** A line for each service about which the report is wrong. */
export function misses(rows: readonly Row[]): string[] {
  return rows
    .filter(({ fault }) => fault !== null)
    .map(
      ({ scenario, service, expected, found, fault }) => `${fault}: ${scenario}: ${service}: ${expected}, got ${found}`,
    );
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}
