/** The security review: every right, way and thing kept, and with which options it comes or goes. */
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { ConnectionReaper } from '../../../infra/connection-reaper.js';
import { anApp } from '../../infra/a-reaper.js';
import { ONE_LINE, OPTIONS, type Option } from './options.js';
import { type Row, rowsOf } from './rows.js';

/** A row, and when it is there. */
export interface ReviewedRow extends Row {
  readonly when: string;
}

/** A stack without the construct, and with it. */
interface Templates {
  readonly before: object;
  readonly after: object;
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
  return { before: Template.fromStack(without).toJSON(), after: Template.fromStack(stack).toJSON() };
}

/** Every row of the construct of one line and of its options. */
export function securityReview(): readonly ReviewedRow[] {
  const rows = new Map<string, Row>();
  const keysOf = (option: Option): ReadonlySet<string> => {
    const { before, after } = templatesOf(option);
    const found = rowsOf(before, after).map((row) => [JSON.stringify(row), row] as const);
    for (const [key, row] of found) rows.set(key, row);
    return new Set(found.map(([key]) => key));
  };
  const keys = new Map([ONE_LINE, ...OPTIONS].map((option) => [option, keysOf(option)]));
  const isIn = (option: Option, key: string) => keys.get(option)?.has(key) === true;
  const whens = new Map([...rows.keys()].map((key) => [key, whenOf((option) => isIn(option, key))]));

  // What is there whenever the bootstrap is, is part of it.
  const bootstrap = [...rows].find(([, { who, on }]) => who === 'Lambda' && on === 'the role of the bootstrap');
  const withBootstrap = bootstrap === undefined ? undefined : whens.get(bootstrap[0]);
  return [...rows].map(([key, row]) => {
    const when = whens.get(key) ?? '';
    return { ...row, when: when === withBootstrap && key !== bootstrap?.[0] ? 'with the bootstrap' : when };
  });
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
