import { type ChildProcess, spawn } from 'node:child_process';
import { ended } from './child-exit.js';

/**
 * A shell that outlives this process for a moment: when the pipe to its stdin closes, for whatever reason and even by
 * SIGKILL, it ends the server and removes the folder. Exit handlers can't promise that, and would meddle with the
 * caller's own. It is in a session of its own and deaf to signals, so that what ends us leaves it to its work. Only
 * ending every process at once, as a container's stop does, leaves the folder behind.
 */
const KEEPER = `
trap '' HUP INT TERM
read -r _
lock="$1/data/postmaster.pid"
[ -e "$lock" ] && kill -QUIT "$(head -n 1 "$lock")"
for _ in $(seq 100); do [ -e "$lock" ] || break; sleep 0.05; done
for _ in $(seq 100); do rm -rf "$1" && [ ! -e "$1" ] && break; sleep 0.05; done
`;

/** Sets a keeper on a server's folder, before anything is in it. */
export function startKeeper(folder: string): ChildProcess {
  const keeper = spawn('sh', ['-c', KEEPER, 'sh', folder], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  keeper.unref();
  return keeper;
}

/** Lets the keeper do its work, and waits for it. */
export async function dismissKeeper(keeper: ChildProcess): Promise<void> {
  keeper.stdin?.end();
  await ended(keeper);
}
