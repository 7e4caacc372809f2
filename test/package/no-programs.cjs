/** Required ahead of an app: the app cannot start another program, such as a bundler or Docker. */
const childProcess = require('node:child_process');
const { syncBuiltinESMExports } = require('node:module');

const refuse = () => {
  throw new Error('a synth must not start a program');
};

for (const name of ['exec', 'execSync', 'execFile', 'execFileSync', 'fork', 'spawn', 'spawnSync']) {
  childProcess[name] = refuse;
}
syncBuiltinESMExports();
