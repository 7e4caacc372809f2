/**
 * Preloaded into the process of the deployed bundle, it writes one line to stderr for each invocation: `{"steps": […]}`, in
 * milliseconds since the invocation. It watches sockets, HTTP requests, JSON and the log from outside, so the bundle stays
 * as it is deployed.
 */
import diagnostics from 'node:diagnostics_channel';
import { Socket } from 'node:net';

const POSTGRES_PORT = Number(process.env['PROBE_POSTGRES_PORT']);

/** What is shorter is not worth a line. */
const LEAST_JSON_MS = 0.2;

let began = 0;
let steps = [];
let log = { lines: 0, ms: 0 };
const now = () => performance.now() - began;
const add = (what, start, end = now()) => steps.push({ what, start, end });

// Not by a listener: the channel would open before the runtime listens, and the first invocation would be lost.
const emit = process.emit.bind(process);
process.emit = (name, ...rest) => {
  if (name === 'message') {
    began = performance.now();
    steps = [];
    log = { lines: 0, ms: 0 };
  }
  return emit(name, ...rest);
};
const send = process.send?.bind(process);
process.send = (answer, ...rest) => {
  const total = now();
  if (log.lines > 0) steps.push({ what: `of this, ${log.lines} writes to the log`, start: total - log.ms, end: total });
  process.stderr.write(`${stringify({ steps, total })}\n`);
  return send?.(answer, ...rest) ?? false;
};

const write = process.stdout.write.bind(process.stdout);
process.stdout.write = (...parameters) => {
  const start = now();
  const written = write(...parameters);
  log = { lines: log.lines + 1, ms: log.ms + now() - start };
  return written;
};

const { parse, stringify } = JSON;
JSON.parse = (text, ...rest) => timed('JSON.parse', text, () => parse(text, ...rest));
JSON.stringify = (...parameters) => timed('JSON.stringify', undefined, () => stringify(...parameters));

function timed(name, text, work) {
  const start = now();
  const result = work();
  const characters = String(text ?? result).length;
  if (now() - start >= LEAST_JSON_MS) add(`${name}, ${characters} characters`, start);
  return result;
}

diagnostics.subscribe('http.client.request.start', ({ request }) => {
  const start = now();
  request.once('response', (response) => {
    response.once('end', () => add(`HTTP ${request.method} ${request.getHeader('x-amz-target') ?? ''}`, start));
  });
});

const { connect } = Socket.prototype;
Socket.prototype.connect = function (...parameters) {
  // Node.js puts its own `write` back when a socket connects.
  const connecting = connect.apply(this, parameters);
  if (parameters[0] === POSTGRES_PORT) watch(this);
  return connecting;
};

/** From what is sent to a server until the end of its answer, ReadyForQuery. */
function watch(socket) {
  const opened = now();
  let sent = { what: 'log in', start: opened };
  let firstByte;
  const { write: writeSocket, push } = socket;
  socket.write = function (chunk, ...rest) {
    const message = Buffer.from(chunk);
    const statement = /[QP]/.test(String.fromCharCode(message[0] ?? 0)) ? textOf(message) : undefined;
    if (statement !== undefined) {
      sent = { what: statement, start: now() };
      firstByte = undefined;
    } else if (message[0] === 0x58) add('say goodbye', now(), now());
    return writeSocket.call(this, chunk, ...rest);
  };
  socket.push = function (chunk, ...rest) {
    if (chunk !== null && sent !== undefined) {
      firstByte ??= now();
      if (chunk.length >= 6 && chunk.subarray(-6, -1).equals(READY)) {
        const until = sent.what === 'log in' ? '' : ` (first byte after ${(firstByte - sent.start).toFixed(1)} ms)`;
        add(`${sent.what}${until}`, sent.start);
        sent = undefined;
      }
    }
    return push.call(this, chunk, ...rest);
  };
  socket.once('close', () => add('the connection is closed', now(), now()));
}

/** ReadyForQuery, without the transaction's state that ends it. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5]);

/** The beginning of a statement, from the message Query or Parse. */
function textOf(message) {
  const text = message.subarray(5).toString('latin1');
  return text.replaceAll('\0', ' ').replaceAll(/\s+/g, ' ').trim().slice(0, 60);
}
