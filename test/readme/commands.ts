import { readdirSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where a reader of the pages is when told to run something. */
export const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** Whatever a reader can run as it is: a script of npm's, or one of the programs that the project leans on. */
const RUNNABLE = /^(?:(?:npm|npx|psql|aws|jq|ask) \S|\.ci\/)/;

const SHELL_BLOCK = /^```(?:sh|shell|bash|console)\n(.*?)^```$/gms;

/** The pages for people, by their paths. */
export const PAGES: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...readdirSync(`${PROJECT}/docs`).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
];

/** Every command that the pages tell people to run. */
const COMMANDS: readonly string[] = [...new Set(PAGES.flatMap((path) => commandsIn(read(path))))];

/**
 * Every command of a text, as it stands there but on one line: those of its shell blocks, without comments, and inline
 * code that begins with a program. In a block, a line that is indented belongs to the one before.
 */
export function commandsIn(markdown: string): readonly string[] {
  const blocks = [...markdown.matchAll(SHELL_BLOCK)].map(([, block = '']) => block.replaceAll(/\s*\\?\n +/g, ' '));
  const lines = blocks.flatMap((block) => block.split('\n').map((line) => line.replace(/ +#.*/, '')));
  const prose = markdown.replaceAll(/^```.*?^```$/gms, '');
  const code = [...prose.matchAll(/`([^`]+)`/g)].map(([, inline = '']) => inline.replaceAll(/\s+/g, ' '));
  return [...lines.filter((line) => line !== ''), ...code.filter((inline) => RUNNABLE.test(inline))];
}

/** The commands that these test files run, with what they need around them; test/readme/commands.test.ts runs the others. */
const RUN_ELSEWHERE: Readonly<Record<string, RegExp>> = {
  'test/clients/documented-commands.test.ts': /^(?:aws|psql|ask|ask\(\)|npm run sweep) /,
  'test/infra/cost-command.test.ts': /^npm run (?:--silent )?cost -- /,
  'test/readme/new-user.test.ts': /^npx cdk /,
};

/** The commands that no other test file runs. */
export function otherCommands(): readonly string[] {
  return COMMANDS.filter((command) => !Object.values(RUN_ELSEWHERE).some((own) => own.test(command)));
}

const taken = new Set<string>();

/** The commands that begin like this, for a test to run as they stand. */
export function commandsLike(beginning: string): readonly string[] {
  const found = COMMANDS.filter((command) => command.startsWith(beginning));
  for (const command of found) taken.add(command);
  return found;
}

/**
 * The one command that begins like this, for a test to run as it stands.
 *
 * @throws Error for none, or more than one.
 */
export function theCommand(beginning: string): string {
  const [command, ...others] = commandsLike(beginning);
  if (command !== undefined && others.length === 0) return command;
  const found = command === undefined ? 0 : others.length + 1;
  throw new Error(`expected the pages to have one command that begins with "${beginning}", found ${found}`);
}

/** The commands that a test file should run and has not taken. */
export function commandsLeft(testFile: string): readonly string[] {
  const own = RUN_ELSEWHERE[relative(PROJECT, fileURLToPath(testFile))];
  if (own === undefined) throw new Error(`${testFile} is not among the files that run commands`);
  return COMMANDS.filter((command) => own.test(command) && !taken.has(command));
}

/** A file of the project. */
export function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}
