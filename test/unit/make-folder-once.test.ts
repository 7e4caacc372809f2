import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { makeFolderOnce } from '../support/make-folder-once.js';

let parent: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'make-folder-once-'));
  return () => rmSync(parent, { recursive: true });
});

const contentOf = (folder: string) => readFileSync(join(folder, 'content'), 'utf8');

describe('makeFolderOnce', () => {
  it('makes the folder, and then leaves it alone', async () => {
    const folder = join(parent, 'cache', 'it');
    await makeFolderOnce(folder, (unfinished) => writeFile(join(unfinished, 'content'), 'first'));
    await makeFolderOnce(folder, (unfinished) => writeFile(join(unfinished, 'content'), 'second'));
    expect(contentOf(folder)).toBe('first');
  });

  it('shows nothing under its name before it is complete, and keeps nothing of what failed', async () => {
    const folder = join(parent, 'it');
    const failing = makeFolderOnce(folder, async (unfinished) => {
      await writeFile(join(unfinished, 'content'), 'half');
      expect(readdirSync(parent)).not.toContain('it');
      throw new Error('no network');
    });
    await expect(failing).rejects.toThrow('no network');
    expect(readdirSync(parent)).toEqual([]);
  });

  it('takes the folder that is complete first', async () => {
    const folder = join(parent, 'it');
    let finishSlow = (): void => undefined;
    const quickIsDone = new Promise<void>((resolve) => {
      finishSlow = resolve;
    });
    const slow = makeFolderOnce(folder, async (unfinished) => {
      await writeFile(join(unfinished, 'content'), 'slow');
      await quickIsDone;
    });
    await makeFolderOnce(folder, (unfinished) => writeFile(join(unfinished, 'content'), 'quick'));
    finishSlow();
    await slow;
    expect(contentOf(folder)).toBe('quick');
    expect(readdirSync(parent)).toEqual(['it']);
  });
});
