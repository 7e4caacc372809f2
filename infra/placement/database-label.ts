import { createHash } from 'node:crypto';
import { Stack, Token } from 'aws-cdk-lib';
import type { Construct, IConstruct } from 'constructs';

/** The longest label that the settings take. */
const MAX_LABEL = 64;

/**
 * What a database is called unless the props say it: `<stack>_<database>`, by the name of the reaper's stack. Metrics and
 * alarms have only this name, so the same database ids in two stacks of an account must not share it. No stack name has
 * an underscore, so the two parts cannot be mistaken for other two.
 *
 * @param identifier of an import. The path stands for that of a database made in the app, which is known only to CloudFormation.
 */
export function defaultLabel(scope: Construct, database: IConstruct, identifier: string): string {
  const stack = outermostStack(scope);
  const name = Token.isUnresolved(identifier) ? pathFrom(stack, database) : identifier;
  const text = `${stack.stackName}_${name}`;
  const label = text.replaceAll(/[^A-Za-z0-9._-]+/g, '-');
  if (label.length <= MAX_LABEL) return label;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 8);
  return `${label.slice(0, MAX_LABEL - hash.length - 1)}-${hash}`;
}

/** The name of a nested stack is known only to CloudFormation. */
function outermostStack(scope: IConstruct): Stack {
  const stack = Stack.of(scope);
  return stack.nestedStackParent === undefined ? stack : outermostStack(stack.nestedStackParent);
}

/** The whole path where the database is in another stack, since it may have a namesake in a third one. */
function pathFrom(stack: Stack, { node }: IConstruct): string {
  const prefix = `${stack.node.path}/`;
  return node.path.startsWith(prefix) ? node.path.slice(prefix.length) : node.path;
}
