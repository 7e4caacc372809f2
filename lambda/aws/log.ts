import type { LogEvent, LogLevel } from '../report/log-event.js';

/** Where a run writes its log: one JSON document a line. */
export interface Log {
  /** An event of ours, as a line with time and level. */
  write(event: LogEvent, level?: LogLevel): void;
  /** A line as it is, for formats that others define. */
  raw(line: object): void;
}

/**
 * Writes to standard output rather than by `console`, which in Lambda's JSON format would wrap each line in another
 * document. JSON escapes control characters, so no name can start a line of its own.
 */
export function logTo(stream: { write(text: string): unknown }): Log {
  const raw = (line: object) => stream.write(`${JSON.stringify(line)}\n`);
  return {
    write: (event, level = 'INFO') => raw({ timestamp: new Date().toISOString(), level, ...event }),
    raw,
  };
}
