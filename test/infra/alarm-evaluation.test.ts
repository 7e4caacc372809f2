/**
 * What the alarms of the template make of the data that the deployed function publishes, by a model of CloudWatch's
 * documented rules. The numbers of each alarm are asserted in alarms.test.ts.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { AlarmState } from '../support/cloudwatch/alarm-state.js';
import { deploymentOf, type Instance } from './alarm-evaluation/deployment.js';
import { type Minute, publishedIn, START, type Whose } from './alarm-evaluation/published.js';
import { ALL_WRONG, SCENARIOS } from './alarm-evaluation/scenarios.js';

beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterAll(() => void vi.useRealTimers());

describe.each(['schedule', 'alarm'] as const)('with the trigger %s,', (trigger) => {
  const deployment = deploymentOf(trigger);
  const { alarms } = deployment;

  /** The name of an alarm, with the writer where each instance has one. */
  const ofWriter = (alarm: string) => (alarms.includes(alarm) ? alarm : `${alarm}-writer`);

  /** The alarms that are ever in ALARM in these minutes. */
  const inAlarm = async (data: readonly Minute[], whose: Partial<Whose>) => {
    const observations = await publishedIn(data, deployment, whose);
    return alarms.filter((alarm) =>
      deployment.historyOf(alarm, observations, { start: START, minutes: data.length }).states.includes('ALARM'),
    );
  };

  test.each(SCENARIOS[trigger].map((scenario) => [scenario.alarm, scenario.name, scenario] as const))(
    '%s %s',
    async (_, __, { alarm, data, states, contributors = {} }) => {
      const observations = await publishedIn(data, deployment);
      const history = deployment.historyOf(ofWriter(alarm), observations, { start: START, minutes: data.length });
      expect(runsOf(history.states)).toEqual(states);
      const found = Object.entries(history.contributors).filter(
        ([name, own]) => name in contributors || own.includes('ALARM'),
      );
      expect(Object.fromEntries(found.map(([name, own]) => [name, runsOf(own)]))).toEqual(contributors);
    },
  );

  test('every alarm of the template has a scenario with ALARM', () => {
    const raised = SCENARIOS[trigger].filter(({ states }) => states.includes('ALARM'));
    const kinds = new Set(raised.map(({ alarm }) => alarm));
    expect(new Set(alarms.map((alarm) => alarm.replace(/-(writer|reader)$/, '')))).toEqual(kinds);
  });

  test.each<Instance>(['writer', 'reader'])(
    'only the alarms of the %s and of the database hear it',
    async (instance) => {
      const other = instance === 'writer' ? '-reader' : '-writer';
      const heard = alarms.filter((alarm) => !alarm.endsWith(other));
      expect(await inAlarm(ALL_WRONG, { instance })).toEqual(heard);
    },
  );

  test('no alarm hears another database, function or instance of RDS', async () => {
    const others = { database: 'invoices', instance: 'old' as Instance, functionName: 'other' };
    const data = ALL_WRONG.slice(0, 15);
    expect(await inAlarm(data, others)).toEqual([]);
    // The name of the instance is the same there, and only the database differs.
    const runs = data.map(({ connections: _, failures: __, ...minute }) => minute);
    expect(await inAlarm(runs, { database: 'invoices' })).toEqual([]);
  });
});

/** States one after the other, each with its number of minutes: `OK 3, ALARM 2`. */
function runsOf(states: readonly (AlarmState | undefined)[]): string {
  const runs: { state: string; minutes: number }[] = [];
  for (const state of states.map((each) => each ?? 'no data')) {
    const last = runs.at(-1);
    if (last?.state === state) last.minutes += 1;
    else runs.push({ state, minutes: 1 });
  }
  return runs.map(({ state, minutes }) => `${state} ${minutes}`).join(', ');
}
