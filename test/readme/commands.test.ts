/**
 * Runs the commands that the pages tell people to run, in a copy of the project. Other test files run those that
 * need a database or AWS.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { shell } from '../support/shell.js';
import { cloneProject } from './clone.js';
import { commandsIn, otherCommands, PROJECT, read } from './commands.js';

/** .ci/run runs these commands in its steps, so they are not run a second time here. */
const STEPS = [
  'npm ci',
  'npm run lint',
  'npm run typecheck',
  'npm run unused',
  'npm run format',
  'npm run generate',
  'npm run synth',
  'npm run demo',
  'npm test',
  'npm run test:matrix',
  'npm run bench:storm',
  'npm run bench:flip-race',
  'npm run bench:reap',
  'npm run bench:diagnose',
  'npm run test:diagnosis',
  'npm run mutation',
];

/** Commands that are part of a step, and the step: it runs all projects at once, and fewer scenarios. */
const PARTS: readonly (readonly [command: string, step: string])[] = [
  ['npm run test:clients', 'npm run test:matrix -- --project clients'],
  ['npm run test:diagnosis -- --markdown docs/verdicts.md', 'npm run test:diagnosis -- --quick --markdown'],
];
const COVERED = ['.ci/run', ...STEPS, ...PARTS.map(([command]) => command)];

let home: string;
let clone: string;
let files: readonly string[];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'commands-'));
  clone = join(home, 'clone');
  files = await cloneProject(clone);
});

afterAll(() => rm(home, { recursive: true }));

describe('in a clone', { timeout: 120_000 }, () => {
  const parts = [...new Set(otherCommands().flatMap((command) => command.split(' && ')))];

  it.each(parts.filter((command) => !COVERED.includes(command)))('%s succeeds', async (command) => {
    // Offline as far as npm's cache holds the packages.
    const environment = { HOME: process.env['HOME'] ?? home, npm_config_prefer_offline: 'true' };
    const { code, stdout, stderr } = await shell(command.replace('<path>', clone), folderFor(command), environment);
    expect(code, `${stdout}${stderr}`).toBe(0);
  });

  it('no command changes a file of the project', async () => {
    const text = (folder: string, path: string) => readFile(join(folder, path), 'utf8');
    for (const path of files) expect(await text(clone, path), path).toBe(await text(PROJECT, path));
  });
});

/** A reader installs the package in a project of his own. */
function folderFor(command: string): string {
  return command.startsWith('npm install') ? home : clone;
}

it.each([...STEPS.map((command) => [command, command] as const), ...PARTS])(
  '%s is in a step of .ci/run, and in a page',
  (command, step) => {
    const line = step.replace('npm run ', 'npm run (?:--silent )?');
    expect(read('.ci/run')).toMatch(new RegExp(`^[^#\\n]*\\b${line}(?: |$)`, 'm'));
    expect(otherCommands().flatMap((one) => one.split(' && '))).toContain(command);
  },
);

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
