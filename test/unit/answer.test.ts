import { expect, it } from 'vitest';
import { type Answer, answerOf } from '../../lambda/answer.js';
import { parseEvent } from '../../lambda/event.js';
import type { Outcome } from '../../lambda/outcome.js';
import { aPolicy, aSnapshot, aVisit, backends, someSettings } from '../support/builders.js';

it('lists every backend where there is room', () => {
  const [instance] = answerTo([spared(5_000)]).instances;
  expect(instance).toMatchObject({ outcomesLeftOut: 0, applicationsLeftOut: 0 });
  expect(instance?.outcomes).toHaveLength(5_000);
});

it('lists those that were chosen where there is no room for all, and counts all of them', () => {
  const refused = spared(10).map(({ backend }): Outcome => ({ backend, outcome: 'refused', reason: 'no' }));
  const { instances, text } = answerTo([[...spared(4_000), ...refused], spared(2)]);
  const [first, second] = instances;
  expect(first?.outcomes).toHaveLength(2_500);
  expect(first?.outcomes.filter(({ outcome }) => outcome === 'refused')).toHaveLength(10);
  expect(first).toMatchObject({ outcomesLeftOut: 1_510, spared: { active: 4_000 } });
  expect(text).toContain('4000 active');
  expect(second).toMatchObject({ outcomesLeftOut: 0 });
});

it('lists the largest applications where there is no room for all', () => {
  const [instance] = answerTo([
    [
      ...backends(2, { applicationName: 'large' }),
      ...Array.from({ length: 2_500 }, (_, index) => backends(1, { applicationName: `small-${index}` })).flat(),
    ].map((backend): Outcome => ({ backend, outcome: 'spared', reason: 'active' })),
  ]).instances;
  expect(instance?.applications).toHaveLength(2_000);
  expect(instance?.applications[0]).toMatchObject({ name: 'large', backends: 2 });
  expect(instance?.applicationsLeftOut).toBe(501);
});

function spared(count: number): readonly Outcome[] {
  return backends(count).map((backend) => ({ backend, outcome: 'spared', reason: 'active' }));
}

/** The answer of a run that saw an instance with each of these. */
function answerTo(instances: readonly (readonly Outcome[])[]): Answer {
  const visits = instances.map((outcomes, index) =>
    aVisit({
      instance: `instance-${index}`,
      snapshot: aSnapshot({ backends: outcomes.map(({ backend }) => backend) }),
      outcomes,
    }),
  );
  const publication = { requests: 1, datapoints: 1, via: 'api', error: null } as const;
  return answerOf(someSettings(), parseEvent({}), aPolicy(), visits, publication);
}
