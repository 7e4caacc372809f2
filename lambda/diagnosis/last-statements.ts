/** What the connections of a suspect ran last: without literals, grouped, with the route that it came from. */
import { groupBy } from '../policy/group-by.js';
import { type Backend, identity, isUnreadable } from '../policy/snapshot.js';
import { type Diagnosis, worstFirst } from './diagnosis.js';
import { recogniseDriver } from './drivers.js';
import { redactStatement } from './statement.js';

/** The last statement of one connection, as the server keeps it. Holds literals. */
export interface StatementText {
  readonly pid: number;
  readonly backendStart: string | null;
  /** `pg_stat_activity.query_id`: equal for statements that differ in their literals. `null` where it is not computed. */
  readonly queryId: string | null;
  readonly text: string;
}

/** Of one suspect. Enough to see what nearly all of them share. */
const MOST_OF_A_SUSPECT = 40;

/** Of an instance. */
const MOST_READ = 200;

/** The connections whose statements tell the most about the suspects. */
export function telling(suspects: readonly Diagnosis[]): readonly Backend[] {
  return suspects
    .flatMap(({ leaked, backends }) =>
      (leaked.length > 0 ? leaked : backends)
        // Of these the server gives a remark in place of the statement.
        .filter((backend) => !isUnreadable(backend))
        .slice(0, MOST_OF_A_SUSPECT),
    )
    .slice(0, MOST_READ);
}

/** Adds to each diagnosis what its connections ran last, and the driver that shows in it. */
export function withStatements(
  diagnoses: readonly Diagnosis[],
  statements: readonly StatementText[],
): readonly Diagnosis[] {
  const redacted = new Map(
    statements.map(({ text, queryId, ...of }) => [identity(of), { queryId, ...redactStatement(text) }] as const),
  );
  const described = diagnoses.map((diagnosis) => {
    const own = diagnosis.backends.flatMap((backend) => {
      const statement = redacted.get(identity(backend));
      return statement === undefined || statement.text === '' ? [] : [statement];
    });
    if (own.length === 0) return diagnosis;
    const groups = [...groupBy(own, ({ queryId, text }) => queryId ?? text).values()];
    const largest = groups.reduce((most, group) => (group.length > most.length ? group : most));
    const [first] = largest;
    if (first === undefined) return diagnosis;
    const driver = recogniseDriver({
      applicationNames: [...new Set(diagnosis.backends.map(({ applicationName }) => applicationName))],
      statements: own.map(({ text }) => text),
      tags: own.map(({ tags }) => tags),
    });
    const statement = { text: first.text, connections: largest.length, read: own.length, tags: first.tags };
    return asThreads({ ...diagnosis, statement, driver });
  });
  // A statement may change a verdict.
  return described.toSorted(worstFirst);
}

/** Django keeps a connection for each thread with CONN_MAX_AGE=None. That looks exactly like a leak. */
function asThreads(diagnosis: Diagnosis): Diagnosis {
  if (diagnosis.verdict !== 'leak' || diagnosis.driver?.name !== 'Django') return diagnosis;
  return {
    ...diagnosis,
    verdict: 'unclear',
    certainty: 'possible',
    reasons: [
      ...diagnosis.reasons,
      'Either a leak, or Django with CONN_MAX_AGE=None, which keeps a connection for every thread. Both look the same.',
    ],
  };
}
