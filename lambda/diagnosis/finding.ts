/** Something a person should know, with what to do about it. */
export interface Finding {
  /** `critical`: refused logins or a blind reaper, now. `warning`: on the way there. `info`: explained, no action owed. */
  readonly severity: 'critical' | 'warning' | 'info';
  readonly code: string;
  /** What was seen, with its numbers. */
  readonly evidence: string;
  /** What to do; SQL can be pasted. */
  readonly remedy: string;
}
