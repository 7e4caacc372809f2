import { describe, expect, it } from 'vitest';
import { inlineParameters } from '../../lambda/postgres/inline-parameters.js';

describe('parameters as literals', () => {
  it.each([
    ['select $1::int', [5], "select '5'::int"],
    ['select $1::text', ["it's"], "select 'it''s'::text"],
    ['select $1::text', ['back\\slash'], "select  E'back\\\\slash'::text"],
    ['select $2, $1', ['a', 'b'], "select 'b', 'a'"],
    ['select $1', [null], 'select null'],
    ['select $1::int[]', [[1, 2]], `select '{"1","2"}'::int[]`],
    ['select $1::text[]', [[]], "select '{}'::text[]"],
    ['select "a""$1".f($1)', ['x"'], `select "a""$1".f('x"')`],
  ])('%s with %j', (statement, parameters, want) => {
    expect(inlineParameters(statement, parameters)).toBe(want);
  });

  it('fails when a parameter is missing', () => {
    expect(() => inlineParameters('select $2', ['a'])).toThrow(RangeError);
  });
});
