import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Test files that take long, the longest first. Others take a few seconds. */
const LONGEST: readonly string[] = [
  'clients/frozen-function',
  'integration/handler',
  'readme/commands',
  'integration/iam-login',
  'clients/documented-commands',
  'integration/getting-in',
  'readme/new-user',
  'integration/sweep',
  'integration/terminate',
  'package/library',
  'integration/instance-run',
  'integration/postgres-server',
  'integration/aws-endpoint',
];

/** Starts the files that take long first, so that none of them runs alone at the end while the other workers are idle. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const found = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return found === -1 ? LONGEST.length : found;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
