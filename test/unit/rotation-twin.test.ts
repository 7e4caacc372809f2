import { expect, it } from 'vitest';
import { rotationBase, twinOf } from '../../lambda/policy/rotation-twin.js';

it.each([
  ['checkout', 'checkout'],
  [twinOf('checkout'), 'checkout'],
  ['_clone', '_clone'],
  ['a_clone', 'a'],
  ['clone', 'clone'],
  ['checkout_clone_2', 'checkout_clone_2'],
])('the role %s was made of %s', (role, base) => {
  expect(rotationBase(role)).toBe(base);
});
