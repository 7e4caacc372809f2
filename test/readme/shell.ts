import { execFile } from 'node:child_process';
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
export async function shell(command: string, cwd: string, environment: Readonly<Record<string, string>>): Promise<Ran> {
  const env = { PATH: process.env['PATH'], ...environment };
  try {
    return { ...(await promisify(execFile)('sh', ['-c', command], { cwd, env })), code: 0 };
  } catch (error) {
    const { code, stdout, stderr } = error as Ran;
    return { code, stdout, stderr };
  }
}
