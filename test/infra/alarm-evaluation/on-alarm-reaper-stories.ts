import type { Story } from './story.js';
import {
  anotherFunctionFails,
  connections,
  everyFive,
  invocations,
  onceOnly,
  QUARTER_OF_AN_HOUR,
  slots,
} from './words.js';

/** The alarms on the reaper itself and the one that pages, where DatabaseConnections starts the sweeps. */
export const ON_ALARM_REAPER_STORIES: Readonly<Record<string, Story>> = {
  ReaperFailing: {
    perInstance: false,
    minute: invocations,
    scenarios: [
      { name: 'goes off with one failure, and recovers', given: '0 1 0 0 0 0 0 0', states: 'OAAAAAOO' },
      { name: 'calms down when nothing runs', given: onceOnly('1'), states: QUARTER_OF_AN_HOUR },
      { name: 'does not hear other functions', given: '0 0 0 0 0', beside: anotherFunctionFails, states: 'OOOOO' },
    ],
    equivalents: {
      'Statistic: Sum -> Maximum': 'an invocation is worth 0 or 1, so there is a 1 where the sum is 1 or more',
    },
  },

  ConnectionsCritical: {
    perInstance: false,
    // What RDS publishes is said behind "rds=".
    minute: (word, names) => (word.startsWith('rds=') ? connections(word.slice(4), names) : slots(word, names)),
    scenarios: [
      { name: 'goes off with ServerFull', given: everyFive('50 away 50'), states: 'OOOOOAAAAAOOOOO' },
      {
        name: 'goes off with ServerFull of another instance',
        given: everyFive('50 50|away 50'),
        states: 'OOOOOAAAAAOOOOO',
      },
      { name: 'goes off with SlotsNearlyFull', given: everyFive('50 80 50'), states: 'OOOOOAAAAAOOOOO' },
      {
        name: 'goes off with SlotsNearlyFull of another instance',
        given: everyFive('50 50|80 50'),
        states: 'OOOOOAAAAAOOOOO',
      },
      {
        name: 'leaves the connections that start sweeps to the sweeps',
        given: 'rds=10 rds=60 rds=60|60 rds=60 rds=10',
        states: 'OOOOO',
      },
      { name: 'leaves all other alarms to the day', given: everyFive('79 hidden'), states: 'OOOOOOOOOO' },
    ],
    equivalents: {},
  },
};
