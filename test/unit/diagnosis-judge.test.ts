import { describe, expect, it } from 'vitest';
import { confusionMatrix, judge, misses, passes } from '../diagnosis/judge.js';
import type { Found } from '../diagnosis/report.js';
import type { Scenario, Service } from '../diagnosis/scenario.js';

const LEAK: Service = { service: 'checkout', expected: 'leak', client: 'psycopg2', mode: 'leak', connections: 20 };
const POOL: Service = { ...LEAK, service: 'web', expected: ['pool_at_rest', 'busy'], mode: 'rest' };

function found(service: string, verdict: string, text = 'select $1 from carts'): Found {
  const statement = { text, connections: 1 };
  return { service, verdict, certainty: 'likely', connections: 1, leaked: 1, statement, driver: null };
}

function judged(services: readonly Service[], ...verdicts: readonly Found[]) {
  const scenario: Scenario = { name: 'a leak', services };
  return judge({ scenario, found: verdicts, text: '', evidence: [] });
}

describe('a service', () => {
  const cases: [name: string, services: Service[], verdicts: Found[], fault: string | null | undefined][] = [
    ['is right with its verdict and its statement', [LEAK], [found('checkout', 'leak')], null],
    ['is right with any of its verdicts', [POOL], [found('web', 'busy')], null],
    ['that leaks is missed with another verdict', [LEAK], [found('checkout', 'unclear')], 'leak missed'],
    ['that leaks is missed when nobody names it', [LEAK], [], 'leak missed'],
    ['that leaks needs its statement', [LEAK], [found('checkout', 'leak', 'COMMIT')], 'statement missed'],
    ['that is healthy is accused', [POOL], [found('web', 'leak')], 'healthy service accused'],
    ['that is healthy may be unclear', [POOL], [found('web', 'unclear')], 'healthy service unclear'],
    ['that nobody expects is accused', [], [found('web', 'leak')], 'healthy service accused'],
    ['that nobody expects may be healthy', [], [found('web', 'pool_at_rest')], undefined],
  ];
  it.each(cases)('%s', (_, services, verdicts, fault) => {
    expect(judged(services, ...verdicts)[0]?.fault).toBe(fault);
  });
});

it('passes two healthy services that are unclear, and no third', () => {
  const [unclear] = judged([POOL], found('web', 'unclear'));
  if (unclear === undefined) throw new Error('no row');
  expect(passes([unclear, unclear])).toBe(true);
  expect(passes([unclear, unclear, unclear])).toBe(false);
});

it('counts expected and found verdicts, and lists each miss', () => {
  const rows = judged([LEAK, POOL], found('checkout', 'leak'), found('web', 'leak'));
  expect(confusionMatrix(rows)).toContain('| pool_at_rest | 1 |  |');
  expect(misses(rows)).toEqual(['healthy service accused: a leak: web: pool_at_rest, got leak']);
});
