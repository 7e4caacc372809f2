import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT } from './commands.js';

/** Copies the project as a clone of it would be, with its packages in place of `npm ci`, and returns the files' paths. */
export async function cloneProject(clone: string): Promise<readonly string[]> {
  // What git has, or would have after a commit of all, also where the checkout belongs to another user.
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { stdout } = await promisify(execFile)('git', ['-c', 'safe.directory=*', ...list], { cwd: PROJECT });
  const files = stdout.split('\0').filter((path) => path !== '' && existsSync(join(PROJECT, path)));
  for (const path of files) await cp(join(PROJECT, path), join(clone, path));
  await symlink(join(PROJECT, 'node_modules'), join(clone, 'node_modules'));
  return files;
}
