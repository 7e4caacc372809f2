import { describe, expect, test } from 'vitest';
import { type AlarmState, alarmState, type Judgement } from '../support/cloudwatch/alarm-state.js';

const RETAIN = 'Retain current state';

interface Table {
  readonly datapointsToAlarm: number;
  /** The range, and the state by treatment. */
  readonly rows: readonly (readonly [string, ...(AlarmState | typeof RETAIN)[]])[];
}

/**
 * The tables of CloudWatch's own documentation, row by row: the evaluation range of 5 datapoints with the most recent one
 * on the right (`0` does not breach, `X` does, `-` is missing), and the state for each treatment of missing data.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 */
const TABLES: readonly Table[] = [
  {
    datapointsToAlarm: 3,
    rows: [
      ['0 - X - X', 'OK', 'OK', 'OK', 'OK'],
      ['0 - - - -', 'OK', 'OK', 'OK', 'OK'],
      ['- - - - -', 'INSUFFICIENT_DATA', RETAIN, 'ALARM', 'OK'],
      ['0 X X - X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
      ['- - X - -', 'ALARM', RETAIN, 'ALARM', 'OK'],
    ],
  },
  {
    datapointsToAlarm: 2,
    rows: [
      ['0 - X - X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
      ['0 0 X 0 X', 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
      ['0 - X - -', 'OK', 'OK', 'ALARM', 'OK'],
      ['- - - - 0', 'OK', 'OK', 'ALARM', 'OK'],
      ['- - - X -', 'ALARM', RETAIN, 'ALARM', 'OK'],
    ],
  },
];

/** In the order of the tables' columns. */
const TREATMENTS = ['missing', 'ignore', 'breaching', 'notBreaching'] as const;

const STATES = ['OK', 'ALARM', 'INSUFFICIENT_DATA'] as const;

function stateOf(row: string, judgement: Partial<Judgement>, current: AlarmState = 'OK'): AlarmState {
  const datapoints = row.split(' ').map((sign) => ({ '0': 0, X: 1, '-': undefined })[sign]);
  return alarmState(
    datapoints,
    {
      isBreaching: (datapoint) => datapoint > 0,
      evaluationPeriods: 3,
      datapointsToAlarm: 3,
      treatMissingData: 'missing',
      ...judgement,
    },
    current,
  );
}

describe.each(TABLES)('the documented table of $datapointsToAlarm of 3 datapoints', ({ datapointsToAlarm, rows }) => {
  test.each(rows)('%s', (row, ...wanted) => {
    for (const [column, treatMissingData] of TREATMENTS.entries()) {
      for (const current of STATES) {
        const want = wanted[column] === RETAIN ? current : wanted[column];
        expect(stateOf(row, { datapointsToAlarm, treatMissingData }, current), `${treatMissingData}, ${current}`).toBe(
          want,
        );
      }
    }
  });
});

describe('the documented text beside the tables', () => {
  test.each(['- - - - X', '- - - X -'])('%s of 3 of 3 is not immediately an alarm', (row) => {
    expect(stateOf(row, {})).toBe('OK');
  });

  test.each(['- - - X 0', '- - X - 0'])('%s, with a good datapoint after the bad one, is none either', (row) => {
    expect(stateOf(row, {})).toBe('OK');
  });

  test('0 - - - - becomes an alarm with the next missing datapoint, if that is breaching', () => {
    expect(stateOf('0 - - - -', { treatMissingData: 'breaching' })).toBe('OK');
    expect(stateOf('- - - - -', { treatMissingData: 'breaching' })).toBe('ALARM');
  });

  test('a range without gaps is judged by its latest datapoints alone', () => {
    expect(stateOf('X X X 0 X', {})).toBe('OK');
    expect(stateOf('0 0 X X X', {})).toBe('ALARM');
  });

  test('no more missing datapoints are filled in than real ones lack', () => {
    expect(stateOf('0 - X - -', { treatMissingData: 'breaching' })).toBe('OK');
  });
});

describe('where the documentation is open', () => {
  test.each(STATES)('"ignore" keeps %s while breaching datapoints are too few and too young', (current) => {
    expect(stateOf('- - - - X', { treatMissingData: 'ignore' }, current)).toBe(current);
  });

  test('the last breaching datapoint keeps the alarm until it leaves the range', () => {
    const rows = ['X X X - -', 'X X - - -', 'X - - - -', '- - - - -'];
    expect(rows.map((row) => stateOf(row, {}))).toEqual(['ALARM', 'ALARM', 'ALARM', 'INSUFFICIENT_DATA']);
  });
});
