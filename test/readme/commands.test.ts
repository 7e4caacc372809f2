import { describe, expect, it } from 'vitest';
import { COMMANDS, commandsIn, read } from './commands.js';

/** By how they begin, the commands that a test takes out of the texts and runs as they stand there, and that test. */
const RUN_AS_WRITTEN: Readonly<Record<string, string>> = {
  'npx cdk synth': 'test/readme/new-user.test.ts',
  'npx cdk deploy': 'test/readme/new-user.test.ts',
  'npx cdk bootstrap': 'test/readme/new-user.test.ts',
  'npm run sweep -- --url': 'test/clients/documented-commands.test.ts',
  'npm run sweep -- --help': 'test/clients/documented-commands.test.ts',
  'psql ': 'test/clients/documented-commands.test.ts',
  'aws ': 'test/clients/documented-commands.test.ts',
  'ask() {': 'test/clients/documented-commands.test.ts',
  "ask '": 'test/clients/documented-commands.test.ts',
};

const { version } = JSON.parse(read('package.json'));

/** The other commands that .ci/run hasn't among its steps: the file that runs them, and the words by which it does. */
const RUN_BY: Readonly<Record<string, readonly [file: string, words: string]>> = {
  'npm run cost': ['test/infra/cost-command.test.ts', "'npm', ['run', '--silent', 'cost'"],
  'npm run cost -- --applications 12': ['test/infra/cost-command.test.ts', "npmRunCost('--applications', '12')"],
  'npm run cost -- --json': ['test/infra/cost-command.test.ts', "npmRunCost('--json')"],
  'npm run bundle': ['package.json', '"prepare": "npm run --silent bundle"'],
  'npm pack': ['test/support/packed-library.ts', "'npm', ['pack'"],
  [`npm install <path>/connection-reaper-${version}.tgz`]: [
    'test/support/packed-library.ts',
    'dependencies: { ...peers } }, [tarball]',
  ],
  '.ci/run': ['.ci/run', '#!/usr/bin/env bash'],
};

/** A call of npm without the option that only makes it say less. */
const loud = (command: string) => command.replaceAll('npm run --silent ', 'npm run ');

const steps = read('.ci/run')
  .split('\n')
  .filter((line) => !line.trimStart().startsWith('#'))
  .map(loud);

/** Does .ci/run have a step that is this command, perhaps with more options? */
function isStep(command: string): boolean {
  return steps.some(
    (line) => line.includes(command) && /^(?:$|[\s)])/.test(line.slice(line.indexOf(command) + command.length)),
  );
}

describe('every command of README and runbook is run', () => {
  const commands = COMMANDS.map(loud);

  it.each(commands)('%s', (command) => {
    const asWritten = Object.entries(RUN_AS_WRITTEN).find(([beginning]) => command.startsWith(beginning));
    if (asWritten !== undefined) {
      const [beginning, test] = asWritten;
      const literals = [`'${beginning}'`, `"${beginning}"`];
      expect(literals.filter((literal) => read(test).includes(literal))).toHaveLength(1);
    } else if (RUN_BY[command] !== undefined) {
      const [file, words] = RUN_BY[command];
      expect(read(file)).toContain(words);
    } else {
      const nowhere = command.split(' && ').filter((part) => !isStep(part));
      expect(nowhere).toEqual([]);
    }
  });

  it('and nothing is said to be run that neither tells', () => {
    expect(Object.keys(RUN_BY).filter((command) => !commands.includes(command))).toEqual([]);
    expect(
      Object.keys(RUN_AS_WRITTEN).filter((beginning) => !commands.some((one) => one.startsWith(beginning))),
    ).toEqual([]);
  });
});

describe('a command', () => {
  const FENCE = '```';

  it.each([
    ['is each line of a shell block', `${FENCE}sh\na b\nc\n${FENCE}`, ['a b', 'c']],
    ['may go on in the next line', `${FENCE}sh\na \\\n  b\nc() { d\n  && e; }\n${FENCE}`, ['a b', 'c() { d && e; }']],
    ['has no comment', `${FENCE}sh\na 'b'   # c\n${FENCE}`, ["a 'b'"]],
    [
      'is inline code that begins with a program, wrapped or not',
      'Run `npm run\na`, `npx b`, `.ci/run`.',
      ['npm run a', 'npx b', '.ci/run'],
    ],
    ['is no other code', `\`psql\`, \`npmRunCost\`, \`select 1\`\n${FENCE}json\nnpm run a\n${FENCE}`, []],
  ])('%s', (_, markdown, commands) => {
    expect(commandsIn(`${markdown}\n`)).toEqual(commands);
  });
});
