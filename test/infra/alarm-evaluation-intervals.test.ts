/** The alarms where sweeps are rarer than once a minute. */
import { Duration } from 'aws-cdk-lib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { evaluateAlarms } from '../support/cloudwatch/evaluate-alarms.js';
import { deploymentOf, INSTANCES } from './alarm-evaluation/deployment.js';
import { outcomeOf, wanted } from './alarm-evaluation/outcome.js';
import { logRoute, publishScenario, START } from './alarm-evaluation/published.js';
import { STORIES } from './alarm-evaluation/stories.js';
import type { Scenario } from './alarm-evaluation/story.js';
import { everyFive } from './alarm-evaluation/words.js';

const [FIRST] = INSTANCES;

beforeAll(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});

afterAll(() => {
  vi.useRealTimers();
});

describe('with a sweep every five minutes', () => {
  const deployment = deploymentOf({ interval: Duration.minutes(5) });

  /** Their periods are not those of the sweeps. */
  const OWN_PERIOD = ['DatabaseConnections', 'LeakContinues'];

  test.each(Object.entries(STORIES.schedule).filter(([kind]) => !OWN_PERIOD.includes(kind)))(
    '%s does the same, five times as slowly',
    async (kind, story) => {
      const alarm = deployment.alarmOf(kind, story.perInstance ? FIRST : undefined);
      for (const scenario of story.scenarios.filter(({ byTheClock }) => !byTheClock).map(slowly)) {
        const observations = await publishScenario(logRoute(), deployment, [story, scenario], FIRST);
        expect(outcomeOf(alarm, deployment, scenario, observations), scenario.name).toEqual(wanted(scenario));
      }
    },
  );
});

/** A scenario of which each minute takes five. */
function slowly(scenario: Scenario): Scenario {
  const slow = (states: string) => states.replaceAll(/./g, (state) => state.repeat(5));
  const { given, states, contributors = {} } = scenario;
  return {
    ...scenario,
    given: everyFive(given),
    states: slow(states),
    contributors: Object.fromEntries(Object.entries(contributors).map(([name, own]) => [name, slow(own)])),
  };
}

describe('without a schedule', () => {
  test.each([2, 7, 30])('SweepAgain starts one sweep every %d minutes while connections are many', (minutes) => {
    const { alarmOf, namesFor } = deploymentOf({ trigger: 'alarm', interval: Duration.minutes(minutes) });
    const { dbInstance } = namesFor(FIRST);
    const many = Array.from({ length: 4 * minutes }, (_, minute) => ({
      timestamp: START + minute * 60_000,
      namespace: 'AWS/RDS',
      metricName: 'DatabaseConnections',
      dimensions: { DBInstanceIdentifier: dbInstance(FIRST) },
      value: 60,
      unit: 'Count',
    }));
    const span = { start: START, minutes: many.length };
    const [history] = evaluateAlarms([alarmOf('SweepAgain', FIRST)], many, span).values();
    const acting = (history?.transitions ?? []).filter(({ actions }) => actions.length > 0);
    expect(acting.every(({ to }) => to === 'ALARM')).toBe(true);
    const sweeps = acting.map(({ minute }) => minute);
    expect(sweeps.length).toBeGreaterThanOrEqual(3);
    expect(new Set(sweeps.slice(1).map((minute, index) => minute - (sweeps[index] ?? 0)))).toEqual(new Set([minutes]));
  });
});
