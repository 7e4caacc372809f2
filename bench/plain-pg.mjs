/**
 * The least that a sweep could do: plain `pg` logs in, runs one statement and logs out. In the shape of a Lambda handler, so
 * that it runs in the same kind of process as the deployed bundle.
 */
import pg from 'pg';

/** Answers with the number of rows. */
export async function handler({ connection, statement }) {
  const client = new pg.Client(connection);
  await client.connect();
  const { rows } = await client.query(statement);
  await client.end();
  return rows.length;
}
