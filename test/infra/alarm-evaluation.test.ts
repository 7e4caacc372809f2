/**
 * Every alarm of the template under what the function publishes, judged by a model of CloudWatch's documented rules.
 *
 * What the function publishes comes from the function: its settings out of the template, its datapoints of what it saw, and
 * its publishing by the SDK.
 */
import { isDeepStrictEqual } from 'node:util';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { Observation } from '../../demo/cloudwatch/observation.js';
import type { AlarmResource } from '../support/cloudwatch/evaluate-alarms.js';
import { deploymentOf, INSTANCES } from './alarm-evaluation/deployment.js';
import { mutantsOf } from './alarm-evaluation/mutants.js';
import { outcomeOf, wanted } from './alarm-evaluation/outcome.js';
import { apiRoute, logRoute, publishScenario, type Route } from './alarm-evaluation/published.js';
import { STORIES } from './alarm-evaluation/stories.js';
import type { Scenario } from './alarm-evaluation/story.js';

const [FIRST, SECOND] = INSTANCES;

let api: Route;

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  api = await apiRoute();
  return async () => {
    vi.useRealTimers();
    await api.close();
  };
});

describe.each(['schedule', 'alarm'] as const)('trigger %s', (trigger) => {
  const deployment = deploymentOf({ trigger });

  describe.each(Object.entries(STORIES[trigger]))('%s', (kind, story) => {
    const alarm = deployment.alarmOf(kind, story.perInstance ? FIRST : undefined);
    const published = new Map<Scenario, readonly Observation[]>();

    beforeAll(async () => {
      for (const scenario of story.scenarios) {
        published.set(scenario, await publishScenario(api, deployment, [story, scenario], FIRST));
      }
    });

    const outcome = (of: AlarmResource, scenario: Scenario) =>
      outcomeOf(of, deployment, scenario, published.get(scenario) ?? []);

    test.each(story.scenarios.map((scenario) => [scenario.name, scenario] as const))('%s', (_, scenario) => {
      expect(outcome(alarm, scenario)).toEqual(wanted(scenario));
    });

    if (story.perInstance) {
      test('hears its own instance alone', async () => {
        const itsAlarm = deployment.alarmOf(kind, SECOND);
        for (const scenario of story.scenarios) {
          const observations = await publishScenario(api, deployment, [story, scenario], SECOND);
          const its = outcomeOf(itsAlarm, deployment, scenario, observations);
          expect(its, scenario.name).toEqual(wanted(scenario));
          const other = outcomeOf(alarm, deployment, scenario, observations);
          if (scenario.everywhere) expect(other, scenario.name).toEqual(its);
          else expect(other['alarm'], scenario.name).not.toContain('A');
        }
      });
    }

    test('would not do all this with anything else in its properties', () => {
      const survivors = mutantsOf(alarm.properties).filter(({ properties }) =>
        story.scenarios.every((scenario) => {
          try {
            return isDeepStrictEqual(outcome({ ...alarm, properties }, scenario), wanted(scenario));
          } catch {
            // CloudWatch would refuse it.
            return false;
          }
        }),
      );
      expect(survivors.map(({ change }) => change).toSorted()).toEqual(Object.keys(story.equivalents).toSorted());
    });

    test('hears the same by the log', async () => {
      for (const scenario of story.scenarios) {
        const logged = await publishScenario(logRoute(), deployment, [story, scenario], FIRST);
        expect(sorted(logged), scenario.name).toEqual(sorted(published.get(scenario) ?? []));
      }
    });
  });

  test('every alarm of the template has a story, in which it goes off and in which it does not', () => {
    const nameOf = ({ properties }: AlarmResource) => String(properties['AlarmName']);
    const names = Object.entries(STORIES[trigger]).flatMap(([kind, { perInstance, scenarios }]) => {
      const goesOff = new Set(scenarios.map(({ states }) => states.includes('A')));
      expect(goesOff, kind).toEqual(new Set([true, false]));
      return (perInstance ? INSTANCES : [undefined]).map((instance) => nameOf(deployment.alarmOf(kind, instance)));
    });
    expect(names.toSorted()).toEqual(deployment.alarms.map(nameOf).toSorted());
  });
});

function sorted(observations: readonly Observation[]): readonly Observation[] {
  const key = ({ timestamp, metricName, dimensions }: Observation) =>
    [timestamp, metricName, ...Object.values(dimensions)].join(' ');
  return observations.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}
