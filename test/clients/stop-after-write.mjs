/**
 * Preloaded into a function: says of each write to the network that it was made, and stops the process right after the one
 * that STOP_AFTER_WRITE numbers, or the first one that holds the text STOP_AFTER_TEXT. Lambda freezes a function like this, between two instructions. Plain JavaScript, as the
 * function runs without a loader.
 */
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';

const stopAfter = Number(process.env.STOP_AFTER_WRITE);
const stopText = process.env.STOP_AFTER_TEXT;
let writes = 0;

// What is written while a socket is corked, such as the messages of one statement, comes as one call of _writev.
for (const method of ['_write', '_writev']) {
  const write = Socket.prototype[method];
  Socket.prototype[method] = function (...args) {
    const [written] = args;
    const chunks = Array.isArray(written) ? written.map(({ chunk }) => chunk) : [written];
    const hasText = stopText !== undefined && chunks.some((chunk) => chunk.includes(stopText));
    write.apply(this, args);
    writes += 1;
    writeSync(2, `write ${writes} of process ${process.pid}\n`);
    if (writes === stopAfter || hasText) process.kill(process.pid, 'SIGSTOP');
  };
}
