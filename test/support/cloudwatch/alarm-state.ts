import type { Datapoints } from '../../../demo/cloudwatch/observation.js';

/** The state of an alarm, or of one contributor to it. */
export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

/** What an alarm makes of missing datapoints. */
export const MISSING_DATA_TREATMENTS = ['breaching', 'notBreaching', 'ignore', 'missing'] as const;

/** How an alarm judges datapoints. */
export interface Judgement {
  readonly isBreaching: (datapoint: number) => boolean;
  /** N: how many datapoints count. */
  readonly evaluationPeriods: number;
  /** M: how many of them must breach. */
  readonly datapointsToAlarm: number;
  readonly treatMissingData: (typeof MISSING_DATA_TREATMENTS)[number];
}

/** How a new alarm waits before it is evaluated. */
export interface WarmUp {
  readonly minutes: number;
  /** Whether it waits though there is data enough. */
  readonly toTheEnd: boolean;
}

/**
 * Whether a warm-up is over: with its time, or "as soon as enough data fills its evaluation window", which is taken to mean
 * that no period of the latest N is missing.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-warm-up.html
 */
export function isWarm(
  range: Datapoints,
  minutesOld: number,
  { minutes, toTheEnd }: WarmUp,
  { evaluationPeriods }: Judgement,
): boolean {
  if (minutesOld > minutes) return true;
  return !toTheEnd && range.slice(-evaluationPeriods).every((datapoint) => datapoint !== undefined);
}

/**
 * The evaluation range reaches further back than the evaluation periods, "in case some of the most recent datapoints are
 * missing". CloudWatch does not tell how far; in its one example, 3 periods, it is 2 more. So it is here for any number.
 */
export const EXTRA_DATAPOINTS = 2;

/**
 * The state that follows from the datapoints of the evaluation range, the most recent one last.
 *
 * With N real datapoints the latest N decide, and missing ones don't matter. With fewer, all of them count, and only as
 * many missing ones are filled in as N lacks. Where the documentation is open or at odds with itself:
 *
 * - The rule against premature alarms ("all other more recent datapoints are breaching or missing") holds here only while
 *   *every* real datapoint breaches. By its words, `0 - X - -` of 2 of 3 would be ALARM; the table says OK.
 * - A breaching datapoint is old enough from M periods on, anywhere in the range. One paragraph says so, another one looks
 *   only at the evaluation periods; by that one an alarm would flap once more when its metric stops.
 * - Too few and too young breaching datapoints alone (`- - - - X`) are "not immediately" ALARM. They are OK here, and with
 *   `ignore` the state stays, as it does where the premature alarm would be.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 */
export function alarmState(range: Datapoints, judgement: Judgement, current: AlarmState): AlarmState {
  const { isBreaching, evaluationPeriods, datapointsToAlarm, treatMissingData } = judgement;
  const real = range.filter((datapoint) => datapoint !== undefined);
  const evaluated = real.slice(-evaluationPeriods);
  const breaching = evaluated.filter(isBreaching).length;
  const filled = evaluationPeriods - evaluated.length;
  if (breaching + (treatMissingData === 'breaching' ? filled : 0) >= datapointsToAlarm) return 'ALARM';
  if (filled === 0 || treatMissingData === 'breaching' || treatMissingData === 'notBreaching') return 'OK';
  if (breaching < evaluated.length) return 'OK';
  if (treatMissingData === 'ignore') return current;
  if (evaluated.length === 0) return 'INSUFFICIENT_DATA';
  const age = range.length - range.findIndex((datapoint) => datapoint !== undefined);
  return age >= datapointsToAlarm ? 'ALARM' : 'OK';
}
