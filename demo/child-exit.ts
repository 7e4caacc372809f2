import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** Does the process still run, as far as its events have told? */
export function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** Waits until the process has exited, and keeps this one alive meanwhile, even if the child was unreferenced. */
export async function ended(child: ChildProcess): Promise<void> {
  if (!isAlive(child)) return;
  child.ref();
  await once(child, 'exit');
}

/** Sends the signal and waits for the exit. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  await ended(child);
}
