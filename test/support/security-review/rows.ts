/** Puts what a template says into words, with the reason for each. */
import { conditionWords } from './conditions.js';
import { addedFacts, type Fact, type Path, type Thing } from './facts.js';
import { nameOf } from './names.js';
import { WHY_ALLOWED, WHY_AT_ENDPOINT, WHY_CONNECTED, WHY_DENIED, WHY_NOT_NARROWER, WHY_THERE } from './reasons.js';
import type { Statement } from './statements.js';

/** The parts of the review, in their order. */
export const PARTS = ['rights', 'invitations', 'ways', 'things kept'] as const;

/** One line of the review. */
export interface Row {
  readonly part: (typeof PARTS)[number];
  readonly who: string;
  readonly may: string;
  readonly on: string;
  /** What narrows it further; empty where nothing does. */
  readonly only: string;
  readonly why: string;
}

/**
 * What a template says beyond another one, each once.
 *
 * @throws Error for a right, a way or a thing that has no name or no reason.
 */
export function rowsOf(before: object, after: object): readonly Row[] {
  const facts = addedFacts(before, after);
  const rows = [
    ...facts.filter((fact) => fact.kind === 'statement').map(statementRow),
    ...pathRows(facts.filter((fact) => fact.kind === 'path')),
    ...facts.flatMap((fact) => (fact.kind === 'statement' || fact.kind === 'path' ? [] : thingRow(fact, facts))),
  ];
  return [...new Map(rows.map((row) => [JSON.stringify(row), row])).values()];
}

function statementRow(statement: Statement): Row {
  const { of, effect, action, resource } = statement;
  const part = of === 'role' ? 'rights' : 'invitations';
  const { who, limits } = conditionWords(statement);
  const name = nameOf(resource);
  const on = of === 'trust' ? `the role of ${name}` : name === `the log of ${who}` ? 'its own log' : name;
  const isEndpoint = of.startsWith('<ReaperEndpoints');
  const only = [...(isEndpoint ? [`through ${nameOf(of)}`] : []), ...limits].join(', ');
  if (effect === 'Deny') {
    return { part, who, may: `never \`${action}\``, on, only, why: reasonOf(WHY_DENIED, action, action) };
  }
  if (who === nameOf('AWS:*')) throw new Error(`the security review: ${of} allows ${action} to everybody`);
  const reasons = WHY_ALLOWED[action] ?? {};
  const key = [`${who}: ${on}`, who, '*'].find((one) => Object.hasOwn(reasons, one)) ?? who;
  const why = [
    isEndpoint ? WHY_AT_ENDPOINT : reasonOf(reasons, key, `${who}: ${action}`),
    ...(/[*?]/.test(resource) ? [reasonOf(WHY_NOT_NARROWER, action, `${who}: ${action} on ${resource}`)] : []),
  ];
  return { part, who, may: `\`${action}\``, on, only, why: why.join('; ') };
}

/** Both sides of a way between security groups make one row. */
function pathRows(paths: readonly Path[]): readonly Row[] {
  return paths.map(({ side, from, to, port }) => {
    const isGroup = (text: string) => text.startsWith('<');
    const others = paths.filter((path) => path.from === from && path.to === to && path.port === port);
    if (isGroup(from) && isGroup(to) && !others.some((path) => path.side !== side)) {
      throw new Error(`the security review: from ${from} to ${to} only one side has a rule`);
    }
    const way = `${nameOf(from)} -> ${nameOf(to)}`;
    const key = isGroup(to) ? way : `${way}: ${nameOf(port)}`;
    return {
      part: 'ways',
      who: nameOf(from),
      may: `connect by ${nameOf(port)}`,
      on: nameOf(to),
      only: '',
      why: reasonOf(WHY_CONNECTED, key, key),
    };
  });
}

function thingRow({ kind, id, days, stays, content }: Thing, facts: readonly Fact[]): readonly Row[] {
  if (kind === 'other') throw new Error(`the security review doesn't know what this means: ${id} ${content}`);
  const name = kind === 'log of Lambda' ? `the log of ${nameOf(id)}` : nameOf(id);
  if (kind === 'security group') {
    if (facts.some((fact) => fact.kind === 'path' && fact.to === id)) return [];
    return [{ part: 'ways', who: 'nobody', may: 'connect', on: name, only: '', why: reasonOf(WHY_THERE, name, name) }];
  }
  const why = reasonOf(WHY_THERE, name, name);
  if (kind === 'function outside of the VPC') {
    return [{ part: 'ways', who: name, may: 'connect', on: 'what Lambda reaches without a VPC', only: '', why }];
  }
  const term = days === null ? 'for ever' : `${days} days`;
  const [on, only] = stays ? [term, 'also without the stack'] : [days === null ? 'as long as the stack' : term, ''];
  return [{ part: 'things kept', who: name, may: 'keep', on, only, why }];
}

function reasonOf(reasons: Readonly<Record<string, string>>, key: string, what: string): string {
  const reason = Object.hasOwn(reasons, key) ? reasons[key] : undefined;
  if (reason !== undefined) return reason;
  throw new Error(`the security review has no reason for ${what}: take it away, or give the reason in reasons.ts`);
}
