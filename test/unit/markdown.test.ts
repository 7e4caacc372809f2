import { marked, type Token } from 'marked';
import { describe, expect, it } from 'vitest';
import { parseEvent } from '../../lambda/input/event.js';
import { policyOf } from '../../lambda/policy/policy.js';
import { answerOf } from '../../lambda/report/answer.js';
import { aDiagnosis, anInstanceResult, aSnapshot, backends, someSettings } from '../support/builders.js';

/** A server that one application has filled. */
function markdownOf(applicationName: string, errors: readonly string[] = []): string {
  const settings = someSettings();
  const request = parseEvent({ action: 'report' });
  const own = backends(90, { applicationName });
  const statement = {
    text: `select ? as ${applicationName}`,
    connections: 90,
    read: 90,
    tags: { route: 'GET /carts' },
  };
  const result = anInstanceResult({
    diagnoses: [aDiagnosis({ service: applicationName, backends: own, statement })],
    outcomes: own.map((backend) => ({ backend, outcome: 'reapable', reason: null })),
    snapshot: aSnapshot({ backends: own }),
    errors,
  });
  const publication = { requests: 0, datapoints: 0, via: 'none', error: null } as const;
  return answerOf(settings, request, policyOf(settings, request), [result], publication).markdown;
}

/** What a reader of GitHub's Markdown sees as what. */
function structureOf(tokens: readonly Token[]): unknown[] {
  return tokens.flatMap((token) => {
    // Text may come in pieces where a character is escaped.
    if (token.type === 'text' && !('tokens' in token)) return [];
    if (token.type === 'escape') return [];
    const cells = token.type === 'table' ? [...token['header'], ...token['rows'].flat()] : [];
    const nested = 'items' in token ? token['items'] : 'tokens' in token ? (token.tokens ?? []) : [];
    const below = [...nested, ...cells.flatMap((cell) => cell.tokens)];
    return [[token.type, structureOf(below)]];
  });
}

describe('the report in Markdown', () => {
  it('has the commands and SQL in blocks that can be copied', () => {
    const tokens = marked.lexer(markdownOf('checkout'));
    const code: [string, string][] = [];
    marked.walkTokens(tokens, (token) => {
      if (token.type === 'code') code.push([token['lang'], token['text']]);
    });
    expect(code).toEqual([
      ['sh', expect.stringMatching(/^\{"action":"reap",.*"applications":\["checkout"\].*\}$/)],
      ['sql', 'ALTER ROLE "checkout" CONNECTION LIMIT 5;'],
    ]);
  });

  it('says what failed', () => {
    expect(markdownOf('checkout', ['primary: <lost>'])).toContain('### FAILED\n\n- primary: \\<lost\\>');
  });

  it.each([
    '# heading',
    '- item',
    '+ item',
    '1. item',
    '1) item',
    '> quotation',
    '<img src=x onerror=alert(1)>',
    '&lt;b&gt;',
    '**bold** __bold__ *it* _it_ ~~gone~~',
    '`code` ``` fence',
    '[link](http://a.example)',
    'https://a.example/b www.a.example a@b.example',
    '![image](a.png)',
    'a | b',
    'back\\slash',
    '=== rule',
    'line\n\n# heading',
    '\u202etfel ot thgir',
    '\u001b[31mred',
  ])('shows %j as it is, and nothing else changes by it', (name) => {
    const tokens = marked.lexer(markdownOf(name));
    expect(structureOf(tokens)).toEqual(structureOf(marked.lexer(markdownOf('checkout'))));
  });
});
