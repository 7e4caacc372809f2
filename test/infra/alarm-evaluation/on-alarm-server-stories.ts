import { SERVER_STORIES } from './server-stories.js';
import type { Story } from './story.js';
import { connections, everyFive, inAnotherDatabase, onceOnly, QUARTER_OF_AN_HOUR, slots } from './words.js';

/** The alarms on each instance's state, where DatabaseConnections starts the sweeps and no schedule does. */
export const ON_ALARM_SERVER_STORIES: Readonly<Record<string, Story>> = {
  SlotsNearlyFull: {
    perInstance: true,
    minute: slots,
    scenarios: [
      {
        name: 'goes off with one sweep, and recovers with the next',
        given: everyFive('70 80 70'),
        states: 'OOOOOAAAAAOOOOO',
      },
      { name: 'stays quiet just below', given: everyFive('79 79'), states: 'OOOOOOOOOO' },
      { name: 'goes by the fullest look', given: everyFive('80+20 45+45'), states: 'AAAAAOOOOO' },
      { name: 'calms down when no more sweeps come', given: onceOnly('80'), states: QUARTER_OF_AN_HOUR },
      {
        name: 'does not hear another database of which the instances have the same names',
        given: everyFive('10'),
        beside: inAnotherDatabase(slots, '95|95'),
        states: 'OOOOO',
      },
    ],
    equivalents: {},
  },

  ServerFull: {
    perInstance: true,
    minute: slots,
    scenarios: [
      {
        name: 'goes off with one sweep, and recovers with the next',
        given: everyFive('50 100 99'),
        states: 'OOOOOAAAAAOOOOO',
      },
      {
        name: 'goes off when the reaper itself is turned away',
        given: everyFive('50 away 50'),
        states: 'OOOOOAAAAAOOOOO',
      },
      {
        name: 'goes off though the server is free again in the same minute',
        given: everyFive('100+20'),
        states: 'AAAAA',
      },
      { name: 'calms down when no more sweeps come', given: onceOnly('100'), states: QUARTER_OF_AN_HOUR },
      {
        name: 'does not hear another database of which the instances have the same names',
        given: everyFive('50'),
        beside: inAnotherDatabase(slots, '100|100'),
        states: 'OOOOO',
      },
    ],
    equivalents: SERVER_STORIES.ServerFull.equivalents,
  },

  // The same with and without a schedule, since RDS publishes either way.
  DatabaseConnections: SERVER_STORIES.DatabaseConnections,

  SweepAgain: {
    perInstance: true,
    minute: connections,
    scenarios: [
      {
        name: 'starts one sweep every five minutes while connections are many',
        given: '50 50 50 50 50 50 50 50 50 50 50 50 50 50 50 20 20 20 20 20',
        states: 'OOOAAOOOAAOOOAAOOOOO',
      },
      { name: 'starts none while connections are few', given: '49 49 49 49 49 49 49 49 49 49', states: 'OOOOOOOOOO' },
      {
        name: 'starts one though they became many late in the interval',
        given: '20 20 20 20 50 50 50 50 50 50',
        states: 'OOOOAOOOAA',
      },
      {
        name: 'goes by the most of a minute',
        given: '50+20 50+20 50+20 50+20 30+30 30+30 30+30 30+30 30+30',
        states: 'OOOAOOOOO',
      },
      {
        name: 'starts none after the database is stopped',
        given: '50 50 50 50 . . . . . . . .',
        states: 'OOOAAAOOOOOO',
      },
      {
        name: 'does the same where RDS publishes a minute late',
        given: '50 50 50 50 50 50 50 50 50 50 50',
        lateSeconds: 60,
        states: 'OOOOAAOOOAA',
      },
      {
        name: 'does not hear other instances',
        given: '10 10 10 10 10',
        beside: ({ dbInstance }) => connections('500|500', { its: 'old', other: 'new', functionName: '', dbInstance }),
        states: 'OOOOO',
      },
    ],
    equivalents: {
      'Metrics.0.Expression: 0 -> 1': 'it only has to be below the threshold',
      'Metrics.0.Expression: 0 -> -1': 'it only has to be below the threshold',
      'Threshold: 150 -> 151': 'the clock shows whole minutes',
      'Threshold: 150 -> 149': 'the clock shows whole minutes',
      'ComparisonOperator: GreaterThanOrEqualToThreshold -> GreaterThanThreshold': 'the clock shows whole minutes',
    },
  },

  ReaperBlind: {
    perInstance: true,
    minute: slots,
    scenarios: [
      {
        name: 'goes off with one sweep that misses a state, and recovers',
        given: everyFive('ok hidden ok'),
        states: 'OOOOOAAAAAOOOOO',
      },
      { name: 'goes off with one refusal, and recovers', given: everyFive('ok refused ok'), states: 'OOOOOAAAAAOOOOO' },
      { name: 'goes by the worst look', given: everyFive('hidden+ok refused+ok'), states: 'AAAAAAAAAA' },
      { name: 'calms down when no more sweeps come', given: onceOnly('hidden'), states: QUARTER_OF_AN_HOUR },
      {
        name: 'does not hear another database of which the instances have the same names',
        given: everyFive('ok'),
        beside: inAnotherDatabase(slots, 'hidden|refused'),
        states: 'OOOOO',
      },
    ],
    equivalents: SERVER_STORIES.ReaperBlind.equivalents,
  },
};
