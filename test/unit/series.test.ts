import { describe, expect, it } from 'vitest';
import { historyOf } from '../../lambda/aws/series-history.js';
import {
  admit,
  type Candidate,
  newMemory,
  SETTLING_MS,
  type SeriesState,
  unknownSeries,
  withHistory,
} from '../../lambda/report/series.js';

const MINUTE = 60_000;

/** A whole hour, at which there is a mark. */
const START = Date.UTC(2026, 0, 5, 10);

const NOBODY: ReadonlySet<string> = new Set();

const known = newMemory(START).applications;

/** Names of which the first holds the most. */
function candidates(...names: readonly string[]): Candidate[] {
  return names.map((name, index) => ({ name, percent: 90 - index }));
}

const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

/** Who is admitted minute by minute. */
function admittedOver(state: SeriesState, minutes: readonly (readonly string[])[], places = 20): string[][] {
  let before = state;
  return minutes.map((names, minute) => {
    const { admitted, state: after } = admit(
      before,
      candidates(...names),
      { places, declared: NOBODY },
      START + minute * MINUTE,
    );
    before = after;
    return [...admitted];
  });
}

describe('the places', () => {
  it('go to the fullest first, and stay with who has one, however full another gets', () => {
    expect(
      admittedOver(
        known,
        [
          ['a', 'b', 'c'],
          ['c', 'b', 'a'],
          ['d', 'c', 'b', 'a'],
        ],
        2,
      ),
    ).toEqual([
      ['a', 'b'],
      ['b', 'a'],
      ['b', 'a'],
    ]);
  });

  it('are free once an application is gone, and an application that returns within the hour is not new', () => {
    const spent = numbered('x', 20);
    const [first, second, third] = admittedOver(known, [spent, spent.slice(1), ['new', ...spent]]);
    expect(first).toHaveLength(20);
    expect(second).toHaveLength(19);
    expect(new Set(third)).toEqual(new Set(spent));
  });

  it('go to declared names first, which do not count as new', () => {
    const { state } = admit(known, candidates(...numbered('x', 20)), { places: 20, declared: NOBODY }, START);
    const declared = new Set(['d1', 'd2']);
    const { admitted } = admit(
      state,
      candidates(...numbered('x', 20), 'new', 'd1', 'd2'),
      { places: 20, declared },
      START + MINUTE,
    );
    expect([...admitted]).toEqual(['d1', 'd2', ...numbered('x', 18)]);
  });
});

describe('new names', () => {
  it('are at most twenty in any hour, however many places there are', () => {
    const minutes = Array.from({ length: 180 }, (_, minute) => numbered(`m${minute}`, 30));
    const admitted = admittedOver(known, minutes, 100);
    const newest = admitted.map((names, minute) => names.filter((name) => name.startsWith(`m${minute}-`)).length);
    for (let minute = 60; minute <= 180; minute += 1) {
      expect(newest.slice(minute - 60, minute).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(20);
    }
    expect(newest.reduce((sum, count) => sum + count, 0)).toBe(60);
  });

  it('come in one at each mark of the clock, where nobody knows what was before', () => {
    const minutes = Array.from({ length: 10 }, () => numbered('x', 5));
    expect(admittedOver(unknownSeries(START + 2 * MINUTE), minutes).map((names) => names.length)).toEqual([
      0, 0, 0, 1, 1, 1, 2, 2, 2, 3,
    ]);
  });

  it('are twenty an hour there too, from then on', () => {
    const minutes = Array.from({ length: 180 }, (_, minute) => numbered(`m${minute}`, 30));
    expect(new Set(admittedOver(unknownSeries(START), minutes).flat()).size).toBe(59);
  });

  it('are none for two functions that start between the same marks', () => {
    const starts = [0, 1, 2].map((minute) => unknownSeries(START + minute * MINUTE));
    for (const state of starts) {
      expect(admit(state, candidates('a'), { places: 20, declared: NOBODY }, START + 2 * MINUTE).admitted.size).toBe(0);
    }
  });
});

describe('what CloudWatch knows', () => {
  const allowance = { places: 20, declared: NOBODY };
  const history = (names: readonly string[], minutesAgo: number, complete = true) => ({
    names: new Map(names.map((name) => [name, { since: START - minutesAgo * MINUTE, seen: START }])),
    complete,
  });
  const fresh = candidates(...numbered('fresh', 30));
  const recalled = (...of: Parameters<typeof history>) => withHistory(unknownSeries(START), history(...of), START);

  it('is admitted at once, and counts as new for the hour in which it was', () => {
    const old = numbered('old', 15);
    const all = [...candidates(...old), ...fresh];
    expect(admit(recalled(old, 10), all, allowance, START).admitted.size).toBe(20);
    expect(admit(recalled(old, 10), fresh, allowance, START).admitted.size).toBe(5);
    expect(admit(recalled(old, 90), fresh, allowance, START).admitted.size).toBe(20);
  });

  it('is no help for new names where it is not all', () => {
    const { admitted } = admit(recalled(['old'], 90, false), [...fresh, ...candidates('old')], allowance, START);
    expect([...admitted]).toEqual(['old']);
  });

  it('may miss the last names of another function, so new ones come one a run until it was asked again', () => {
    const state = withHistory(unknownSeries(START), history(['old'], 90), START + SETTLING_MS);
    const first = admit(state, fresh, allowance, START);
    expect(first.admitted.size).toBe(1);
    const seenLater = history(numbered('unseen', 18), 1);
    const second = admit(withHistory(first.state, seenLater, START), fresh, allowance, START + SETTLING_MS);
    expect(second.admitted.size).toBe(2);
  });

  it('is nothing before the first deployment, so that all is settled', () => {
    const state = withHistory(unknownSeries(START), history([], 0), START + SETTLING_MS);
    expect(admit(state, fresh, allowance, START).admitted.size).toBe(20);
  });
});

describe('the answer of CloudWatch', () => {
  const at = (minute: number) => new Date(START + minute * MINUTE);
  const now = START + 120 * MINUTE;
  const result = (Label: string, minutes: readonly number[], StatusCode: 'Complete' | 'PartialData' = 'Complete') => ({
    Id: 'names',
    Label,
    StatusCode,
    Timestamps: minutes.map(at),
    Values: minutes.map(() => 1),
  });

  it('tells since when a name is there, at the end of its period: after an hour away it is new', () => {
    const { names, complete } = historyOf([result('a', [115, 60, 5]), result('b', [110, 20]), result('c', [118])], now);
    expect(complete).toBe(true);
    expect(Object.fromEntries(names)).toEqual({
      a: { since: +at(10), seen: now },
      b: { since: +at(115), seen: +at(115) },
      c: { since: now, seen: now },
    });
  });

  it('is complete once each series is, also over pages', () => {
    expect(historyOf([result('a', [5], 'PartialData'), result('a', [60])], now)).toMatchObject({ complete: true });
    expect(historyOf([result('a', [5], 'PartialData')], now)).toMatchObject({ complete: false });
    expect(historyOf([], now)).toMatchObject({ complete: true });
  });

  it('is cut off at 500 series, of which CloudWatch says nothing', () => {
    const of = (count: number) => numbered('x', count).map((name) => result(name, [5]));
    expect(historyOf(of(499), now)).toMatchObject({ complete: true });
    expect(historyOf(of(500), now)).toMatchObject({ complete: false });
  });
});
