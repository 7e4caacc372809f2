import type { Story } from './story.js';
import { anotherFunctionFails, inAnotherDatabase, invocations, slots } from './words.js';

/** Each datapoint that there is, is 1 or more by any statistic. */
const NEVER_ZERO = 'a sweep that does not complete publishes nothing rather than 0';

/** The alarms on the reaper itself, with a sweep every minute, and the one that pages. */
export const REAPER_STORIES: Readonly<Record<string, Story>> = {
  ReaperFailing: {
    perInstance: false,
    minute: invocations,
    scenarios: [
      {
        name: 'goes off with the third failure of five minutes, and recovers',
        given: '0 1 1 1 0 0 0',
        states: 'OOOAAAO',
      },
      { name: 'counts failures that are apart', given: '1 0 1 0 1 0 0', states: 'OOOOAOO' },
      { name: 'takes two for a failover', given: '0 1 1 0 0 0 1 1 0', states: 'OOOOOOOOO' },
      { name: 'forgets after five minutes', given: '1 0 1 0 0 1 0', states: 'OOOOOOO' },
      { name: 'hears a failure beside a success', given: '0 1+0 0+1 1+0 0', states: 'OOOAA' },
      { name: 'calms down when nothing runs', given: '1 1 1 . . . . . . .', states: 'OOAAAAAOOO' },
      { name: 'stays quiet when nothing runs', given: '0 . . . . . . . .', states: 'OOOOOOOOO' },
      { name: 'does not hear other functions', given: '0 0 0 0 0', beside: anotherFunctionFails, states: 'OOOOO' },
    ],
    equivalents: {
      'Statistic: Sum -> Maximum': 'an invocation is worth 0 or 1, so there is a 1 where the sum is 1 or more',
    },
  },

  ReaperNotRunning: {
    perInstance: true,
    minute: slots,
    scenarios: [
      { name: 'stays quiet while sweeps complete', given: 'ok ok ok+ok ok ok', states: '??OOO' },
      {
        // The last sweeps count until they leave the range: that is five minutes, not three.
        name: 'goes off with the fifth minute without a sweep, and recovers with the next one',
        given: 'ok ok ok . . . . . . ok',
        everywhere: true,
        states: '??OOOOOAAO',
      },
      {
        name: 'goes off while nobody gets into an instance',
        given: 'ok ok ok x x x x x x ok',
        states: '??OOOOOAAO',
      },
      {
        name: 'goes off while sweeps fail',
        given: 'ok ok ok failed failed failed failed failed ok',
        states: '??OOOOOAO',
      },
      {
        name: 'takes no reap by hand for a sweep',
        given: 'ok ok ok byhand byhand byhand byhand byhand',
        everywhere: true,
        states: '??OOOOOA',
      },
      {
        name: 'forgives sweeps that are late',
        given: 'ok ok ok . ok+ok ok . . ok ok',
        everywhere: true,
        states: '??OOOOOOOO',
      },
      {
        name: 'waits for the first sweeps while it is deployed, and is then OK',
        given: '. . . . . . . . ok ok ok ok',
        everywhere: true,
        byTheClock: true,
        states: '??????????OO',
      },
      {
        name: 'goes off once it has been deployed for a quarter of an hour and three intervals and there never was a sweep',
        given: `${'. '.repeat(18)} . ok`,
        everywhere: true,
        byTheClock: true,
        states: `${'?'.repeat(18)}AO`,
      },
      {
        name: 'does not hear another database of which the instances have the same names',
        given: 'ok ok ok . . . . . .',
        beside: inAnotherDatabase(slots, 'ok|ok'),
        everywhere: true,
        states: '??OOOOOAA',
      },
    ],
    equivalents: {
      'Statistic: Sum -> Maximum': NEVER_ZERO,
      'Statistic: Sum -> Minimum': NEVER_ZERO,
      'Statistic: Sum -> Average': NEVER_ZERO,
      'Statistic: Sum -> SampleCount': NEVER_ZERO,
      'Threshold: 1 -> 0': NEVER_ZERO,
      'ComparisonOperator: LessThanThreshold -> GreaterThanThreshold': 'only silence breaches it, and that either way',
    },
  },

  ConnectionsCritical: {
    perInstance: false,
    minute: slots,
    scenarios: [
      { name: 'goes off with ServerFull', given: '50 100 50', states: 'OAO' },
      { name: 'goes off with ServerFull of another instance', given: '50 50|100 50', states: 'OAO' },
      { name: 'goes off with SlotsNearlyFull', given: '50 80 80 50 50', states: 'OOAAO' },
      { name: 'goes off with SlotsNearlyFull of another instance', given: '50 50|80 50|80 50 50', states: 'OOAAO' },
      { name: 'goes off with ReaperNotRunning', given: '50 50 50 x x x x x 50', states: 'OOOOOOOAO' },
      {
        name: 'goes off with ReaperNotRunning of another instance',
        given: '50 50 50 50|x 50|x 50|x 50|x 50|x 50',
        states: 'OOOOOOOAO',
      },
      { name: 'leaves a new reaper alone', given: '. . . . . . 50 50 50 50', states: 'OOOOOOOOOO' },
      {
        name: 'goes off once for several, and is over when all of them are',
        given: '50 100 100 x x x x x x x 50|100 50 50',
        states: 'OAAAAAAAAAAOO',
      },
      {
        name: 'leaves all other alarms to the day',
        given: '60 60 60 60 hidden hidden hidden hidden',
        states: 'OOOOOOOO',
      },
    ],
    equivalents: {},
  },
};
