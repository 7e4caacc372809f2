import { LoginError, type LoginFacts, type LoginSources, type LoginTarget, login } from './login.js';
import type { LimitOutcome, Outcome } from './outcome.js';
import { type Plan, planRun } from './plan.js';
import type { LimitChange } from './plan-limits.js';
import type { Policy } from './policy.js';
import { twinOf } from './rotation-twin.js';
import type { Session } from './session.js';
import type { Snapshot } from './snapshot.js';
import { setRoleLimit } from './sql/role-limits.js';
import { takeRunLock } from './sql/run-lock.js';
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
  /** Another run was at work on this server, so this one did nothing. */
  readonly contended: boolean;
  readonly errors: readonly string[];
}

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
    const { session, close, ...opened } = await login(target, sources, cutOff.signal);
    facts = opened.facts;
    try {
      return { instance: target.name, login: facts, ...(await work(session, policy, timeLeft)) };
    } finally {
      await close();
    }
  } catch (error) {
    if (error instanceof LoginError) facts = error.facts;
    return {
      instance: target.name,
      login: facts,
      snapshot: null,
      outcomes: [],
      roleLimits: [],
      contended: false,
      errors: [describeError(error)],
    };
  } finally {
    clearTimeout(timer);
  }
}

async function work(session: Session, policy: Policy, timeLeft: () => number): Promise<Pick<Visit, 'snapshot'> & Done> {
  // Before the snapshot, which would be stale after a wait.
  const alone = !policy.acts || (await takeRunLock(session, Math.min(policy.lockPatienceMs, timeLeft() / 2)));
  const names = Object.keys(policy.roleLimits);
  const snapshot = await readSnapshot(session, [...names, ...names.map(twinOf)]);
  const plan = planRun(snapshot, policy);
  if (!alone) return { snapshot, ...standBack(plan) };
  return { snapshot, ...(policy.acts ? await act(session, plan, timeLeft) : preview(plan)) };
}

type Done = Pick<Visit, 'outcomes' | 'roleLimits' | 'errors' | 'contended'>;

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
    contended: false,
  };
}

/** Another run is at work: what it does is its to report. */
function standBack({ terminations, spared }: Plan): Done {
  const yielded = terminations.map((backend) => ({ backend, reason: 'another_run' }) as const);
  return {
    outcomes: [...yielded, ...spared].map((one) => ({ ...one, outcome: 'spared' }) as const),
    roleLimits: [],
    errors: [],
    contended: true,
  };
}

async function act(session: Session, plan: Plan, timeLeft: () => number): Promise<Done> {
  const termination = await terminateBackends(session, plan.terminations, timeLeft);
  const errors = termination.error === null ? [] : [`reaping stopped: ${describeError(termination.error)}`];
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
    contended: false,
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
