/**
 * Preloaded into a function: says of each write to the network that it was made, and stops the process right after the one
 * that STOP_AFTER_WRITE names. Lambda freezes a function like this, between two instructions. Plain JavaScript, as the
 * function runs without a loader.
 */
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';

const stopAfter = Number(process.env.STOP_AFTER_WRITE);
let writes = 0;

// What is written while a socket is corked, such as the messages of one statement, comes as one call of _writev.
for (const method of ['_write', '_writev']) {
  const write = Socket.prototype[method];
  Socket.prototype[method] = function (...args) {
    write.apply(this, args);
    writes += 1;
    writeSync(2, `write ${writes} of process ${process.pid}\n`);
    if (writes === stopAfter) process.kill(process.pid, 'SIGSTOP');
  };
}
