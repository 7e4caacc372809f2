import type { Datapoints } from '../../../demo/cloudwatch/observation.js';

/** The state of an alarm, or of one contributor: an application or role with a state of its own. */
export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

/** How an alarm judges datapoints. */
export interface Judgement {
  readonly isBreaching: (datapoint: number) => boolean;
  /** N: how many datapoints count. */
  readonly evaluationPeriods: number;
  /** M: how many of them must breach. */
  readonly datapointsToAlarm: number;
  readonly treatMissingData: 'breaching' | 'notBreaching' | 'ignore';
}

/**
 * The evaluation range reaches further back than the evaluation periods, "in case some of the most recent datapoints are
 * missing". CloudWatch does not document how far. Its one example, of 3 periods, has 2 more, and so has any number here.
 */
export const EXTRA_DATAPOINTS = 2;

/**
 * The state that follows from the datapoints of the evaluation range, the most recent one last.
 *
 * With N real datapoints the latest N decide. With fewer, all of them count, and only as many missing ones are filled in
 * as there are fewer than N. With `ignore` the state stays while every real datapoint breaches and they are too few: that
 * is where the documentation would raise a premature alarm.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 */
export function alarmState(range: Datapoints, judgement: Judgement, current: AlarmState): AlarmState {
  const { isBreaching, evaluationPeriods, datapointsToAlarm, treatMissingData } = judgement;
  const real = range.filter((datapoint) => datapoint !== undefined).slice(-evaluationPeriods);
  const breaching = real.filter(isBreaching).length;
  const filled = evaluationPeriods - real.length;
  if (breaching + (treatMissingData === 'breaching' ? filled : 0) >= datapointsToAlarm) return 'ALARM';
  return treatMissingData === 'ignore' && filled > 0 && breaching === real.length ? current : 'OK';
}
