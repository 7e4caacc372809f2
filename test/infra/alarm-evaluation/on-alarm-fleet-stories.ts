import { eighty, ofNamed } from './fleet-stories.js';
import type { Story } from './story.js';
import { applications, everyFive, inAnotherDatabase, onceOnly, roles } from './words.js';

/** With one datapoint to evaluate, there either is one or no contributor. */
const NOTHING_IS_MISSING = Object.fromEntries(
  ['breaching', 'ignore', 'missing'].map((treatment) => [
    `TreatMissingData: notBreaching -> ${treatment}`,
    'a contributor has the one datapoint that counts, or it is none',
  ]),
);

/** The alarms with contributors, where DatabaseConnections starts the sweeps and no schedule does. */
export const ON_ALARM_FLEET_STORIES: Readonly<Record<string, Story>> = {
  ApplicationConnectionsHigh: {
    perInstance: false,
    minute: applications,
    scenarios: [
      {
        name: 'goes off with one sweep for the application that holds half, and recovers with the next',
        given: everyFive('checkout=49&billing=10 checkout=50&billing=10 checkout=49&billing=10'),
        states: 'OOOOOAAAAAOOOOO',
        contributors: { checkout: 'OOOOOAAAAAOOOOO', billing: 'OOOOOOOOOOOOOOO' },
      },
      {
        name: 'takes the instance on which it holds most, not the sum',
        given: everyFive('a=30|a=30 a=10|a=60'),
        states: 'OOOOOAAAAA',
        contributors: { a: 'OOOOOAAAAA' },
      },
      {
        name: 'knows nothing when no more sweeps come',
        given: onceOnly('a=60'),
        states: 'AAAAAAAAAAAAAAA??',
        contributors: { a: 'AAAAAAAAAAAAAAA--' },
      },
      {
        name: 'does not hear another database',
        given: everyFive('a=10'),
        beside: inAnotherDatabase(applications, 'a=95'),
        states: 'OOOOO',
        contributors: { a: 'OOOOO' },
      },
      {
        name: 'goes off for (other) when one in it holds half, and not for many small ones',
        given: everyFive(`${eighty} ${eighty}&importer=50`),
        states: 'OOOOOAAAAA',
        contributors: { ...ofNamed('OOOOOOOOOO'), '(other)': 'OOOOOAAAAA' },
      },
    ],
    equivalents: NOTHING_IS_MISSING,
  },

  RoleNearLimit: {
    perInstance: false,
    minute: roles,
    scenarios: [
      {
        name: 'goes off with one sweep for the role that is near its limit, and recovers with the next',
        given: everyFive('checkout=89&billing=10 checkout=90&billing=10 checkout=89&billing=10'),
        states: 'OOOOOAAAAAOOOOO',
        contributors: { checkout: 'OOOOOAAAAAOOOOO', billing: 'OOOOOOOOOOOOOOO' },
      },
      {
        name: 'takes the instance and the look that are worst, not the sum',
        given: everyFive('a=50+a=50 a=10+a=95'),
        states: 'OOOOOAAAAA',
        contributors: { a: 'OOOOOAAAAA' },
      },
      {
        name: 'knows nothing when no more sweeps come',
        given: onceOnly('a=95'),
        states: 'AAAAAAAAAAAAAAA??',
        contributors: { a: 'AAAAAAAAAAAAAAA--' },
      },
      {
        name: 'does not hear another database',
        given: everyFive('a=10'),
        beside: inAnotherDatabase(roles, 'a=95'),
        states: 'OOOOO',
        contributors: { a: 'OOOOO' },
      },
    ],
    equivalents: NOTHING_IS_MISSING,
  },
};
