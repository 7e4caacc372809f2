/** The statement that terminates: it rechecks each connection immediately before its signal. */
import * as v from 'valibot';
import type { Backend } from '../../policy/snapshot.js';
import { decodeRows } from '../rows.js';
import type { Session } from '../session.js';

/** What became of a victim that is still as the snapshot saw it. */
export type Signalling =
  | 'signalled'
  /** Our login may not signal it. */
  | 'forbidden'
  /** Not signalled, since what was read of its state was too old by then. */
  | 'late';

/** How to signal. */
export interface SignalOptions {
  /** `permitted` leaves out those whom our login may not signal, since one of them would fail the statement. */
  readonly whom: 'permitted' | 'any';
  /** Whether to leave a victim where its state could not be read and acted upon at one go. */
  readonly leaveLate: boolean;
}

/**
 * Signals those of the victims that are still exactly as the snapshot saw them, in the order given.
 *
 * Immediately before each signal the state of that one backend is read anew: same start, same state, same last change, and
 * waiting for its client. The server keeps one copy of all states for the length of a statement, so the copy is thrown away
 * before every single victim; only the wait event is live without that, and it is `ClientRead` inside a transaction and
 * during `COPY … FROM STDIN` too.
 *
 * From the reading to the signal it takes 10 to 20 µs among 150 connections, but on a busy machine the server can lose the
 * processor in between, for milliseconds. A clock tells: then the victim is left, to be read again.
 *
 * The nested `case` fixes the order: the planner may evaluate the terms of an `and`, or conditions in a `where` clause, in
 * any order, and would run `pg_terminate_backend` there on every row.
 *
 * Never with the timeout argument, which costs 100 ms a victim, one after the other; {@link stillThere} verifies.
 *
 * @returns by pid; those that are missing have moved on.
 * @throws 42501 when the server refuses one of them. Signals sent before it in the order stay sent.
 */
export async function signal(
  session: Session,
  victims: readonly Backend[],
  { whom, leaveLate }: SignalOptions,
): Promise<ReadonlyMap<number, Signalling>> {
  const rows = await session.query(SIGNAL, [
    victims.map(({ pid }) => pid),
    victims.map(({ backendStart }) => backendStart),
    victims.map(({ state }) => state),
    victims.map(({ stateChange }) => stateChange),
    victims.map(({ role }) => role),
    whom === 'any',
    leaveLate,
  ]);
  const answers = new Map<number, Signalling>();
  for (const { pid, permitted, answer } of decodeRows('what became of the signals', SIGNALLED, rows)) {
    if (answer !== null) answers.set(pid, answer);
    else if (!permitted) answers.set(pid, 'forbidden');
  }
  return answers;
}

const SIGNALLED = v.object({
  pid: v.number(),
  permitted: v.boolean(),
  answer: v.nullable(v.picklist(['signalled', 'late'])),
});

const SIGNAL = /* sql */ `
  with self as materialized (
    select rolsuper as superuser,
           pg_has_role('pg_signal_backend', 'USAGE') as signals,
           -- Reading the states takes longer the more there are.
           case when $7::boolean
                then interval '1 microsecond' * (100 + current_setting('max_connections')::int * 0.15)
                else interval '1 year' end as late_after
      from pg_roles where rolname = current_user
  ),
  victim as materialized (
    select seen.*,
           -- The server's own rule: superusers' backends are for superusers.
           self.superuser or (not coalesce(r.rolsuper, true) and (self.signals or pg_has_role(r.oid, 'USAGE')))
             as permitted,
           self.late_after
      from unnest($1::int[], $2::timestamptz[], $3::text[], $4::timestamptz[], $5::name[])
           with ordinality as seen (pid, backend_start, state, state_change, role, position)
      left join pg_roles r on r.rolname = seen.role
     cross join self
     order by seen.position
  )
  select pid, permitted,
         case when not (permitted or $6::boolean) or pid = pg_backend_pid() then null
              when pg_stat_clear_snapshot()::text is null then null
              else (select case when clock_timestamp() - before.time > victim.late_after then 'late'
                                when pg_terminate_backend(victim.pid) then 'signalled' end
                      from (select clock_timestamp() as time offset 0) before
                     cross join lateral pg_stat_get_activity(victim.pid) live
                     where live.backend_start = victim.backend_start
                       and live.state = victim.state
                       and live.state_change = victim.state_change
                       and live.backend_type = 'client backend'
                       and live.wait_event = 'ClientRead') end as answer
    from victim`;

/** The pids of those backends that have not ended yet. */
export async function stillThere(session: Session, backends: readonly Backend[]): Promise<ReadonlySet<number>> {
  const rows = await session.query(STILL_THERE, [
    backends.map(({ pid }) => pid),
    backends.map(({ backendStart }) => backendStart),
  ]);
  return new Set(decodeRows('who is still there', THERE, rows).map(({ pid }) => pid));
}

const THERE = v.object({ pid: v.number() });

const STILL_THERE = /* sql */ `
  select seen.pid
    from unnest($1::int[], $2::timestamptz[]) as seen (pid, backend_start)
    join pg_stat_get_activity(null) a on a.pid = seen.pid and a.backend_start = seen.backend_start`;
