import { nameOf } from './names.js';
import type { Statement } from './statements.js';

/** What a condition asks for, in words. */
type Words = (value: string, who: string) => string;

/** By operator and key. A condition that is not known here is an error. */
const WORDS: Readonly<Record<string, Words>> = {
  'ArnEquals lambda:SourceFunctionArn': (value, who) => exactly('when its own code asks', nameOf(value) === who, value),
  'StringEquals cloudwatch:namespace': (value) => `in the namespace \`${value}\``,
  'StringEquals kms:ViaService': (value) => exactly('through Secrets Manager', /^secretsmanager\./.test(value), value),
  'StringEquals aws:SourceAccount': (value) => exactly('for this account', value === '<AWS::AccountId>', value),
  'StringEquals aws:SourceArn': (value) => `for \`${localName(value)}\``,
  'ArnLike aws:SourceArn': (value) =>
    value.startsWith('<') ? `for each alarm ${nameOf(value)}` : `for \`${localName(value)}\``,
  'Bool aws:SecureTransport': (value) => exactly('without TLS', value === 'false', value),
};

/** Makes an exception of anybody: this principal alone is meant. */
const PRINCIPAL = 'ArnEquals aws:PrincipalArn';

/** Whom a statement is about, and what narrows it. */
export function conditionWords({ who, conditions }: Pick<Statement, 'who' | 'conditions'>) {
  const principal = conditions.find(([test]) => test === PRINCIPAL)?.[1];
  const name = nameOf(principal ?? who);
  const limits = conditions.filter(([test]) => test !== PRINCIPAL).map(([test, value]) => wordsFor(test)(value, name));
  return { who: name, limits };
}

function wordsFor(test: string): Words {
  const words = Object.hasOwn(WORDS, test) ? WORDS[test] : undefined;
  if (words === undefined) throw new Error(`the security review knows no condition ${test}`);
  return words;
}

function exactly(words: string, holds: boolean, value: string): string {
  if (!holds) throw new Error(`the security review: "${words}" is not what a condition on ${value} asks for`);
  return words;
}

/** The end of an ARN of this account and region, with a placeholder for what the database is called. */
function localName(arn: string): string {
  const [, name] = /^arn:<AWS::Partition>:\w+:<AWS::Region>:<AWS::AccountId>:(.+)$/.exec(arn) ?? [];
  if (name === undefined) throw new Error(`the security review: ${arn} is not of this account and region`);
  return name.replace('Orders-Cluster', '<databaseLabel>');
}
