import type { Datapoints } from '../../../demo/cloudwatch/observation.js';

/** What an expression can be worth: a scalar or a time series. */
export type Value = number | { readonly datapoints: Datapoints };

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
  const [lefts, rights] = [datapointsOf(left), datapointsOf(right)];
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
 * The functions that our alarms use.
 *
 * `EPOCH` is not sparse: it has a datapoint for every timestamp, whether the metric has one or not.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html#metric-math-syntax-functions-list
 */
export const FUNCTIONS: Readonly<Partial<Record<string, MathFunction>>> = {
  FLOOR: { counts: [1], apply: ([of]) => floor(of) },
  EPOCH: { counts: [1], apply: ([of], starts) => epoch(of, starts) },
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

function floor(of: Value | undefined): Value {
  return {
    datapoints: series('FLOOR', of).map((datapoint) => (datapoint === undefined ? undefined : Math.floor(datapoint))),
  };
}

function epoch(of: Value | undefined, starts: readonly number[]): Value {
  series('EPOCH', of);
  return { datapoints: starts.map((start) => start / 1000) };
}

function series(name: string, value: Value | undefined): Datapoints {
  const datapoints = datapointsOf(value);
  if (datapoints === undefined) throw new Error(`${name} takes a time series`);
  return datapoints;
}

function datapointsOf(value: Value | undefined): Datapoints | undefined {
  return typeof value === 'number' ? undefined : value?.datapoints;
}

function at(value: Value | undefined, index: number): number | undefined {
  return typeof value === 'number' ? value : value?.datapoints[index];
}
