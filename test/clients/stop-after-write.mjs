/**
 * Preloaded into a function: names each write to the network that a sweep makes, and stops the process right after the
 * one that STOP_AFTER names. Lambda freezes a function like this, between two instructions. Plain JavaScript, as the
 * function runs without a loader.
 */
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';

const PROTOCOL_3 = 3 << 16;

/** How often each thing was written. */
const times = new Map();
let sweeping = false;

// Events are handed out from the first listener on, which must be the function's own.
process.on('newListener', function whenItListens(name) {
  if (name !== 'message') return;
  process.off('newListener', whenItListens);
  process.on('message', ({ event }) => {
    sweeping = event.action === 'sweep';
  });
});

// What is written while a socket is corked, such as the messages of one statement, comes as one call of _writev.
for (const method of ['_write', '_writev']) {
  const write = Socket.prototype[method];
  Socket.prototype[method] = function (...args) {
    const [written] = args;
    const bytes = Buffer.concat(
      Array.isArray(written)
        ? written.map(({ chunk, encoding }) => Buffer.from(chunk, encoding))
        : [Buffer.from(written, args[1])],
    );
    write.apply(this, args);
    if (!sweeping) return;
    const text = contentOf(bytes);
    const time = (times.get(text) ?? 0) + 1;
    times.set(text, time);
    const name = `${time}. ${text}`;
    writeSync(2, `wrote as process ${process.pid}: ${name}\n`);
    if (name === process.env.STOP_AFTER) process.kill(process.pid, 'SIGSTOP');
  };
}

/** Which request to AWS, or else the statement, or else which message of PostgreSQL's protocol. */
function contentOf(bytes) {
  const text = bytes.toString('latin1');
  if (/^(?:GET|POST|PUT) /.test(text)) return /^x-amz-target: (\S+)/im.exec(text)?.[1] ?? 'request';
  if (bytes.length > 8 && bytes.readInt32BE(4) === PROTOCOL_3) return 'startup';
  const statement = /^(?:Q....|P....[^\0]*\0)([^\0]*)\0/s.exec(text)?.[1];
  if (statement !== undefined)
    return statement
      .trim()
      .replace(/\s+/g, ' ')
      .replace(/ = \d+/, ' = pid')
      .slice(0, 80);
  return /^[pX]\0\0/.test(text) ? `message ${text[0]}` : 'more of a request';
}
