import { expect } from 'vitest';
import { runInstance } from '../../lambda/instance-run.js';
import { aPolicy } from '../support/builders.js';
import { PASSWORD, sourcesOf, type TestDatabase, until } from '../support/database.js';

/** Waits until every session of an application is idle for long enough, and has the reaper end them. */
export async function reap(database: TestDatabase, application: string): Promise<void> {
  const sessions = async (condition: string) => {
    const { rows } = await database.admin.query<{ count: number }>(
      `select count(*)::int from pg_stat_activity where application_name = $1 and ${condition}`,
      [application],
    );
    return rows[0]?.count ?? 0;
  };
  const all = await sessions('true');
  expect(all).toBeGreaterThan(0);
  await until(async () => (await sessions("state like 'idle%' and now() - state_change > '1.1 s'")) === all, 10_000);
  const { outcomes, errors } = await runInstance(
    database.target(),
    sourcesOf(),
    aPolicy({}, { action: 'reap', idleTimeout: '1s', applications: [application], includeIdleInTransaction: true }),
    20_000,
  );
  expect(errors).toEqual([]);
  expect(outcomes.filter(({ outcome }) => outcome === 'terminated')).toHaveLength(all);
}

/** The environment by which every client finds the server, as the role `checkout` and under this name. */
export function asClient({ server }: TestDatabase, application: string) {
  return {
    PGHOST: server.host,
    PGPORT: `${server.port}`,
    PGUSER: 'checkout',
    PGPASSWORD: PASSWORD,
    PGDATABASE: 'postgres',
    PGSSLMODE: 'disable',
    PGAPPNAME: application,
  } as const;
}
