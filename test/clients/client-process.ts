import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { end, isAlive } from '../../demo/child-exit.js';
import { until } from '../support/database.js';

/** A program that uses the database, told what to do by lines on its stdin. */
export interface ClientProcess extends AsyncDisposable {
  /** Sends a line, and waits until the program has printed something that matches. */
  tell(line: string, answer: RegExp): Promise<void>;
  /** Waits for the program to print something that matches, after what was waited for last. */
  says(answer: RegExp): Promise<void>;
  /** Closes its stdin and waits for its end. */
  exitCode(): Promise<number | null>;
  /** All it has printed, on stdout and stderr. */
  output(): string;
}

/**
 * Starts a client program of its own.
 *
 * @param environment added to ours.
 */
export async function startClient(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<ClientProcess> {
  const child: ChildProcess = spawn(program, args, { env: { ...process.env, ...environment }, stdio: 'pipe' });
  let output = '';
  let heard = 0;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  // It may be gone by the time it is told something.
  child.stdin?.on('error', () => undefined);
  try {
    await once(child, 'spawn');
  } catch (cause) {
    throw new Error(`could not start ${program}; .ci/run lists the Debian packages these tests need`, { cause });
  }

  async function says(answer: RegExp): Promise<void> {
    const found = () => answer.exec(output.slice(heard));
    await until(async () => found() !== null, 10_000).catch((cause) => {
      throw new Error(`expected ${answer}, got:\n${output}`, { cause });
    });
    const match = found();
    heard += match === null ? 0 : match.index + match[0].length;
  }
  return {
    says,
    tell: async (line, answer) => {
      child.stdin?.write(`${line}\n`);
      await says(answer);
    },
    exitCode: async () => {
      child.stdin?.end();
      if (isAlive(child)) await once(child, 'close');
      return child.exitCode;
    },
    output: () => output,
    // Not SIGKILL, by which script would leave the program it runs behind.
    [Symbol.asyncDispose]: () => end(child, 'SIGTERM'),
  };
}
