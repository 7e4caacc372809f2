import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The environment variable that names the temporary folder of a test run. */
export const RUN_FOLDER_VARIABLE = 'TEST_RUN_FOLDER';

/** Gives the whole test run one temporary folder and removes it at the end, since CDK's apps leave theirs behind. */
export function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'connection-reaper-tests-'));
  // Servers that root starts run as another account, which has to pass through.
  chmodSync(folder, 0o711);
  process.env['TMPDIR'] = folder;
  process.env[RUN_FOLDER_VARIABLE] = folder;
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
