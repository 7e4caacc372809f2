import { SERVER_STORIES } from './server-stories.js';
import type { Story } from './story.js';
import { anotherFunctionFails, connections, inAnotherDatabase, invocations, seen, slots } from './words.js';

/** A sweep every five minutes, which is the interval. */
const everyFive = (words: string) => words.replaceAll(/\S+/g, '$& . . . .');

/** One sweep, and then none for a while. */
const onceOnly = (word: string) => `${word}${' .'.repeat(16)}`;

/** The sweep's datapoint counts until it leaves the range of three periods. */
const QUARTER_OF_AN_HOUR = `${'A'.repeat(15)}OO`;

const applications = seen((counts) => ({ applications: counts }));

const roles = seen((counts) => ({ roles: counts }));

/** With one datapoint to evaluate, there either is one or no contributor. */
const NOTHING_IS_MISSING = {
  'TreatMissingData: notBreaching -> breaching': 'a contributor has the one datapoint that counts, or it is none',
  'TreatMissingData: notBreaching -> ignore': 'a contributor has the one datapoint that counts, or it is none',
  'TreatMissingData: notBreaching -> missing': 'a contributor has the one datapoint that counts, or it is none',
};

/** The alarms where there is no schedule, and DatabaseConnections starts the sweeps. */
export const ON_ALARM_STORIES: Readonly<Record<string, Story>> = {
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
    equivalents: SERVER_STORIES['ServerFull']?.equivalents ?? {},
  },

  // The same with and without a schedule, since RDS publishes either way.
  DatabaseConnections: SERVER_STORIES['DatabaseConnections'] as Story,

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

  ApplicationHogging: {
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
        name: 'never goes off for (other), which is no application',
        given: everyFive(Array.from({ length: 80 }, (_, index) => `tenant-${index + 10}=1`).join('&')),
        states: 'OOOOO',
        contributors: Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`tenant-${index + 10}`, 'OOOOO'])),
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
    equivalents: SERVER_STORIES['ReaperBlind']?.equivalents ?? {},
  },

  Page: {
    perInstance: false,
    // What RDS publishes is said behind "rds=".
    minute: (word, names) => (word.startsWith('rds=') ? connections(word.slice(4), names) : slots(word, names)),
    scenarios: [
      { name: 'goes off with ServerFull', given: everyFive('50 100 50'), states: 'OOOOOAAAAAOOOOO' },
      {
        name: 'goes off with ServerFull of another instance',
        given: everyFive('50 50|100 50'),
        states: 'OOOOOAAAAAOOOOO',
      },
      { name: 'goes off with DatabaseConnections', given: 'rds=10 rds=60 rds=60 rds=10 rds=10', states: 'OOAAO' },
      {
        name: 'goes off with DatabaseConnections of another instance',
        given: 'rds=10 rds=10|60 rds=10|60 rds=10 rds=10',
        states: 'OOAAO',
      },
      { name: 'leaves all other alarms to the day', given: everyFive('85 hidden'), states: 'OOOOOOOOOO' },
    ],
    equivalents: {},
  },
};
