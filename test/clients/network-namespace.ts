import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a process on another host sees of the network, and a link to it that can be cut. */
export interface NetworkNamespace extends Disposable {
  /** The address of this host, as seen from there. */
  readonly host: string;
  /** A second address of this host, for clients here that are not to come from the server's own. */
  readonly clientHost: string;
  /** The addresses of both ends, as a CIDR block. */
  readonly block: string;
  /** An executable that runs Node.js there, under its own process id. */
  readonly node: string;
  /** Takes the link down. No packet passes any more, and neither end is told. */
  cut(): void;
}

/**
 * Makes a network namespace of Linux, which takes root and Debian's iproute2. End the processes in it first.
 *
 * @throws where namespaces are not permitted, or `ip` is missing.
 */
export function networkNamespace(): NetworkNamespace {
  const name = `frozen-${process.pid}`;
  const [ours, theirs] = [`frz${process.pid}a`, `frz${process.pid}b`];
  // 198.18.0.0/15 is for tests (RFC 2544): 16,384 blocks of eight addresses.
  const first = 8 * (process.pid % 16_384);
  const address = (offset: number) => `198.${18 + (first >> 16)}.${(first >> 8) & 255}.${(first & 255) + offset}`;
  const folder = mkdtempSync(join(tmpdir(), 'namespace-'));
  const node = join(folder, 'node');
  const ip = (command: string) => execFileSync('ip', command.split(' '), { stdio: 'pipe' });
  const undo: (() => void)[] = [() => rmSync(folder, { recursive: true })];
  const dispose = () => {
    for (const step of undo.splice(0).reverse()) step();
  };
  try {
    writeFileSync(node, `#!/bin/sh\nexec ip netns exec ${name} '${process.execPath}' "$@"\n`, { mode: 0o755 });
    ip(`netns add ${name}`);
    undo.push(() => ip(`netns del ${name}`));
    ip(`link add ${ours} type veth peer name ${theirs}`);
    undo.push(() => ip(`link del ${ours}`));
    ip(`link set ${theirs} netns ${name}`);
    ip(`addr add ${address(1)}/29 dev ${ours}`);
    // A subnet of its own: within one, the second address would lead to a client with the first.
    ip(`addr add ${address(2)}/32 dev ${ours}`);
    ip(`link set ${ours} up`);
    ip(`-n ${name} addr add ${address(3)}/29 dev ${theirs}`);
    ip(`-n ${name} link set ${theirs} up`);
  } catch (error) {
    dispose();
    throw error;
  }
  return {
    host: address(1),
    clientHost: address(2),
    block: `${address(0)}/29`,
    node,
    cut: () => ip(`-n ${name} link set ${theirs} down`),
    [Symbol.dispose]: dispose,
  };
}
