import { describe, expect, test } from 'vitest';
import { type AlarmState, alarmState, type Judgement } from '../support/cloudwatch/alarm-state.js';

const KEPT = 'Retain current state';

type Row = readonly [range: string, ...states: (AlarmState | typeof KEPT)[]];

/**
 * The tables of CloudWatch's documentation, row by row: the evaluation range of 5 datapoints with the most recent one on
 * the right (`0` does not breach, `X` does, `-` is missing), and the state for each treatment of missing data that our
 * alarms use.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 */
const TABLES: readonly { readonly datapointsToAlarm: number; readonly rows: readonly Row[] }[] = [
  {
    datapointsToAlarm: 3,
    rows: [
      ['0 - X - X', 'OK', 'OK', 'OK'],
      ['0 - - - -', 'OK', 'OK', 'OK'],
      ['- - - - -', KEPT, 'ALARM', 'OK'],
      ['0 X X - X', 'ALARM', 'ALARM', 'ALARM'],
      ['- - X - -', KEPT, 'ALARM', 'OK'],
    ],
  },
  {
    datapointsToAlarm: 2,
    rows: [
      ['0 - X - X', 'ALARM', 'ALARM', 'ALARM'],
      ['0 0 X 0 X', 'ALARM', 'ALARM', 'ALARM'],
      ['0 - X - -', 'OK', 'ALARM', 'OK'],
      ['- - - - 0', 'OK', 'ALARM', 'OK'],
      ['- - - X -', KEPT, 'ALARM', 'OK'],
    ],
  },
];

/** In the order of the columns above. */
const TREATMENTS = ['ignore', 'breaching', 'notBreaching'] as const;

const STATES = ['OK', 'ALARM', 'INSUFFICIENT_DATA'] as const;

function stateOf(row: string, judgement: Partial<Judgement>, current: AlarmState = 'OK'): AlarmState {
  const datapoints = row.split(' ').map((sign) => ({ '0': 0, X: 1, '-': undefined })[sign]);
  const isBreaching = (datapoint: number) => datapoint > 0;
  return alarmState(
    datapoints,
    { isBreaching, evaluationPeriods: 3, datapointsToAlarm: 3, treatMissingData: 'notBreaching', ...judgement },
    current,
  );
}

describe.each(TABLES)('the documented table of $datapointsToAlarm of 3 datapoints', ({ datapointsToAlarm, rows }) => {
  test.each(rows)('%s', (row, ...wanted) => {
    for (const [column, treatMissingData] of TREATMENTS.entries()) {
      for (const current of STATES) {
        const want = wanted[column] === KEPT ? current : wanted[column];
        expect(stateOf(row, { datapointsToAlarm, treatMissingData }, current), `${treatMissingData}, ${current}`).toBe(
          want,
        );
      }
    }
  });
});

test('a range without gaps is judged by its latest datapoints alone', () => {
  expect(stateOf('X X X 0 X', {})).toBe('OK');
  expect(stateOf('0 0 X X X', {})).toBe('ALARM');
});
