/** The security review: every permission, connection and thing kept, with its reason and the options it depends on. */
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { ConnectionReaper } from '../../../infra/connection-reaper.js';
import { groupBy } from '../../../lambda/policy/group-by.js';
import { markdownTable } from '../../../package/generated-block.js';
import { anApp } from '../../infra/a-reaper.js';
import { addedFacts, type Fact, type Resources } from './facts.js';
import { ONE_LINE, OPTIONS, type Option } from './options.js';
import { placeOf, reasonOf } from './reasons.js';

interface Row extends Fact {
  readonly why: string;
  readonly when: string;
}

/** A stack without the construct, and with it. */
interface Templates {
  readonly before: Resources;
  readonly after: Resources;
}

const synthesized = new Map<Option, Templates>();

/** The stack of an option as it is before the construct is made, and with it; each is made once. */
export function templatesOf(option: Option): Templates {
  const templates = synthesized.get(option) ?? synthesize(option);
  synthesized.set(option, templates);
  return templates;
}

function synthesize({ props }: Option): Templates {
  const without = new Stack(anApp(), 'Orders');
  props(without);
  const stack = new Stack(anApp(), 'Orders');
  new ConnectionReaper(stack, 'Reaper', props(stack));
  return {
    before: Template.fromStack(without).toJSON() as Resources,
    after: Template.fromStack(stack).toJSON() as Resources,
  };
}

/** The facts of an option's construct. */
export function factsOf(option: Option): readonly Fact[] {
  const { before, after } = templatesOf(option);
  return addedFacts(before, after);
}

/** The review as a table of Markdown. */
export function securityTable(): string {
  const facts = new Map([ONE_LINE, ...OPTIONS].flatMap(factsOf).map((fact) => [JSON.stringify(fact), fact]));
  const keysOf = new Map([ONE_LINE, ...OPTIONS].map((option) => [option, keysIn(option)]));
  const rows = [...facts].map(([key, fact]): Row & { readonly place: number } => ({
    ...fact,
    why: reasonOf(fact),
    when: whenOf((option) => keysOf.get(option)?.has(key) === true),
    place: placeOf(fact),
  }));
  const inOrder = rows.toSorted((one, other) => one.place - other.place).map(({ place: _, ...row }) => row);
  // One row says when there is a bootstrap; the others refer to it.
  const bootstrap = inOrder.find(({ who, on }) => who === 'lambda.amazonaws.com' && on === 'ReaperBootstrapRole')?.when;
  const short = inOrder.map((row) =>
    row.when === bootstrap && row.may !== 'sts:AssumeRole' ? { ...row, when: 'with the bootstrap' } : row,
  );
  const merged = (['may', 'on', 'only'] as const).reduce<readonly Row[]>(mergedBy, short);
  const lines = merged.map(({ who, may, on, only, why, when }) => [
    code(who),
    code(may),
    code(on),
    code(only),
    why,
    when,
  ]);
  return markdownTable([['who', 'may', 'on', 'only', 'why', 'when'], ...lines]);
}

function keysIn(option: Option): ReadonlySet<string> {
  return new Set(factsOf(option).map((fact) => JSON.stringify(fact)));
}

/** Makes one row of those that differ in one column alone. */
function mergedBy(rows: readonly Row[], column: 'may' | 'on' | 'only'): readonly Row[] {
  const groups = groupBy(rows, (row) => JSON.stringify({ ...row, [column]: '' }));
  return [...groups.values()].flatMap(([first, ...others]) =>
    first === undefined ? [] : [{ ...first, [column]: [first, ...others].map((row) => row[column]).join(' / ') }],
  );
}

function code(text: string): string {
  return text
    .split(' / ')
    .map((part) => (part === '' ? '' : `\`${part}\``))
    .join('<br>');
}

function whenOf(isIn: (option: Option) => boolean): string {
  const parentsOf = ({ beside }: Option) => (beside.length === 0 ? [ONE_LINE] : beside);
  const names = (options: readonly Option[]) => [...new Set(options.map(({ name }) => name))].join(', ');
  const adding = OPTIONS.filter((option) => isIn(option) && !parentsOf(option).some(isIn));
  const removing = OPTIONS.filter((option) => !isIn(option) && parentsOf(option).every(isIn));
  const parts = [
    ...(adding.length > 0 ? [`with ${names(adding)}`] : []),
    ...(removing.length > 0 ? [`not with ${names(removing)}`] : []),
  ];
  if (isIn(ONE_LINE)) parts.reverse();
  return parts.length === 0 ? 'always' : parts.join('; ');
}
