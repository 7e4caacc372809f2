/** Lambda's own names. `WARN`: it worked, by means that want a look. */
export type LogLevel = 'INFO' | 'WARN' | 'ERROR';

/** One thing that happened; `event` says what kind. */
export type LogEvent = { readonly event: string } & Readonly<Record<string, unknown>>;
