import { STATISTICS } from '../../../demo/cloudwatch/metric-stat.js';
import { MISSING_DATA_TREATMENTS } from '../../support/cloudwatch/alarm-state.js';
import { COMPARISONS } from '../../support/cloudwatch/metric-alarm.js';

/** An alarm with one thing wrong. */
export interface Mutant {
  /** Where and what: `Dimensions.0.Value: orders -> ordersX`. */
  readonly change: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** One fault that a value may have. */
interface Fault {
  readonly change: string;
  readonly value: unknown;
}

type Faults = (value: unknown) => readonly Fault[];

const changes =
  (others: (value: unknown) => readonly unknown[]): Faults =>
  (value) =>
    others(value).map((other) => ({ change: `${value} -> ${other}`, value: other }));
const otherThan = (values: readonly unknown[]) => (value: unknown) => values.filter((other) => other !== value);
const another = (value: unknown) => [`${value}X`];
const oneOff = (value: unknown) => [Number(value) + 1, Number(value) - 1];

/** What may be wrong with a property, by its name. */
const FAULTS: Readonly<Record<string, Faults>> = {
  Namespace: changes(another),
  MetricName: changes(another),
  Name: changes(another),
  Value: changes(another),
  Statistic: changes(otherThan(Object.keys(STATISTICS))),
  Stat: changes(otherThan(Object.keys(STATISTICS))),
  Threshold: changes(oneOff),
  ComparisonOperator: changes(otherThan(Object.keys(COMPARISONS))),
  EvaluationPeriods: changes(oneOff),
  DatapointsToAlarm: changes(oneOff),
  WarmUpPeriodDurationInMinutes: changes(oneOff),
  TreatMissingData: changes(otherThan(MISSING_DATA_TREATMENTS)),
  Expression: (value) => expressionFaults(String(value)),
  AlarmRule: (value) => ruleFaults(String(value)),
};

/** Every way in which an alarm of a template may be wrong in one thing. */
export function mutantsOf(properties: Readonly<Record<string, unknown>>): readonly Mutant[] {
  return [...faulty(properties), ...otherPeriods(properties)].map(({ change, value }) => ({
    change,
    properties: value as Mutant['properties'],
  }));
}

/** A value with one thing wrong somewhere within. */
function faulty(value: unknown, path: readonly string[] = []): readonly Fault[] {
  if (Array.isArray(value)) {
    const items = value.flatMap((item, index) =>
      faulty(item, [...path, String(index)]).map((one) => ({ ...one, value: value.with(index, one.value) })),
    );
    return path.at(-1) === 'Dimensions' ? [...items, ...withoutOne(value, path)] : items;
  }
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([key, member]) =>
      faulty(member, [...path, key]).map((one) => ({ ...one, value: { ...value, [key]: one.value } })),
    );
  }
  const faults = FAULTS[path.at(-1) ?? '']?.(value) ?? [];
  return faults.map((fault) => ({ ...fault, change: `${path.join('.')}: ${fault.change}` }));
}

function withoutOne(dimensions: readonly unknown[], path: readonly string[]): readonly Fault[] {
  return dimensions.map((_, index) => ({
    change: `${[...path, index].join('.')} is missing`,
    value: dimensions.toSpliced(index, 1),
  }));
}

/** All periods at once, since those of one alarm must be the same. */
function otherPeriods(properties: Readonly<Record<string, unknown>>): readonly Fault[] {
  const json = JSON.stringify(properties);
  const [, seconds] = /"Period":(\d+)/.exec(json) ?? [];
  if (seconds === undefined) return [];
  return [Number(seconds) * 5, 60]
    .filter((other) => other !== Number(seconds))
    .map((other) => ({
      change: `Period: ${seconds} -> ${other}`,
      value: JSON.parse(json.replaceAll(/"Period":\d+/g, `"Period":${other}`)),
    }));
}

/** Names and values that are others, conditions that are missing, and other functions, signs and numbers. */
function expressionFaults(expression: string): readonly Fault[] {
  const names = [...new Set(expression.match(/"\w+"/g))];
  return [
    // A name everywhere at once, since a label that SCHEMA does not have is refused.
    ...names.map((name) => ({ change: `${name} -> other`, value: expression.replaceAll(name, '"Other"') })),
    ...each(expression, /(?<=GROUP BY )"\w+"/g, otherThan(names)),
    ...each(expression, /(?<=')[^']+(?='(?: |$))/g, another),
    ...each(expression, /(?<=WHERE )"\w+" !?= '[^']*' AND /g, () => ['']),
    ...each(expression, / (?:AND|WHERE) "\w+" !?= '[^']*'(?! AND)/g, () => ['']),
    ...each(expression, /(?<=SELECT )[A-Z]+/g, otherThan(['AVG', 'COUNT', 'MAX', 'MIN', 'SUM'])),
    ...each(expression, /(?<= )[-+*/](?= )/g, otherThan(['+', '-'])),
    ...each(expression, /(?<= )[<>]=?(?= )/g, otherThan(['<', '<=', '>', '>='])),
    ...each(expression, /(?<=[ (])\d+/g, oneOff),
  ];
}

/** Alarms that are missing, and other states and operators. */
function ruleFaults(rule: string): readonly Fault[] {
  return [
    ...each(rule, /ALARM\("[^"]+"\) OR | OR ALARM\("[^"]+"\)$/g, () => ['']),
    ...each(rule, /ALARM(?=\()/g, () => ['OK', 'INSUFFICIENT_DATA']),
    { change: 'OR -> AND', value: rule.replaceAll(' OR ', ' AND ') },
  ];
}

/** The text with each match of a pattern replaced by each fault, one at a time. */
function each(text: string, pattern: RegExp, faults: (found: string) => readonly unknown[]): readonly Fault[] {
  return [...text.matchAll(pattern)].flatMap(({ 0: found, index }) =>
    faults(found).map((fault) => ({
      change: `${found} -> ${fault}`,
      value: `${text.slice(0, index)}${fault}${text.slice(index + found.length)}`,
    })),
  );
}
