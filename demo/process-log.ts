import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What child processes write to their stdout and stderr. */
export interface ProcessLog {
  /** To hand to `spawn` or `fork`, for as many processes as share the log. */
  readonly fd: number;
  /** All lines so far that are not empty, or those until it was closed. */
  lines(): readonly string[];
  /** Gives the file up, when nobody writes to it any more. Safe to call twice. */
  close(): void;
}

/**
 * A log by a file rather than a pipe: what a process wrote is in it when a later message of the process arrives, and stdout
 * and stderr keep their order. Unlinked at once, so that nothing is left behind whatever happens.
 */
export function openProcessLog(): ProcessLog {
  const fd = openUnlinkedFile();
  let final: readonly string[] | undefined;
  return {
    fd,
    lines: () => final ?? readLines(fd),
    close: () => {
      if (final) return;
      final = readLines(fd);
      closeSync(fd);
    },
  };
}

function openUnlinkedFile(): number {
  const folder = mkdtempSync(join(tmpdir(), 'process-log-'));
  try {
    return openSync(join(folder, 'log'), 'a+');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function readLines(file: number): string[] {
  const content = Buffer.alloc(fstatSync(file).size);
  readSync(file, content, 0, content.length, 0);
  return content
    .toString()
    .split('\n')
    .filter((line) => line !== '');
}
