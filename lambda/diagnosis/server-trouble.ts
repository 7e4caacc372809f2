/** What to do about troubles of the whole server, whether a login meets them or a run that is at work. */

/** By SQLSTATE. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
export const SERVER_TROUBLE = {
  '53100': 'the disk of the server is full: give it more space before anything else',
  '53200': 'the server is out of memory: lower what its sessions use, or give it more',
  '57P02': 'another server process crashed, and the server restarts: the next run tries again',
} as const;
