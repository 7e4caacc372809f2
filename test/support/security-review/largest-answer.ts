import { parseEvent } from '../../../lambda/input/event.js';
import type { Outcome } from '../../../lambda/policy/outcome.js';
import { type Answer, answerOf } from '../../../lambda/report/answer.js';
import { aBackend, anInstanceResult, aPolicy, aServer, aSnapshot, someSettings } from '../builders.js';

/** The most connections that RDS gives a server by default. */
export const MOST_CONNECTIONS = 5_000;

/** What PostgreSQL says to a role that may not signal: the longest of the reasons for one backend. */
const REFUSAL =
  '42501: permission denied to terminate process: Only roles with privileges of the role whose process is being ' +
  'terminated or with privileges of the "pg_signal_backend" role may terminate this process.';

/** The instances of the largest Aurora cluster: a writer and its readers. */
export const MOST_INSTANCES = 16;

/** The answer of a run that saw servers of the largest kind, full of backends that all have long names, and ended none. */
export function largestAnswer(): Answer {
  const outcomes = Array.from({ length: MOST_CONNECTIONS }, (_, index): Outcome => {
    // PostgreSQL cuts names at 63 bytes.
    const name = `${index}-`.padEnd(63, 'x');
    return {
      backend: aBackend({ pid: 4_190_000 + index, applicationName: name, role: name, stateSeconds: 123_456.123456 }),
      outcome: 'refused',
      reason: REFUSAL,
    };
  });
  const snapshot = aSnapshot({
    server: aServer({ maxConnections: MOST_CONNECTIONS }),
    backends: outcomes.map(({ backend }) => backend),
  });
  const publication = { requests: 1, datapoints: 100, via: 'api', error: null } as const;
  const results = Array.from({ length: MOST_INSTANCES }, (_, index) =>
    anInstanceResult({ instance: `instance-${index}`, snapshot, outcomes }),
  );
  return answerOf(someSettings(), parseEvent({}), aPolicy(), results, publication);
}
