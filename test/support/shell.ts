import { type ExecFileOptions, execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** How a command ended, and what it printed. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command as a reader would type it, who has nothing set up: the environment holds what is given, and where
 * programs are found.
 */
export function shell(command: string, cwd: string, environment: Readonly<Record<string, string>>): Promise<Ran> {
  return ran('sh', ['-c', command], { cwd, env: { PATH: process.env['PATH'], ...environment } });
}

/** Runs a program to its end, whatever that is. */
export async function ran(program: string, args: readonly string[], options: ExecFileOptions = {}): Promise<Ran> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { ...options, encoding: 'utf8' });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as Ran;
    return { code, stdout, stderr };
  }
}
