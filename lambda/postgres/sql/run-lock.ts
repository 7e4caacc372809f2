/**
 * The lock that keeps two runs of one reaper apart. Any role that may log in can hold an advisory lock of any key, shared or
 * not, and even without a session, by a prepared transaction. So the lock alone stops nobody: only a session of the
 * reaper's own role does, and only while that session is alive. Anybody else who holds it is reported, and the run goes on.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { SESSION_LIMITS } from '../../contract/limits.js';
import { REAPER_APPLICATION_NAME } from '../../contract/names.js';
import type { LockHolder } from '../../diagnosis/instance-result.js';
import { sqlStateOf } from '../../diagnosis/sqlstate.js';
import type { Seconds } from '../../input/duration.js';
import { rotationBase, twinOf } from '../../policy/rotation-twin.js';
import type { Backend } from '../../policy/snapshot.js';
import { decodeRows } from '../rows.js';
import type { Session } from '../session.js';
import { JOIN_PREPARED_TRANSACTION } from './prepared-transaction.js';

const RETRY_MS = 200;

/** Before a lock that nobody holds any more is tried again. */
const FREED_PAUSE_MS = 10;

/** How long a lost session, once terminated, may take to give the lock back; idle ones are gone within 10 ms. */
const LOST_GONE_MS = 1_000;

interface SeenHolder extends LockHolder {
  readonly backendStart: string | null;
  readonly stateChange: string | null;
  /** Since it last began or ended a statement. */
  readonly silentSeconds: Seconds | null;
  /** Whether its role is a member of the reaper's own, as the twin is that rotation makes of it. */
  readonly isMember: boolean;
}

/** Whether this run may act. */
export interface RunLock {
  /** The run of this reaper that is at work; `null` when there is none, so that this one may act. */
  readonly runAtWork: LockHolder | null;
  /** Others who hold the lock, which only this reaper uses. They stop nothing. */
  readonly intruders: readonly LockHolder[];
  /** Sessions of earlier runs that were lost and still had the lock: they were terminated. */
  readonly lost: readonly LockHolder[];
}

/** Whose lock it is. */
export interface LockOwner {
  /** The reaper's own role, whichever login this is. */
  readonly ownRole: string;
  /** The role we are logged in as. */
  readonly user: string;
}

/**
 * The key of a reaper's lock. Each reaper has its own, so that two on one server do not wait for each other.
 *
 * @returns a bigint as text: JavaScript's numbers do not hold 64 bits.
 */
export function runLockKey(ownRole: string): string {
  const digest = createHash('sha256')
    .update(`connection-reaper run of ${rotationBase(ownRole)}`)
    .digest();
  return digest.readBigInt64BE().toString();
}

/**
 * Takes the lock that one run of a reaper at a time may hold, in each database. It belongs to our session and ends with it.
 *
 * A session of the own role that holds the lock and has been silent for longer than any run is ({@link SESSION_LIMITS})
 * belongs to a run that is over: its function was frozen, or its goodbye was lost. It is terminated.
 *
 * @param patienceMs how long to wait for another run to end; 0 asks once.
 * @param lostAfterMs the silence after which a session is lost.
 */
export async function takeRunLock(
  session: Session,
  owner: LockOwner,
  patienceMs: number,
  lostAfterMs: number = SESSION_LIMITS.idleMs,
): Promise<RunLock> {
  const key = runLockKey(owner.ownRole);
  const until = performance.now() + patienceMs;
  const lost: LockHolder[] = [];
  for (;;) {
    if (await tryLock(session, 'pg_try_advisory_lock', key)) return { runAtWork: null, intruders: [], lost };
    const seen = await holders(session, owner);
    const runs = runsAmong(seen, owner, lost);
    const ended = await endLost(session, runs, lostAfterMs);
    if (ended.length > 0) {
      lost.push(...ended);
      await untilGone(session, owner, ended);
      continue;
    }
    const [runAtWork] = runs;
    if (runAtWork === undefined) {
      // Free again by now, if nobody holds it.
      if (seen.length === 0) {
        await sleep(FREED_PAUSE_MS);
        continue;
      }
      return { ...(await shareLock(session, owner, lost)), lost };
    }
    if (performance.now() >= until) return { runAtWork, intruders: seen.filter((one) => !runs.includes(one)), lost };
    await sleep(RETRY_MS);
  }
}

/**
 * Terminates what else lost runs left behind: sessions that did not have the lock yet, or that looked into another database.
 * They would keep their slots for as long as the frozen function exists: `idle_session_timeout` is unknown to version 13, and
 * on later ones is set by the first statement.
 *
 * @param backends what the snapshot saw.
 * @param lostAfterMs the silence after which a session is lost.
 * @returns those that were terminated.
 */
export function endLostSessions(
  session: Session,
  owner: LockOwner,
  backends: readonly Backend[],
  lostAfterMs: number = SESSION_LIMITS.idleMs,
): Promise<readonly LockHolder[]> {
  // By its name too, since a person may log in as the reaper's role, and the break-glass role is a person's anyway.
  const runs = backends
    .filter(
      (backend) =>
        backend.applicationName === REAPER_APPLICATION_NAME && isRun({ ...backend, isMember: backend.ofReaper }, owner),
    )
    .map(({ pid, role, applicationName, ageSeconds, backendStart, stateChange, stateSeconds }) => {
      const holder = { pid, gid: null, role, applicationName, ageSeconds };
      return { ...holder, backendStart, stateChange, silentSeconds: stateSeconds, isMember: true };
    });
  return endLost(session, runs, lostAfterMs);
}

/**
 * Where others hold the lock we share it if they do, so that a run which comes later sees us. Of two that share it at the
 * same moment the one that logged in first goes on. Where they hold it alone, two runs at once can't be told apart; each
 * backend is rechecked before it is signalled all the same.
 */
async function shareLock(
  session: Session,
  owner: LockOwner,
  lost: readonly LockHolder[],
): Promise<Omit<RunLock, 'lost'>> {
  await tryLock(session, 'pg_try_advisory_lock_shared', runLockKey(owner.ownRole));
  const seen = await holders(session, owner);
  const [self] = decodeRows('the start of our own session', STARTED, await session.query(OWN_START));
  const runs = runsAmong(seen, owner, lost);
  const earlier = runs.find(({ backendStart }) => (backendStart ?? '') < (self?.start ?? ''));
  return { runAtWork: earlier ?? null, intruders: seen.filter((one) => !runs.includes(one)) };
}

async function tryLock(
  session: Session,
  attempt: 'pg_try_advisory_lock' | 'pg_try_advisory_lock_shared',
  key: string,
): Promise<boolean> {
  const rows = await session.query(`select ${attempt}($1::bigint) as taken`, [key]);
  const [row] = decodeRows('the lock of the runs', TAKEN, rows);
  return row?.taken === true;
}

/** One that was terminated and is still there hangs in the operating system, and does nothing more. */
function runsAmong(seen: readonly SeenHolder[], owner: LockOwner, lost: readonly LockHolder[]): readonly SeenHolder[] {
  return seen.filter((holder) => isRun(holder, owner) && !lost.some(({ pid }) => pid === holder.pid));
}

/** Whether a holder is a session of this reaper. The name of a twin is anybody's who may make roles; being a member is not. */
function isRun(
  { pid, role, isMember }: Pick<SeenHolder, 'pid' | 'role' | 'isMember'>,
  { ownRole, user }: LockOwner,
): boolean {
  if (pid === null || role === null) return false;
  const base = rotationBase(ownRole);
  return role === user || role === ownRole || role === base || (role === twinOf(base) && isMember);
}

/** Terminates those that are silent for too long, unless they say something meanwhile. */
async function endLost(
  session: Session,
  runs: readonly SeenHolder[],
  lostAfterMs: number,
): Promise<readonly LockHolder[]> {
  const ended: LockHolder[] = [];
  for (const run of runs) {
    if ((run.silentSeconds ?? 0) * 1_000 < lostAfterMs) continue;
    try {
      const rows = await session.query(END_LOST, [run.pid, run.backendStart, run.stateChange]);
      const [row] = decodeRows('the end of a lost session', ENDED, rows);
      if (row?.ended === true) ended.push(run);
    } catch (error) {
      // Not permitted, as by a twin without pg_signal_backend: then it counts as a run at work.
      if (sqlStateOf(error) === null) throw error;
    }
  }
  return ended;
}

async function untilGone(session: Session, owner: LockOwner, ended: readonly LockHolder[]): Promise<void> {
  const until = performance.now() + LOST_GONE_MS;
  while (performance.now() < until) {
    const seen = await holders(session, owner);
    if (!seen.some(({ pid }) => ended.some((one) => one.pid === pid))) return;
    await sleep(10);
  }
}

async function holders(session: Session, { ownRole }: LockOwner): Promise<readonly SeenHolder[]> {
  const rows = await session.query(HOLDERS, [runLockKey(ownRole), rotationBase(ownRole)]);
  return decodeRows('who holds the lock of the runs', HOLDER, rows);
}

const HOLDER = v.object({
  pid: v.nullable(v.number()),
  gid: v.nullable(v.string()),
  role: v.nullable(v.string()),
  applicationName: v.nullable(v.string()),
  backendStart: v.nullable(v.string()),
  stateChange: v.nullable(v.string()),
  ageSeconds: v.nullable(v.number()),
  silentSeconds: v.nullable(v.number()),
  isMember: v.boolean(),
});

const TAKEN = v.object({ taken: v.boolean() });
const STARTED = v.object({ start: v.string() });
const ENDED = v.object({ ended: v.boolean() });

const HOLDERS = /* sql */ `
  select l.pid,
         prepared.gid,
         coalesce(a.usename, prepared.owner) as role,
         a.application_name as "applicationName",
         a.backend_start::text as "backendStart",
         a.state_change::text as "stateChange",
         extract(epoch from clock_timestamp() - coalesce(a.backend_start, prepared.prepared))::float8 as "ageSeconds",
         extract(epoch from clock_timestamp() - a.state_change)::float8 as "silentSeconds",
         coalesce(pg_has_role(a.usesysid, own.oid, 'MEMBER'), false) as "isMember"
    from pg_locks l
    left join pg_stat_activity a on a.pid = l.pid
    left join pg_roles own on own.rolname = $2::name
    ${JOIN_PREPARED_TRANSACTION}
   where l.locktype = 'advisory'
     and l.granted
     and l.pid is distinct from pg_backend_pid()
     and l.database = (select oid from pg_database where datname = current_database())
     -- A key of one bigint is shown in two halves, with objsubid 1.
     and l.objsubid = 1
     and (l.classid::bigint << 32) | l.objid::bigint = $1::bigint
   order by a.backend_start`;

const OWN_START = /* sql */ `
  select backend_start::text as start from pg_stat_get_activity(pg_backend_pid())`;

const END_LOST = /* sql */ `
  select pg_terminate_backend(a.pid) as ended
    from pg_stat_get_activity($1::int) a
   where a.backend_start = $2::timestamptz and a.state_change = $3::timestamptz`;
