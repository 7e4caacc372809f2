import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { type PostgresBinaries, runnableBinaries, serverAccount } from '../../demo/postgres-binaries.js';
import { initCluster } from '../../demo/postgres-cluster.js';
import { makeFolderOnce } from './make-folder-once.js';
import { RUN_FOLDER_VARIABLE } from './temporary-folder.js';

/** A cluster for the servers of a test run to start on copies of. There is none outside of test runs, as in the benches. */
export async function initializedCluster(major: number, binaries: PostgresBinaries): Promise<string | undefined> {
  const runFolder = process.env[RUN_FOLDER_VARIABLE];
  if (runFolder === undefined) return undefined;
  const folder = join(runFolder, `cluster-${major}`);
  await makeFolderOnce(folder, async (unfinished) => {
    const account = serverAccount();
    if (account) await chown(unfinished, account.uid, account.gid);
    const { initdb } = await runnableBinaries(binaries, unfinished, account);
    await initCluster(unfinished, initdb, account);
  });
  return folder;
}
