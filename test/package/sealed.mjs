/** Loaded ahead of an app: lets it neither use the network nor start another program, such as a bundler or Docker. */
import childProcess from 'node:child_process';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

const refuse = (what) => () => {
  throw new Error(`a synth must not ${what}`);
};

net.Socket.prototype.connect = refuse('use the network');
dns.lookup = refuse('use the network');
for (const name of ['exec', 'execSync', 'execFile', 'execFileSync', 'fork', 'spawn', 'spawnSync']) {
  childProcess[name] = refuse('start a program');
}
syncBuiltinESMExports();
