import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Account, POSTGRES_ENVIRONMENT } from './postgres-binaries.js';

/** A cluster on which no server runs yet. */
export interface Cluster {
  readonly data: string;
  readonly superuser: { readonly user: string; readonly password: string };
}

const run = promisify(execFile);
const SUPERUSER = 'postgres';

/** Makes a cluster in a folder that belongs to the account, with a random password for its superuser. */
export async function initCluster(folder: string, initdb: string, account: Account | undefined): Promise<Cluster> {
  const { data, passwordFile } = pathsIn(folder);
  await writeFile(passwordFile, randomBytes(18).toString('base64url'), { mode: 0o600 });
  if (account) await chown(passwordFile, account.uid, account.gid);
  const login = ['-U', SUPERUSER, '--pwfile', passwordFile, '--auth', 'scram-sha-256'];
  // The C locale exists everywhere; nothing here need survive a power cut.
  const cheap = ['--encoding', 'UTF8', '--no-locale', '--no-sync'];
  await run(initdb, ['-D', data, ...login, ...cheap], { cwd: folder, env: POSTGRES_ENVIRONMENT, ...account });
  return clusterIn(folder);
}

/** Copies a cluster, its superuser's password included, from one folder to another. */
export async function copyCluster(from: string, to: string): Promise<Cluster> {
  const { data, passwordFile } = pathsIn(from);
  // By cp, which is faster than fs.cp; -a keeps owner and mode, without which PostgreSQL refuses to start.
  await run('cp', ['-a', data, passwordFile, to]);
  return clusterIn(to);
}

async function clusterIn(folder: string): Promise<Cluster> {
  const { data, passwordFile } = pathsIn(folder);
  return { data, superuser: { user: SUPERUSER, password: await readFile(passwordFile, 'utf8') } };
}

function pathsIn(folder: string) {
  return { data: join(folder, 'data'), passwordFile: join(folder, 'password') };
}
