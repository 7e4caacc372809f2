import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder with content, unless it is there. It gets its name only when it is complete, so one whose making was
 * cut short is never taken for it; and of two who make it at the same time, the second to finish uses the first's.
 *
 * @param fill puts the content into the folder it is given, under another name in the same parent
 */
export async function makeFolderOnce(folder: string, fill: (unfinished: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) return;
  await mkdir(dirname(folder), { recursive: true });
  const unfinished = await mkdtemp(`${folder}.unfinished-`);
  try {
    await fill(unfinished);
    // Made for its maker alone, which is how mkdtemp makes it.
    await chmod(unfinished, 0o755);
    await rename(unfinished, folder);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (!isTaken(error)) throw error;
  }
}

/** Did somebody else make the folder meanwhile? */
function isTaken(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return syscall === 'rename' && (code === 'ENOTEMPTY' || code === 'EEXIST');
}
