import { setTimeout as sleep } from 'node:timers/promises';
import { diagnose } from './diagnosis/diagnose.js';
import { inSnapshot, isSuspicious, leakedConnections, needsSecondLook } from './diagnosis/diagnosis.js';
import type { InstanceResult } from './diagnosis/instance-result.js';
import { telling, withStatements } from './diagnosis/last-statements.js';
import type { LoginFacts } from './diagnosis/login-facts.js';
import { type Looks, lookAt, remember } from './diagnosis/looks.js';
import { describeError, SQLSTATE, sqlStateOf } from './diagnosis/sqlstate.js';
import { describeStepFailure, type Step } from './diagnosis/step-failure.js';
import { type Login, LoginError, login } from './login/login.js';
import type { LoginTarget } from './login/login-target.js';
import type { LoginSources } from './login/logins.js';
import type { LimitOutcome } from './policy/outcome.js';
import { type Plan, planRun } from './policy/plan.js';
import type { Policy } from './policy/policy.js';
import type { LimitChange } from './policy/role-limits.js';
import { twinOf } from './policy/rotation-twin.js';
import type { Snapshot } from './policy/snapshot.js';
import { type Session, SessionLostError } from './postgres/session.js';
import { readLastStatements } from './postgres/sql/last-statements.js';
import { roleBlockers } from './postgres/sql/role-blockers.js';
import { setRoleLimit } from './postgres/sql/role-limits.js';
import { endLostSessions, type RunLock, takeRunLock } from './postgres/sql/run-lock.js';
import { readSnapshot } from './postgres/sql/snapshot.js';
import { lookForTemporaryTables } from './postgres/temporary-tables.js';
import { terminateBackends } from './postgres/terminate.js';

/** What acting takes at least: a batch or two, their verification, and the role limits. No login may use that up. */
const ACTING_MS = 7_000;

/** How much of the time is kept for closing the session. */
const CLOSING_MS = 1_000;

/** A result before anything was seen. */
const NOTHING = {
  snapshot: null,
  diagnoses: [],
  looks: [],
  outcomes: [],
  roleLimits: [],
  runAtWork: null,
  intruders: [],
  lostRuns: [],
  uncheckedDatabases: [],
  errors: [],
} satisfies Partial<InstanceResult>;

/** Between two looks: long enough for a pool in use to use its connections again, short enough for a person to wait. */
const SECOND_LOOK_MS = 3_000;

/** What a run at one instance may be given besides. */
export interface InstanceRunOptions {
  /** What earlier looks tell. */
  readonly earlier?: Looks;
  /** Is handed the closing of the session, which never fails; by default it is awaited. */
  readonly onClosing?: (closed: Promise<void>) => void;
}

/**
 * Logs in to one instance, looks, and does what the policy says. Never throws: what failed is in `errors`, and what
 * worked before stands.
 *
 * @param timeMs for everything; then the connection is cut.
 */
export async function runInstance(
  target: LoginTarget,
  sources: LoginSources,
  policy: Policy,
  timeMs: number,
  { earlier = [], onClosing }: InstanceRunOptions = {},
): Promise<InstanceResult> {
  const until = performance.now() + timeMs;
  const timeLeft = () => until - CLOSING_MS - performance.now();
  const cutOff = new AbortController();
  const timer = setTimeout(() => cutOff.abort(), timeMs);
  let facts: LoginFacts | null = null;
  try {
    const opened = await login(target, sources, cutOff.signal, timeMs - ACTING_MS);
    facts = opened.facts;
    try {
      const { errors = [], ...done } = await work(opened, policy, earlier, timeLeft);
      const named = errors.map((error) => `"${target.name}": ${error}`);
      return { ...NOTHING, instance: target.name, login: facts, ...done, errors: named };
    } finally {
      const closed = opened.close();
      if (onClosing === undefined) await closed;
      else onClosing(closed);
    }
  } catch (error) {
    if (error instanceof LoginError) facts = error.facts;
    const named = error instanceof StepError ? `"${target.name}": ${error.message}` : describeError(error);
    return { ...NOTHING, instance: target.name, login: facts, errors: [named] };
  } finally {
    clearTimeout(timer);
  }
}

/** A step failed after the login, and the run cannot go on. */
class StepError extends Error {
  override readonly name = 'StepError';

  constructor(step: Step, cause: unknown) {
    super(describeStepFailure(step, cause), { cause });
  }
}

async function inStep<Value>(step: Step, work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (cause) {
    throw new StepError(step, cause);
  }
}

async function work(
  opened: Login,
  policy: Policy,
  earlier: Looks,
  timeLeft: () => number,
): Promise<Partial<InstanceResult>> {
  const { session, ownRole, user } = opened;
  // Before the snapshot, which would be stale after a wait.
  const lock = policy.acts
    ? await inStep(
        'taking the lock of the runs',
        takeRunLock(session, { ownRole, user }, Math.min(policy.lockPatienceMs, timeLeft() / 2)),
      )
    : NO_LOCK;
  const { runAtWork, intruders, lost } = lock;
  const names = Object.keys(policy.roleLimits);
  const { seen, looks, errors, ...looked } = await look(
    opened,
    () => inStep('reading the server', readSnapshot(session, [...names, ...names.map(twinOf)])),
    policy,
    earlier,
    timeLeft,
  );
  const firstPlan = planRun(seen, policy, ownRole, leakedConnections(looked.diagnoses));
  if (runAtWork !== null)
    return { snapshot: seen, ...looked, looks, runAtWork, intruders, lostRuns: lost, ...standBack(firstPlan), errors };
  const lostRuns = policy.acts
    ? [
        ...lost,
        ...(await inStep(
          'ending the sessions of lost runs',
          endLostSessions(session, { ownRole, user }, seen.backends),
        )),
      ]
    : lost;
  const { snapshot, unchecked } = await lookForTemporaryTables(opened, seen, firstPlan.unseenDatabases, timeLeft);
  const diagnoses = snapshot === seen ? looked.diagnoses : inSnapshot(looked.diagnoses, snapshot);
  const plan = snapshot === seen ? firstPlan : planRun(snapshot, policy, ownRole, leakedConnections(diagnoses));
  const done = policy.acts ? await act(session, ownRole, plan, timeLeft) : preview(plan);
  return {
    snapshot,
    diagnoses,
    looks,
    intruders,
    lostRuns,
    uncheckedDatabases: unchecked,
    ...done,
    errors: [...errors, ...done.errors],
  };
}

/** What was seen before anything was decided. */
interface Seen extends Pick<InstanceResult, 'diagnoses' | 'looks' | 'errors'> {
  readonly seen: Snapshot;
}

/** Reads the server, once more where that tells more, and what its suspects ran last. */
async function look(
  { session, ownRole }: Login,
  read: () => Promise<Snapshot>,
  policy: Policy,
  earlier: Looks,
  timeLeft: () => number,
): Promise<Seen> {
  let looks = earlier;
  let seen = await read();
  let diagnoses = diagnose(seen, policy.attribute, ownRole, looks);
  if (policy.looks > 1 && needsSecondLook(diagnoses) && timeLeft() > 2 * SECOND_LOOK_MS) {
    looks = remember(looks, lookAt(seen, policy.attribute, Date.now()));
    await sleep(SECOND_LOOK_MS);
    seen = await read();
    diagnoses = diagnose(seen, policy.attribute, ownRole, looks);
  }
  looks = remember(looks, lookAt(seen, policy.attribute, Date.now()));
  const suspects = diagnoses.filter(isSuspicious);
  if (!policy.readsStatements || suspects.length === 0) return { seen, diagnoses, looks, errors: [] };
  try {
    const statements = await readLastStatements(session, telling(suspects));
    return { seen, diagnoses: withStatements(diagnoses, statements), looks, errors: [] };
  } catch (error) {
    // The verdicts stand without them, and so does what follows. Without a session nothing does.
    const step = 'reading the last statements';
    if (sqlStateOf(error) === null) throw new StepError(step, error);
    return { seen, diagnoses, looks, errors: [`${describeStepFailure(step, error)} (the report has none)`] };
  }
}

/** A run that only looks needs no lock, and stops for none. */
const NO_LOCK: RunLock = { runAtWork: null, intruders: [], lost: [] };

type Done = Pick<InstanceResult, 'outcomes' | 'roleLimits' | 'errors'>;

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
  };
}

/** Another run is at work: what it does is its to report. */
function standBack({ terminations, spared }: Plan): Done {
  const yielded = terminations.map((backend) => ({ backend, reason: 'another_run' }) as const);
  return {
    outcomes: [...yielded, ...spared].map((one) => ({ ...one, outcome: 'spared' }) as const),
    roleLimits: [],
    errors: [],
  };
}

async function act(session: Session, ownRole: string, plan: Plan, timeLeft: () => number): Promise<Done> {
  const termination = await terminateBackends(session, plan.terminations, timeLeft);
  const errors = termination.error === null ? [] : [describeStepFailure('terminating', termination.error)];
  const late = termination.outcomes.filter(({ reason }) => reason === 'out_of_time').length;
  if (late > 0) errors.push(`the run had no time left to terminate ${late} more connections; the next run goes on`);
  const limits = await changeLimits(session, ownRole, plan.limitChanges);
  return {
    outcomes: [...termination.outcomes, ...plan.spared.map((one) => ({ ...one, outcome: 'spared' }) as const)],
    roleLimits: limits.outcomes,
    errors: [...errors, ...limits.errors],
  };
}

async function changeLimits(
  session: Session,
  ownRole: string,
  changes: readonly LimitChange[],
): Promise<{ readonly outcomes: readonly LimitOutcome[]; readonly errors: readonly string[] }> {
  const outcomes: LimitOutcome[] = [];
  for (const change of changes) {
    try {
      outcomes.push(await changeLimit(session, ownRole, change));
    } catch (error) {
      // Without a session the roles that follow would fail too.
      const { obstacle: _, ...differing } = change;
      if (error instanceof SessionLostError && error.sent) {
        outcomes.push({ ...differing, outcome: 'unconfirmed', reason: describeError(error) });
      }
      return { outcomes, errors: [describeStepFailure(`setting the limit of ${change.role}`, error)] };
    }
  }
  return { outcomes, errors: [] };
}

async function changeLimit(
  session: Session,
  ownRole: string,
  { obstacle, ...change }: LimitChange,
): Promise<LimitOutcome> {
  if (obstacle !== null) return { ...change, outcome: obstacle, reason: null };
  try {
    await setRoleLimit(session, ownRole, change.role, change.to);
    return { ...change, outcome: 'changed', reason: null };
  } catch (error) {
    // The server's own no is about this role; anything else is about the session.
    const sqlState = sqlStateOf(error);
    if (sqlState === null) throw error;
    // Refused it is, whatever becomes of this question.
    const blockers = sqlState === SQLSTATE.lockNotAvailable ? await roleBlockers(session).catch(() => []) : [];
    return { ...change, outcome: 'refused', reason: describeError(error), sqlState, blockers };
  }
}
