import type { Session } from '../session.js';
import type { Backend } from '../snapshot.js';

/**
 * Signals those of the victims that are still exactly as the snapshot saw them, in the order given.
 *
 * A backend is signalled only if pid, backend_start, state and state_change are unchanged and its live wait event is
 * ClientRead. Within a statement the server caches everything but the wait event, so that one test is what closes the
 * gap between reading the state and sending the signal. The candidates are materialized and the call stands in the
 * select list of the next step: in a where clause the planner may run it first, on every row.
 *
 * Never with the timeout argument, which costs 100 ms a victim, one after the other; {@link stillThere} verifies.
 *
 * @param whom `permitted` leaves out those whom our login may not signal, since one of them would fail the statement.
 * @returns what became of those that are still as they were; the others have moved on.
 * @throws 42501 when the server refuses one of them. Signals sent before it in the order stay sent.
 */
export async function signal(
  session: Session,
  victims: readonly Backend[],
  whom: 'permitted' | 'any',
): Promise<ReadonlyMap<number, 'signalled' | 'forbidden'>> {
  const rows = await session.query<{ pid: number; permitted: boolean; signalled: boolean | null }>(SIGNAL, [
    victims.map(({ pid }) => pid),
    victims.map(({ backendStart }) => backendStart),
    victims.map(({ state }) => state),
    victims.map(({ stateChange }) => stateChange),
    whom === 'any',
  ]);
  const answers = new Map<number, 'signalled' | 'forbidden'>();
  for (const { pid, permitted, signalled } of rows) {
    if (signalled === true) answers.set(pid, 'signalled');
    else if (!permitted) answers.set(pid, 'forbidden');
  }
  return answers;
}

const SIGNAL = /* sql */ `
  with self as materialized (
    select rolsuper as superuser, pg_has_role('pg_signal_backend', 'USAGE') as signals
      from pg_roles where rolname = current_user
  ),
  victim as materialized (
    select a.pid, a.backend_start,
           -- The server's own rule: superusers' backends are for superusers.
           self.superuser or (not coalesce(r.rolsuper, false) and (self.signals or pg_has_role(a.usesysid, 'USAGE')))
             as permitted
      from unnest($1::int[], $2::timestamptz[], $3::text[], $4::timestamptz[])
           with ordinality as seen (pid, backend_start, state, state_change, position)
      join pg_stat_activity a
        on a.pid = seen.pid
       and a.backend_start = seen.backend_start
       and a.state = seen.state
       and a.state_change = seen.state_change
      left join pg_roles r on r.oid = a.usesysid
     cross join self
     where a.backend_type = 'client backend'
       and a.pid <> pg_backend_pid()
     order by seen.position
  )
  select pid, permitted,
         case when not (permitted or $5::boolean) then null
              when (select live.wait_event
                      from pg_stat_get_activity(victim.pid) live
                     where live.backend_start = victim.backend_start) = 'ClientRead'
              then pg_terminate_backend(pid) end as signalled
    from victim`;

/** The pids of those backends that have not ended yet. */
export async function stillThere(session: Session, backends: readonly Backend[]): Promise<ReadonlySet<number>> {
  const rows = await session.query<{ pid: number }>(STILL_THERE, [
    backends.map(({ pid }) => pid),
    backends.map(({ backendStart }) => backendStart),
  ]);
  return new Set(rows.map(({ pid }) => pid));
}

const STILL_THERE = /* sql */ `
  select seen.pid
    from unnest($1::int[], $2::timestamptz[]) as seen (pid, backend_start)
    join pg_stat_activity a on a.pid = seen.pid and a.backend_start = seen.backend_start`;
