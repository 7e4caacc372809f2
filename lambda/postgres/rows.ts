import * as v from 'valibot';

/**
 * Checks the rows of an answer. A server that answers otherwise than expected must not become a wrong number in a report.
 *
 * @param what the rows are, for the error.
 * @throws Error when a row is not what the statement asks for. It quotes nothing of the row.
 */
export function decodeRows<Row>(
  what: string,
  row: v.GenericSchema<unknown, Row>,
  rows: readonly unknown[] | undefined,
): readonly Row[] {
  const result = v.safeParse(v.array(row), rows);
  if (result.success) return result.output;
  const [{ path, kind, expected }] = result.issues;
  const at = path?.map(({ key }) => String(key)).join('.') ?? '';
  throw new Error(
    `the server's answer to the query for ${what} is not as expected: ${at} is no ${expected ?? kind}. This is a defect of the reaper: report it with the version of the server`,
  );
}
