import { isReaper } from './judge.js';
import { type Login, LoginError, type LoginFacts, type LoginSources, type LoginTarget, login } from './login.js';
import type { LimitOutcome, Outcome } from './outcome.js';
import { type Plan, planRun } from './plan.js';
import type { LimitChange } from './plan-limits.js';
import type { Policy } from './policy.js';
import { twinOf } from './rotation-twin.js';
import type { Session } from './session.js';
import type { Snapshot } from './snapshot.js';
import { setRoleLimit } from './sql/role-limits.js';
import { type LockHolder, runLockHolder, takeRunLock } from './sql/run-lock.js';
import { readSnapshot } from './sql/snapshot.js';
import { describeError, sqlStateOf } from './sqlstate.js';
import { terminateBackends } from './terminate.js';

/** What came of one instance. Every backend of the snapshot has exactly one outcome. */
export interface Visit {
  readonly instance: string;
  /** `null` when the server could not be read. */
  readonly snapshot: Snapshot | null;
  readonly outcomes: readonly Outcome[];
  readonly roleLimits: readonly LimitOutcome[];
  /** `null` when it did not come to a login, as without a secret. */
  readonly login: LoginFacts | null;
  /** Who had the lock of the runs, so that this one did nothing; `null` when nobody had. */
  readonly contender: Contender | null;
  readonly errors: readonly string[];
}

/** Who kept a run from acting. */
export interface Contender {
  /** `null` when the lock was free again a moment later. */
  readonly holder: LockHolder | null;
  /** Whether it is a session of the reaper's role by the reaper's name. */
  readonly isReaper: boolean;
}

/** What acting takes at least: a batch or two, their verification, and the role limits. No login may use that up. */
const ACTING_MS = 7_000;

/** How much of the time is kept for closing the session. */
const CLOSING_MS = 1_000;

/**
 * Logs in to one instance, looks, and does what the policy says. Never throws: what failed is in `errors`, and what
 * worked before stands.
 *
 * @param timeMs for everything; then the connection is cut.
 */
export async function visitInstance(
  target: LoginTarget,
  sources: LoginSources,
  policy: Policy,
  timeMs: number,
): Promise<Visit> {
  const until = performance.now() + timeMs;
  const timeLeft = () => until - CLOSING_MS - performance.now();
  const cutOff = new AbortController();
  const timer = setTimeout(() => cutOff.abort(), timeMs);
  let facts: LoginFacts | null = null;
  try {
    const opened = await login(target, sources, cutOff.signal, timeMs - ACTING_MS);
    facts = opened.facts;
    try {
      return { instance: target.name, login: facts, ...(await work(opened, policy, timeLeft)) };
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (error instanceof LoginError) facts = error.facts;
    return {
      instance: target.name,
      login: facts,
      snapshot: null,
      outcomes: [],
      roleLimits: [],
      contender: null,
      errors: [describeError(error)],
    };
  } finally {
    clearTimeout(timer);
  }
}

async function work(
  { session, ownRole }: Login,
  policy: Policy,
  timeLeft: () => number,
): Promise<Pick<Visit, 'snapshot'> & Done> {
  // Before the snapshot, which would be stale after a wait.
  const alone = !policy.acts || (await takeRunLock(session, Math.min(policy.lockPatienceMs, timeLeft() / 2)));
  const names = Object.keys(policy.roleLimits);
  const snapshot = await readSnapshot(session, [...names, ...names.map(twinOf)]);
  const plan = planRun(snapshot, policy, ownRole);
  if (!alone) return { snapshot, ...standBack(plan, contenderOf(await runLockHolder(session), ownRole)) };
  return { snapshot, ...(policy.acts ? await act(session, plan, timeLeft) : preview(plan)) };
}

function contenderOf(holder: LockHolder | null, ownRole: string): Contender {
  return { holder, isReaper: holder !== null && isReaper(holder, ownRole) };
}

type Done = Pick<Visit, 'outcomes' | 'roleLimits' | 'errors' | 'contender'>;

function preview({ terminations, spared, limitChanges }: Plan): Done {
  return {
    outcomes: [
      ...terminations.map((backend) => ({ backend, outcome: 'reapable', reason: null }) as const),
      ...spared.map((one) => ({ ...one, outcome: 'spared' }) as const),
    ],
    roleLimits: limitChanges.map(({ obstacle, ...change }) => ({
      ...change,
      outcome: obstacle ?? 'would_change',
      reason: null,
    })),
    errors: [],
    contender: null,
  };
}

/** Another run is at work: what it does is its to report. */
function standBack({ terminations, spared }: Plan, contender: Contender): Done {
  const yielded = terminations.map((backend) => ({ backend, reason: 'another_run' }) as const);
  return {
    outcomes: [...yielded, ...spared].map((one) => ({ ...one, outcome: 'spared' }) as const),
    roleLimits: [],
    errors: [],
    contender,
  };
}

async function act(session: Session, plan: Plan, timeLeft: () => number): Promise<Done> {
  const termination = await terminateBackends(session, plan.terminations, timeLeft);
  const errors = termination.error === null ? [] : [`reaping stopped: ${describeError(termination.error)}`];
  const late = termination.outcomes.filter(({ reason }) => reason === 'out_of_time').length;
  if (late > 0) errors.push(`the time for this run was over before ${late} backends that were to be ended`);
  const roleLimits: LimitOutcome[] = [];
  for (const change of plan.limitChanges) {
    try {
      roleLimits.push(await changeLimit(session, change));
    } catch (error) {
      errors.push(`role limits stopped at ${change.role}: ${describeError(error)}`);
      break;
    }
  }
  return {
    outcomes: [...termination.outcomes, ...plan.spared.map((one) => ({ ...one, outcome: 'spared' }) as const)],
    roleLimits,
    errors,
    contender: null,
  };
}

async function changeLimit(session: Session, { obstacle, ...change }: LimitChange): Promise<LimitOutcome> {
  if (obstacle !== null) return { ...change, outcome: obstacle, reason: null };
  try {
    await setRoleLimit(session, change.role, change.to);
    return { ...change, outcome: 'changed', reason: null };
  } catch (error) {
    // The server's own no is about this role; anything else is about the session, and the next role would fail too.
    const sqlState = sqlStateOf(error);
    if (sqlState === null) throw error;
    return { ...change, outcome: 'refused', reason: describeError(error), sqlState };
  }
}
