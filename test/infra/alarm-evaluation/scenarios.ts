import type { Minute, Sight } from './published.js';

/** What an alarm does with data. States stand one after the other, each with its number of minutes: `OK 3, ALARM 2`. */
export interface Scenario {
  /** The alarm, without its instance: where each instance has one, it is the writer's. */
  readonly alarm: string;
  /** A sentence about the alarm. */
  readonly name: string;
  readonly data: readonly Minute[];
  readonly states: string;
  /** Applications or roles with a state of their own. No other contributor is ever in ALARM. */
  readonly contributors?: Readonly<Record<string, string>>;
}

const NOTHING: Minute = {};
const sees = (...runs: readonly Sight[]): Minute => ({ runs });
/** Connection slots in use, of 100. Each number is a run of the same minute. */
const used = (...counts: readonly number[]) => sees(...counts.map((checkout) => ({ applications: { checkout } })));
const apps = (applications: Readonly<Record<string, number>>) => sees({ applications });
const roles = (counts: Readonly<Record<string, number>>) => sees({ roles: counts });
const leak = (terminated: Readonly<Record<string, number>>): Minute =>
  sees({ applications: { checkout: 5, billing: 5 }, terminated });
const rds = (connections: number): Minute => ({ connections });
const failures = (count: number): Minute => ({ failures: count });

const NO_LOGIN = sees({ fault: 'no login' });
const FULL = sees({ fault: 'full' });
const HIDDEN = sees({ unreadable: 1 });
const REFUSED = sees({ refused: 1 });

const times = (count: number, minute: Minute) => Array.from({ length: count }, () => minute);
/** One sweep every five minutes, which is the shortest interval with the trigger alarm by default. */
const everyFive = (...minutes: readonly Minute[]) => minutes.flatMap((minute) => [minute, ...times(4, NOTHING)]);

/** Eighty applications: the first twenty have series of their own, the others go into (other). */
const EIGHTY = Object.fromEntries(Array.from({ length: 80 }, (_, index) => [`tenant ${'x'.repeat(index + 1)}`, 1]));

const CONNECTIONS: readonly Scenario[] = [
  {
    alarm: 'DatabaseConnections',
    name: 'is in ALARM while two of three minutes have 50 connections',
    data: [49, 50, 49, 50, 49, 49, 90, 49, 49].map(rds),
    states: 'OK 3, ALARM 1, OK 5',
  },
  {
    alarm: 'DatabaseConnections',
    name: 'returns to OK when the database is stopped',
    data: [rds(40), rds(60), rds(60), ...times(6, NOTHING)],
    states: 'OK 2, ALARM 4, OK 3',
  },
];

const SCHEDULE: readonly Scenario[] = [
  ...CONNECTIONS,
  {
    alarm: 'SlotsNearlyFull',
    name: 'is in ALARM while two of three sweeps see 80 %, by the fullest run of a minute',
    data: [used(79), used(80, 20), used(45, 45), used(80), used(79), used(79), used(95), used(79), used(79)],
    states: 'OK 3, ALARM 1, OK 5',
  },
  {
    alarm: 'SlotsNearlyFull',
    name: 'keeps its state while no sweep gets in',
    data: [used(70), ...times(6, NO_LOGIN), used(80), used(80), ...times(7, NO_LOGIN), used(70), used(70)],
    states: 'OK 8, ALARM 8, OK 2',
  },
  {
    alarm: 'ServerFull',
    name: 'is in ALARM with one full run of a minute, and when the reaper itself is rejected',
    data: [used(99), used(100, 20), used(99), FULL, used(99)],
    states: 'OK 1, ALARM 1, OK 1, ALARM 1, OK 1',
  },
  {
    alarm: 'ServerFull',
    name: 'keeps its state while no sweep gets in',
    data: [used(50), ...times(4, NO_LOGIN), used(100), ...times(5, NO_LOGIN), used(50)],
    states: 'OK 5, ALARM 6, OK 1',
  },
  {
    alarm: 'ApplicationConnectionsHigh',
    name: 'is in ALARM for the application that holds 50 % in two of three sweeps, and for no other',
    data: [49, 50, 10, 50, 10, 10].map((checkout) => apps({ checkout, billing: 49 })),
    states: 'OK 3, ALARM 1, OK 2',
    contributors: {
      checkout: 'OK 3, ALARM 1, OK 2',
      billing: 'OK 6',
    },
  },
  {
    alarm: 'ApplicationConnectionsHigh',
    name: 'takes the instance with the highest share, not the sum',
    data: [30, 30, 60, 60].map((a) => ({ ...apps({ a: 30 }), elsewhere: { applications: { a } } })),
    states: 'OK 3, ALARM 1',
    contributors: {
      a: 'OK 3, ALARM 1',
    },
  },
  {
    alarm: 'ApplicationConnectionsHigh',
    name: 'includes a new application, and drops one that left',
    data: [...times(2, apps({ a: 1 })), ...times(2, apps({ a: 1, b: 60 })), ...times(6, apps({ a: 1 }))],
    states: 'OK 3, ALARM 4, OK 3',
    contributors: {
      a: 'OK 10',
      b: 'no data 2, OK 1, ALARM 4, OK 1, no data 2',
    },
  },
  {
    alarm: 'ApplicationConnectionsHigh',
    name: 'is in ALARM for (other) when one application in it holds half, not when many small ones do',
    data: [...times(3, apps(EIGHTY)), ...times(2, apps({ ...EIGHTY, importer: 50 }))],
    states: 'OK 4, ALARM 1',
    contributors: {
      'tenant x': 'OK 5',
      '(other)': 'OK 4, ALARM 1',
    },
  },
  {
    alarm: 'RoleNearLimit',
    name: 'is in ALARM for the role at 90 % of its limit in two of three sweeps, and for no other',
    data: [89, 90, 10, 90, 10, 10].map((checkout) => roles({ checkout, billing: 89 })),
    states: 'OK 3, ALARM 1, OK 2',
    contributors: {
      checkout: 'OK 3, ALARM 1, OK 2',
      billing: 'OK 6',
    },
  },
  {
    alarm: 'RoleNearLimit',
    name: 'drops a role that has no limit any more, and has no data without sweeps',
    data: [...times(2, roles({ a: 1, b: 95 })), ...times(5, roles({ a: 1 })), ...times(6, NOTHING)],
    states: 'OK 1, ALARM 4, OK 6, INSUFFICIENT_DATA 2',
    contributors: {
      a: 'OK 11, no data 2',
      b: 'OK 1, ALARM 4, OK 1, no data 7',
    },
  },
  {
    alarm: 'LeakContinues',
    name: 'is in ALARM for the application with terminations in five of six periods, until two have none',
    data: [...times(45, leak({ checkout: 1 })), ...times(25, leak({}))],
    states: 'OK 40, ALARM 24, OK 6',
    contributors: {
      checkout: 'OK 40, ALARM 24, OK 6',
    },
  },
  {
    alarm: 'LeakContinues',
    name: 'stays OK when a deployment leaves many connections behind once',
    data: [leak({ checkout: 30 }), ...times(49, leak({}))],
    states: 'OK 50',
  },
  {
    alarm: 'LeakContinues',
    name: 'returns to OK without sweeps, and has no data in the end',
    data: [...times(45, leak({ checkout: 1 })), ...times(85, NOTHING)],
    states: 'OK 40, ALARM 44, OK 40, INSUFFICIENT_DATA 6',
    contributors: {
      checkout: 'OK 40, ALARM 44, OK 40, no data 6',
    },
  },
  {
    alarm: 'ReaperFailing',
    name: 'is in ALARM with three failures in five minutes, also when they are apart',
    data: [1, 0, 1, 0, 1, 0, 0, 0, 1, 1, 0, 0].map(failures),
    states: 'OK 4, ALARM 1, OK 7',
  },
  {
    alarm: 'ReaperFailing',
    name: 'returns to OK when nothing runs',
    data: [...times(3, failures(1)), ...times(7, NOTHING)],
    states: 'OK 2, ALARM 5, OK 3',
  },
  ...(
    [
      ['nothing runs', NOTHING],
      ['no sweep gets in', NO_LOGIN],
      ['only runs by hand complete', { ...used(10), byHand: true }],
    ] as const
  ).map(([why, minute]) => ({
    alarm: 'ReaperNotRunning',
    name: `is in ALARM from the fifth minute without a sweep, because ${why}`,
    data: [...times(3, used(10)), ...times(5, minute), used(10)],
    states: 'INSUFFICIENT_DATA 2, OK 5, ALARM 1, OK 1',
  })),
  {
    alarm: 'ReaperNotRunning',
    name: 'is in ALARM with the third sweep in a row that fails, once older sweeps are out of range',
    data: [...times(3, used(10)), ...times(5, sees({ fault: 'failed' })), used(10)],
    states: 'INSUFFICIENT_DATA 2, OK 5, ALARM 1, OK 1',
  },
  {
    alarm: 'ReaperNotRunning',
    name: 'forgives sweeps that are late',
    data: [...times(3, used(10)), NOTHING, used(10, 10), used(10), NOTHING, NOTHING, used(10)],
    states: 'INSUFFICIENT_DATA 2, OK 7',
  },
  {
    alarm: 'ReaperNotRunning',
    name: 'waits 18 minutes for the first sweep of a deployment',
    data: [...times(19, NOTHING), used(10)],
    states: 'INSUFFICIENT_DATA 18, ALARM 1, OK 1',
  },
  {
    alarm: 'ReaperBlind',
    name: 'is in ALARM with the third sweep in a row that misses a state or is refused, by the worst run',
    data: [used(1), HIDDEN, REFUSED, used(1), HIDDEN, REFUSED, sees({ unreadable: 1 }, {}), used(1)],
    states: 'OK 6, ALARM 1, OK 1',
  },
  {
    alarm: 'ReaperBlind',
    name: 'keeps its state while no sweep gets in',
    data: [used(1), ...times(5, NO_LOGIN), ...times(3, HIDDEN), ...times(6, NO_LOGIN), used(1)],
    states: 'OK 8, ALARM 7, OK 1',
  },
  {
    alarm: 'ConnectionsCritical',
    name: 'is in ALARM with each of its alarms, until all are OK',
    data: [used(50), used(100), used(80), used(50), used(50), ...times(5, NO_LOGIN), FULL, used(50)],
    states: 'OK 1, ALARM 3, OK 5, ALARM 2, OK 1',
  },
  {
    alarm: 'ConnectionsCritical',
    name: 'stays OK for a new reaper, and with all other alarms',
    data: [...times(6, NOTHING), ...times(8, { ...sees({ unreadable: 1, applications: { a: 60 } }), failures: 1 })],
    states: 'OK 14',
  },
];

/** One sweep decides, and a quarter of an hour after the last sweep its data counts no more. */
function atOnce(alarm: string, below: Minute, reached: Minute, contributor?: string): readonly Scenario[] {
  const both = (states: string) => ({ states, ...(contributor && { contributors: { [contributor]: states } }) });
  return [
    {
      alarm,
      name: 'is in ALARM with one sweep, and OK with the next',
      data: everyFive(below, reached, below),
      ...both('OK 5, ALARM 5, OK 5'),
    },
    {
      alarm,
      name: 'is no longer in ALARM a quarter of an hour after the last sweep',
      data: [reached, ...times(16, NOTHING)],
      states: `ALARM 15, ${contributor ? 'INSUFFICIENT_DATA' : 'OK'} 2`,
      ...(contributor && {
        contributors: {
          [contributor]: 'ALARM 15, no data 2',
        },
      }),
    },
  ];
}

const ALARM: readonly Scenario[] = [
  ...CONNECTIONS,
  ...atOnce('SlotsNearlyFull', used(79), used(80, 20)),
  ...atOnce('ServerFull', used(99), used(100, 20)),
  ...atOnce('ServerFull', used(99), FULL),
  ...atOnce('ApplicationConnectionsHigh', apps({ a: 49 }), apps({ a: 50 }), 'a'),
  ...atOnce('RoleNearLimit', roles({ a: 89 }), roles({ a: 90 }), 'a'),
  ...atOnce('ReaperBlind', used(1), sees({ unreadable: 1 }, {})),
  ...atOnce('ReaperBlind', used(1), REFUSED),
  {
    alarm: 'ReaperFailing',
    name: 'is in ALARM with one failure, for five minutes',
    data: [0, 1, 0, 0, 0, 0, 0].map(failures),
    states: 'OK 1, ALARM 5, OK 1',
  },
  {
    alarm: 'ReaperFailing',
    name: 'is OK when nothing runs any more',
    data: [failures(1), ...times(16, NOTHING)],
    states: 'ALARM 15, OK 2',
  },
  {
    alarm: 'SweepAgain',
    name: 'is in ALARM once every five minutes while RDS counts 50 connections',
    data: [...times(10, rds(50)), ...times(5, rds(49))],
    states: 'OK 3, ALARM 2, OK 3, ALARM 2, OK 5',
  },
  {
    alarm: 'ConnectionsCritical',
    name: 'is in ALARM with each of its alarms, until all are OK',
    data: everyFive(used(50), FULL, used(50), used(80), used(50)),
    states: 'OK 5, ALARM 5, OK 5, ALARM 5, OK 5',
  },
  {
    alarm: 'ConnectionsCritical',
    name: 'stays OK with all other alarms',
    data: everyFive({ ...sees({ unreadable: 1, applications: { a: 60 } }), failures: 1 }).map((minute) => ({
      ...minute,
      connections: 60,
    })),
    states: 'OK 5',
  },
];

/** The scenarios of all alarms, by what starts sweeps. */
export const SCENARIOS = { schedule: SCHEDULE, alarm: ALARM } as const;

/** An hour in which all is wrong with an instance, so that each of its alarms must be in ALARM. */
export const ALL_WRONG: readonly Minute[] = times(60, {
  ...sees({
    applications: { checkout: 99 },
    terminated: { checkout: 1 },
    roles: { checkout: 95 },
    unreadable: 1,
    fault: 'failed',
  }),
  connections: 60,
  failures: 1,
});
