import { describe, expect, it } from 'vitest';
import { type StatementText, telling, withStatements } from '../../lambda/diagnosis/last-statements.js';
import type { Backend } from '../../lambda/policy/snapshot.js';
import { aDiagnosis, backends } from '../support/builders.js';

/** What these connections ran last, in turn. */
function ran(own: readonly Backend[], ...statements: readonly Partial<StatementText>[]): readonly StatementText[] {
  return own.map(({ pid, backendStart }, index) => ({
    pid,
    backendStart,
    queryId: null,
    text: '',
    ...statements[index % statements.length],
  }));
}

describe('the last statements of suspects', () => {
  it('are grouped by what differs in literals alone, and show the route of the largest group', () => {
    const own = backends(3);
    const [diagnosis] = withStatements(
      [aDiagnosis({ backends: own })],
      ran(
        own,
        { text: "select * from carts where id = 1 /*route='/carts'*/" },
        { text: "select * from carts where id = 22 /*route='/carts'*/" },
        { text: 'commit' },
      ),
    );
    expect(diagnosis?.statement).toEqual({
      text: 'select * from carts where id = ?',
      connections: 2,
      read: 3,
      tags: { route: '/carts' },
    });
  });

  it('are grouped by query_id where the server has it', () => {
    const own = backends(4);
    const fetched = ['a', 'b', 'c'].map((cursor) => ({ queryId: '7', text: `fetch forward 10 from "${cursor}"` }));
    const [diagnosis] = withStatements(
      [aDiagnosis({ backends: own })],
      ran(own, ...fetched, { queryId: '8', text: 'commit' }),
    );
    expect(diagnosis?.statement).toMatchObject({ connections: 3, read: 4 });
  });

  it('are not those of another connection that has the same pid', () => {
    const own = backends(2);
    const reused = ran(own, { text: 'select 1' }).map((one) => ({ ...one, backendStart: '2026-02-02 00:00:00+00' }));
    expect(withStatements([aDiagnosis({ backends: own })], reused)[0]?.statement).toBeNull();
  });

  it("make a leak of Django's ORM unclear, which comes after the leaks", () => {
    const [shop, carts] = [backends(20), backends(12)];
    const orm =
      'SELECT "shop_cart"."id", "shop_cart"."note", "shop_cart"."owner" FROM "shop_cart" WHERE "shop_cart"."owner" = 7';
    const found = withStatements(
      [aDiagnosis({ service: 'shop', backends: shop }), aDiagnosis({ service: 'carts', backends: carts })],
      [...ran(shop, { text: orm }), ...ran(carts, { text: 'select * from carts' })],
    );
    expect(found.map(({ service, verdict }) => [service, verdict])).toEqual([
      ['carts', 'leak'],
      ['shop', 'unclear'],
    ]);
    expect(found[1]?.reasons.join(' ')).toContain('CONN_MAX_AGE=None');
  });

  it('are read of a bounded number of connections, those that leaked first', () => {
    const own = backends(100);
    const leaked = own.slice(50);
    expect(telling([aDiagnosis({ backends: own, leaked })])).toEqual(leaked.slice(0, 40));
    expect(telling(Array.from({ length: 9 }, () => aDiagnosis({ backends: own })))).toHaveLength(200);
  });
});
