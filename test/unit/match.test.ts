import { describe, expect, it } from 'vitest';
import { anyOf, cidrMatcher, globMatcher } from '../../lambda/input/match.js';

describe('globs', () => {
  it.each([
    ['checkout', 'checkout', true],
    ['checkout', 'checkout-1', false],
    ['checkout', 'a checkout', false],
    ['check*', 'checkout/web 1', true],
    ['*', '', true],
    ['?', '', false],
    ['a?c', 'abc', true],
    ['*', 'two\nlines', true],
    ['(none)', '(none)', true],
    ['[ab]', 'a', false],
    ['a.c', 'abc', false],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['CHECKOUT', 'checkout', false],
    ['*', null, false],
    ['', '', true],
    ['', 'a', false],
    ['a**b', 'ab', true],
    ['*ab*ab', 'xabab', true],
    ['*ab*ab', 'xab', false],
    ['*?', 'a', true],
    ['a?c', 'a🐘c', true],
    ['a??c', 'a🐘c', false],
    ['a\\', 'a', true],
    ['\\\\', '\\', true],
    ['\\a\\?', 'a?', true],
  ])('%j and %j: %s', (glob, value, want) => {
    expect(globMatcher(glob)(value)).toBe(want);
  });

  it('take no longer for a pattern that a backtracking matcher would try for years', () => {
    const name = 'a'.repeat(63);
    expect(globMatcher(`${'*a'.repeat(31)}b`)(name)).toBe(false);
    expect(globMatcher(`${'*a'.repeat(31)}*`)(name)).toBe(true);
  });

  it('mean nobody when there are none', () => {
    expect(anyOf([])('anything')).toBe(false);
  });
});

describe('address blocks', () => {
  it.each([
    ['10.1.0.0/16', '10.1.255.255', true],
    ['10.1.0.0/16', '10.2.0.0', false],
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.4', false],
    ['0.0.0.0/0', '8.8.8.8', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['2001:db8::/32', '2001:db8:1::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['10.1.0.0/16', '::ffff:10.1.2.3', true],
    ['10.1.0.0/16', 'not an address', false],
    ['10.1.0.0/16', null, false],
  ])('%s and %j: %s', (block, address, want) => {
    expect(cidrMatcher(block)(address)).toBe(want);
  });

  it.each(['', '10.0.0.0/33', '10.0.0/8', '10.0.0.0/8/8', '10.0.0.0/', '::/129', '10.0.0.0/-1', 'localhost'])(
    'fail when the block is %j',
    (block) => {
      expect(() => cidrMatcher(block)).toThrow(TypeError);
    },
  );
});
