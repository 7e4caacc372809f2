import { STATISTICS } from './metric-stat.js';
import type { Datapoints } from './observation.js';

/** What an expression can be worth: a scalar, a time series, or an array of them. */
export type Value =
  | number
  | { readonly datapoints: Datapoints }
  | { readonly members: readonly { readonly datapoints: Datapoints }[] };

const truth = (condition: boolean) => (condition ? 1 : 0);

/**
 * The operators between scalars, and between the datapoints of one timestamp.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#metric-math-syntax-arithmetic
 */
const OPERATORS = {
  '+': (left: number, right: number) => left + right,
  '-': (left: number, right: number) => left - right,
  '*': (left: number, right: number) => left * right,
  // "If the value of a data point causes a function to attempt to divide by zero, the data point is dropped."
  '/': (left: number, right: number) => (right === 0 ? undefined : left / right),
  '==': (left: number, right: number) => truth(left === right),
  '!=': (left: number, right: number) => truth(left !== right),
  '<=': (left: number, right: number) => truth(left <= right),
  '>=': (left: number, right: number) => truth(left >= right),
  '<': (left: number, right: number) => truth(left < right),
  '>': (left: number, right: number) => truth(left > right),
  AND: (left: number, right: number) => truth(left !== 0 && right !== 0),
  OR: (left: number, right: number) => truth(left !== 0 || right !== 0),
} as const satisfies Record<string, (left: number, right: number) => number | undefined>;

/** An operator that is modelled. */
export type OperatorName = keyof typeof OPERATORS;

/**
 * Applies an operator. "Missing values in a time series are treated as 0": read here as one series that lacks what the
 * other one has. A timestamp that neither has stays missing, also beside a scalar.
 */
export function operate(name: OperatorName, left: Value, right: Value): Value {
  const apply = OPERATORS[name];
  if (typeof left === 'number' && typeof right === 'number') {
    const result = apply(left, right);
    if (result === undefined) throw new Error(`${left} ${name} ${right} divides by zero`);
    return result;
  }
  const [lefts, rights] = [datapointsOf(left, name), datapointsOf(right, name)];
  const length = (lefts ?? rights ?? []).length;
  return {
    datapoints: Array.from({ length }, (_, index) => {
      if (lefts?.[index] === undefined && rights?.[index] === undefined) return undefined;
      return apply(at(left, index) ?? 0, at(right, index) ?? 0);
    }),
  };
}

/** A function of metric math. */
interface MathFunction {
  /** How many arguments it may have. */
  readonly counts: readonly number[];
  /** @param starts when each datapoint's period starts: epoch milliseconds. */
  readonly apply: (values: readonly Value[], starts: readonly number[]) => Value;
}

/**
 * The functions that an alarm of ours may use.
 *
 * `MAX`, `MIN` and `SUM` take an array only. Of one series they make a scalar, and CloudWatch advises against that in
 * alarms: it would change with the length of the evaluation range. That they pass over missing members is not documented.
 *
 * `EPOCH` and `MINUTE` are not sparse: they have a datapoint for every timestamp, whether the metric has one or not.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#metric-math-syntax-functions-list
 */
export const FUNCTIONS: Readonly<Partial<Record<string, MathFunction>>> = {
  ABS: { counts: [1], apply: ([of]) => each('ABS', of, Math.abs) },
  CEIL: { counts: [1], apply: ([of]) => each('CEIL', of, Math.ceil) },
  FLOOR: { counts: [1], apply: ([of]) => each('FLOOR', of, Math.floor) },
  MAX: { counts: [1], apply: ([of]) => across('MAX', of, STATISTICS.Maximum) },
  MIN: { counts: [1], apply: ([of]) => across('MIN', of, STATISTICS.Minimum) },
  SUM: { counts: [1], apply: ([of]) => across('SUM', of, STATISTICS.Sum) },
  FILL: { counts: [2], apply: ([of, filler]) => fill(of, filler) },
  EPOCH: { counts: [1], apply: ([of], starts) => byTimestamp('EPOCH', of, starts, (start) => start / 1000) },
  MINUTE: {
    counts: [1],
    apply: ([of], starts) => byTimestamp('MINUTE', of, starts, (start) => new Date(start).getUTCMinutes()),
  },
  IF: { counts: [2, 3], apply: (values, starts) => choose(values, starts.length) },
};

/** @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#using-IF-expressions */
function choose([condition, whenTrue, whenFalse]: readonly Value[], length: number): Value {
  if (typeof condition === 'number' && typeof whenTrue === 'number') {
    throw new Error('IF takes a time series as its condition or as its first value');
  }
  return {
    datapoints: Array.from({ length }, (_, index) => {
      const decided = at(condition, index);
      if (decided === undefined) return undefined;
      return decided === 0 ? at(whenFalse, index) : (at(whenTrue, index) ?? 0);
    }),
  };
}

function fill(of: Value | undefined, filler: Value | undefined): Value {
  if (typeof filler !== 'number') throw new Error('FILL is modelled with a number only');
  return { datapoints: series('FILL', of).map((datapoint) => datapoint ?? filler) };
}

function each(name: string, of: Value | undefined, apply: (datapoint: number) => number): Value {
  return { datapoints: series(name, of).map((datapoint) => (datapoint === undefined ? undefined : apply(datapoint))) };
}

function across(name: string, of: Value | undefined, apply: (values: readonly number[]) => number): Value {
  if (typeof of !== 'object' || !('members' in of)) {
    throw new Error(`${name} takes an array here, such as ${name}([a, b]): of one time series it is no datapoint`);
  }
  const length = of.members[0]?.datapoints.length ?? 0;
  return {
    datapoints: Array.from({ length }, (_, index) => {
      const values = of.members.flatMap(({ datapoints }) => datapoints[index] ?? []);
      return values.length === 0 ? undefined : apply(values);
    }),
  };
}

function byTimestamp(
  name: string,
  of: Value | undefined,
  starts: readonly number[],
  apply: (start: number) => number,
): Value {
  series(name, of);
  return { datapoints: starts.map(apply) };
}

function series(name: string, value: Value | undefined): Datapoints {
  const datapoints = datapointsOf(value, name);
  if (datapoints === undefined) throw new Error(`${name} takes a time series`);
  return datapoints;
}

function datapointsOf(value: Value | undefined, name: string): Datapoints | undefined {
  if (value === undefined || typeof value === 'number') return undefined;
  if ('members' in value) throw new Error(`${name} of an array is not modelled`);
  return value.datapoints;
}

function at(value: Value | undefined, index: number): number | undefined {
  return typeof value === 'number' ? value : value && datapointsOf(value, 'IF')?.[index];
}
