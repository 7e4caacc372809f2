import { expect, it } from 'vitest';
import { parseEvent } from '../../lambda/input/event.js';
import type { Outcome } from '../../lambda/policy/outcome.js';
import { type Answer, answerOf } from '../../lambda/report/answer.js';
import { anInstanceResult, aPolicy, aSnapshot, backends, someSettings } from '../support/builders.js';

it('lists every backend that was chosen, and some of those that were spared', () => {
  const refused = refusals(4_000);
  const [instance] = answerTo([[...spared(1_000), ...refused]]).instances;
  expect(instance?.outcomes.filter(({ outcome }) => outcome === 'refused')).toHaveLength(4_000);
  expect(instance?.outcomes).toHaveLength(4_200);
  expect(instance).toMatchObject({ outcomesLeftOut: 800, applicationsLeftOut: 0, spared: { active: 1_000 } });
});

it('shares the room among the instances, and counts all', () => {
  const { instances, text } = answerTo([[...spared(400), ...refusals(4_000)], spared(2)]);
  const [first, second] = instances;
  expect(first?.outcomes).toHaveLength(2_600);
  expect(first).toMatchObject({ outcomesLeftOut: 1_800, spared: { active: 400 } });
  expect(text).toContain('400 active');
  expect(second).toMatchObject({ outcomesLeftOut: 0 });
});

it('lists the largest applications where there is no room for all', () => {
  const [instance] = answerTo([
    [
      ...backends(2, { applicationName: 'large' }),
      ...Array.from({ length: 2_500 }, (_, index) => backends(1, { applicationName: `small${index}x` })).flat(),
    ].map((backend): Outcome => ({ backend, outcome: 'spared', reason: 'active' })),
  ]).instances;
  expect(instance?.applications).toHaveLength(2_000);
  expect(instance?.applications[0]).toMatchObject({ name: 'large', connections: 2 });
  expect(instance?.applicationsLeftOut).toBe(501);
});

function spared(count: number): readonly Outcome[] {
  return backends(count).map((backend) => ({ backend, outcome: 'spared', reason: 'active' }));
}

function refusals(count: number): readonly Outcome[] {
  return backends(count).map((backend) => ({ backend, outcome: 'refused', reason: 'no' }));
}

/** The answer of a run that saw an instance with each of these. */
function answerTo(instances: readonly (readonly Outcome[])[]): Answer {
  const results = instances.map((outcomes, index) =>
    anInstanceResult({
      instance: `instance-${index}`,
      snapshot: aSnapshot({ backends: outcomes.map(({ backend }) => backend) }),
      outcomes,
    }),
  );
  const publication = { requests: 1, datapoints: 1, via: 'api', error: null } as const;
  return answerOf(someSettings(), parseEvent({}), aPolicy(), results, publication);
}
