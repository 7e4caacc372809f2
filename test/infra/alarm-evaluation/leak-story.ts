import type { Story } from './story.js';
import { inAnotherDatabase, seen } from './words.js';

const times = (count: number, text: string) => `${text} `.repeat(count);

const states = (...parts: readonly (readonly [number, string])[]) =>
  parts.map(([count, state]) => state.repeat(count)).join('');

/** The larger ones have a series of their own beside `checkout` and `billing`; the others go into `(other)`. */
const LARGE = Array.from({ length: 18 }, (_, index) => `large-${index}`);

const SMALL = Array.from({ length: 40 }, (_, index) => `small-${index}`);

const all = <Value>(names: readonly string[], value: Value) => Object.fromEntries(names.map((name) => [name, value]));

/**
 * Backends that are ended, by application, of applications that keep some. `small=1` ends one of each small one, `only=7` one
 * of the seventh.
 */
const terminated = seen(({ small, only, ...counts }) => ({
  applications: { checkout: 5, billing: 5, ...((small ?? only) !== undefined && all(LARGE, 2)) },
  terminated: {
    ...counts,
    ...(small !== undefined && all(SMALL, small)),
    ...(only !== undefined && { [`small-${only}`]: 1 }),
  },
}));

/** LeakContinues, with a sweep every minute: five of six periods of ten minutes. */
export const LEAK_STORY: Story = {
  perInstance: false,
  minute: terminated,
  scenarios: [
    {
      name: 'goes off for the application that leaked in five periods, and is over once it did not in two',
      given: times(45, 'checkout=1') + times(25, 'checkout=0'),
      states: states([40, 'O'], [24, 'A'], [6, 'O']),
      contributors: {
        checkout: states([40, 'O'], [24, 'A'], [6, 'O']),
        billing: states([70, 'O']),
      },
    },
    {
      name: 'hears a slow leak, one every nine minutes',
      given: times(6, `checkout=1 ${times(8, 'checkout=0')}`),
      states: states([40, 'O'], [14, 'A']),
      contributors: { checkout: states([40, 'O'], [14, 'A']), billing: states([54, 'O']) },
    },
    {
      name: 'takes what is left behind once for a deployment',
      given: `checkout=30 ${times(49, 'checkout=0')}`,
      states: states([50, 'O']),
      contributors: { checkout: states([50, 'O']), billing: states([50, 'O']) },
    },
    {
      name: 'adds up the instances',
      given: times(3, `${times(10, 'checkout=1')} ${times(10, '|checkout=1')}`),
      states: states([40, 'O'], [20, 'A']),
      contributors: { checkout: states([40, 'O'], [20, 'A']), billing: states([60, 'O']) },
    },
    {
      name: 'goes off for (other) when one in it is ended again and again',
      given: times(55, 'small=1'),
      states: states([50, 'O'], [5, 'A']),
      contributors: {
        ...all(['checkout', 'billing', ...LARGE], states([55, 'O'])),
        '(other)': states([50, 'O'], [5, 'A']),
      },
    },
    {
      name: 'takes those in (other) of which each lost one now and then for no leak',
      given: SMALL.map((_, index) => `only=${index} `.repeat(2)).join(''),
      states: states([80, 'O']),
      contributors: all(['checkout', 'billing', ...LARGE, '(other)'], states([80, 'O'])),
    },
    {
      name: 'does not hear another database',
      given: times(45, 'checkout=0'),
      beside: inAnotherDatabase(terminated, 'checkout=1'),
      states: states([45, 'O']),
      contributors: all(['checkout', 'billing'], states([45, 'O'])),
    },
    {
      // Real datapoints count for as long as they are in the range of eight periods.
      name: 'calms down when nothing sweeps, and knows nothing in the end',
      given: times(45, 'checkout=1') + times(85, '.'),
      states: states([40, 'O'], [44, 'A'], [40, 'O'], [6, '?']),
      contributors: {
        checkout: states([40, 'O'], [44, 'A'], [40, 'O'], [6, '-']),
        billing: states([124, 'O'], [6, '-']),
      },
    },
  ],
  equivalents: {
    'Metrics.0.Expression: SUM -> MAX': 'it is a count, so there is one of 1 or more where the sum is',
  },
};
