import type { Story } from './story.js';
import { anotherInstanceIsBusy, connections, inAnotherDatabase, slots } from './words.js';

/** The alarms on each instance's state, with a sweep every minute. */
export const SERVER_STORIES = {
  SlotsNearlyFull: {
    perInstance: true,
    minute: slots,
    scenarios: [
      {
        name: 'goes off with the second of three that are full, and recovers',
        given: '70 80 80 70 70',
        states: 'OOAAO',
      },
      { name: 'counts two of three though they are apart', given: '70 80 70 80 70 70', states: 'OOOAOO' },
      { name: 'stays quiet just below', given: '79 79 79 79 79', states: 'OOOOO' },
      { name: 'takes a single one for a deployment', given: '50 95 50 50 95 50', states: 'OOOOOO' },
      { name: 'goes by the fullest look of a minute', given: '70 80+20 80+20 45+45 45+45', states: 'OOAAO' },
      { name: 'keeps its alarm while nobody gets in', given: '70 80 80 x x x x x x x 70', states: 'OOAAAAAAAAO' },
      { name: 'keeps its peace while nobody gets in', given: '70 x x x x x x x', states: 'OOOOOOOO' },
      {
        name: 'does not hear another database of which the instances have the same names',
        given: '10 10 10 10',
        beside: inAnotherDatabase(slots, '95|95'),
        states: 'OOOO',
      },
    ],
    equivalents: {},
  },

  ServerFull: {
    perInstance: true,
    minute: slots,
    scenarios: [
      { name: 'goes off at once, and recovers at once', given: '50 100 99 99', states: 'OAOO' },
      { name: 'stays quiet while one slot is free', given: '99 99 99', states: 'OOO' },
      { name: 'goes off when the reaper itself is turned away', given: '50 away away 50', states: 'OAAO' },
      { name: 'goes off though the server is free again in the same minute', given: '50 100+20 50', states: 'OAO' },
      { name: 'keeps its alarm while nobody gets in', given: '100 x x x x x 50', states: 'AAAAAAO' },
      { name: 'keeps its peace while nobody gets in for another reason', given: '50 x x x x x', states: 'OOOOOO' },
      {
        name: 'does not hear another database of which the instances have the same names',
        given: '50 50 50',
        beside: inAnotherDatabase(slots, '100|100'),
        states: 'OOO',
      },
    ],
    equivalents: { 'Statistic: Maximum -> Sum': 'it is 0 or 1, so there is a 1 where the sum is 1 or more' },
  },

  DatabaseConnections: {
    perInstance: true,
    minute: connections,
    scenarios: [
      {
        name: 'goes off with the second of three that are many, and recovers',
        given: '40 50 50 40 40',
        states: 'OOAAO',
      },
      { name: 'counts two of three though they are apart', given: '40 50 40 50 40 40', states: 'OOOAOO' },
      { name: 'stays quiet just below', given: '49 49 49 49 49', states: 'OOOOO' },
      { name: 'takes a single one for a deployment', given: '40 90 40 40 90 40', states: 'OOOOOO' },
      { name: 'goes by the most of a minute', given: '40 50+20 50+20 30+30 30+30', states: 'OOAAO' },
      { name: 'calms down when the database is stopped', given: '40 60 60 . . . . . .', states: 'OOAAAAOOO' },
      { name: 'stays quiet when the database is stopped', given: '40 . . . . . .', states: 'OOOOOOO' },
      {
        name: 'does not hear other instances, nor the sums over them',
        given: '10 10 10 10',
        beside: anotherInstanceIsBusy,
        states: 'OOOO',
      },
    ],
    equivalents: {},
  },

  ReaperBlind: {
    perInstance: true,
    minute: slots,
    scenarios: [
      {
        name: 'goes off with the third sweep in a row that misses a state',
        given: 'ok hidden hidden hidden ok',
        states: 'OOOAO',
      },
      { name: 'goes off with the third refusal in a row', given: 'ok refused refused refused ok', states: 'OOOAO' },
      { name: 'adds up both', given: 'ok hidden refused hidden refused ok', states: 'OOOAAO' },
      { name: 'waits while a role is new', given: 'ok hidden hidden ok refused refused ok', states: 'OOOOOOO' },
      { name: 'goes by the worst look of a minute', given: 'ok hidden+ok hidden+ok hidden+ok ok', states: 'OOOAO' },
      { name: 'adds up the refusals of a minute', given: 'ok refused+ok ok+refused refused+ok ok', states: 'OOOAO' },
      {
        name: 'keeps its alarm while nobody gets in',
        given: 'ok hidden hidden hidden x x x x x x ok',
        states: 'OOOAAAAAAAO',
      },
      { name: 'keeps its peace while nobody gets in', given: 'ok x x x x x x x', states: 'OOOOOOOO' },
      {
        name: 'does not hear another database of which the instances have the same names',
        given: 'ok ok ok ok',
        beside: inAnotherDatabase(slots, 'hidden|refused'),
        states: 'OOOO',
      },
    ],
    equivalents: {
      'Metrics.1.MetricStat.Stat: Maximum -> Sum': 'both are counts, and any count is a breach',
      'Metrics.2.MetricStat.Stat: Sum -> Maximum': 'both are counts, and any count is a breach',
    },
  },
} satisfies Record<string, Story>;
