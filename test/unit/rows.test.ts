import * as v from 'valibot';
import { expect, it } from 'vitest';
import { decodeRows } from '../../lambda/postgres/rows.js';

it('a row that is not as the statement promises is an error, which names the query and quotes nothing', () => {
  const row = v.object({ pid: v.number() });
  expect(decodeRows('the sessions', row, [{ pid: 7 }])).toEqual([{ pid: 7 }]);
  for (const rows of [[{ pid: 7 }, { pid: 'secret' }], undefined]) {
    expect(() => decodeRows('the sessions', row, rows)).toThrow(
      /^the server's answer to the query for the sessions is not as expected: (1\.pid is no number|.* is no Array)\. This is a defect/,
    );
  }
});
