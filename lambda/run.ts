/**
 * One run, in the order of its effects:
 *
 *   policy            what the settings and the request ask for          pure
 *   instances         every instance at once: log in, look, plan, act    effect
 *   recall            meanwhile: which names have metric series          effect
 *   datapoints        the metrics of what was seen and done              pure
 *   publish           to CloudWatch, or into the log                     effect
 *   audit             a line for every decision, meanwhile               effect
 *   answer            report and data                                    pure
 *
 * A step that fails never hides the ones that worked: instances fail by themselves, metrics go out whatever happened to
 * the reaping, and the answer holds both. The caller decides what to do about `errors`.
 */

import type { Log } from './aws/log.js';
import type { Publish } from './aws/publish.js';
import type { SeriesKeeper } from './aws/series-memory.js';
import type { InvokedFunction } from './contract/invoke-command.js';
import { AWS_LIMITS } from './contract/limits.js';
import type { InstanceResult } from './diagnosis/instance-result.js';
import { type Looks, withTerminated } from './diagnosis/looks.js';
import type { Request } from './input/event.js';
import type { Settings } from './input/settings.js';
import { runInstance } from './instance-run.js';
import { loginTargets } from './login/login-target.js';
import type { Logins } from './login/logins.js';
import { countBy } from './policy/group-by.js';
import { withOutcome } from './policy/outcome.js';
import { policyOf } from './policy/policy.js';
import type { Attribution } from './policy/service.js';
import { type Answer, answerOf } from './report/answer.js';
import { auditEvents } from './report/audit.js';
import { datapointsOf } from './report/metrics.js';

/** The effects a run needs from its surroundings. */
export interface Surroundings {
  readonly logins: Logins;
  readonly publish: Publish;
  readonly series: SeriesKeeper;
  readonly looks: LookKeeper;
  readonly log: Log;
  /** The function, for commands in the report that can be copied. */
  readonly deployed?: InvokedFunction;
}

/** The memory of earlier looks, by instance. It is lost with the function's environment. */
export interface LookKeeper {
  of(instance: string): Looks;
  keep(instance: string, looks: Looks): void;
}

/** Remembers nothing when a run could not read the instance: what was known before stays. */
export function lookKeeper(): LookKeeper {
  const kept = new Map<string, Looks>();
  return {
    of: (instance) => kept.get(instance) ?? [],
    keep: (instance, looks) => {
      if (looks.length > 0) kept.set(instance, looks);
    },
  };
}

/** What publishing may take, and some air. */
const PUBLISHING_MS = AWS_LIMITS.callMs + 1_000;

/**
 * Runs once.
 *
 * @param timeMs the time there is for everything.
 */
export async function run(
  settings: Settings,
  request: Request,
  { logins, publish, series, looks, log, deployed }: Surroundings,
  timeMs: number,
): Promise<Answer> {
  const policy = policyOf(settings, request);
  // Half only where somebody gives less time than a deployment may.
  const instanceMs = Math.max(timeMs - PUBLISHING_MS, timeMs / 2);
  const closing: Promise<void>[] = [];
  const isSweep = request.action === 'sweep';
  // A look by hand is no measurement; a sweep in preview is, and publishes what it would have done.
  const publishes = isSweep || policy.acts;
  const recalling = publishes ? series.recall(instanceMs) : null;
  const results = await Promise.all(
    loginTargets(settings).map((target) =>
      runInstance(target, logins(target), policy, instanceMs, {
        earlier: looks.of(target.name),
        onClosing: (closed) => {
          closing.push(closed);
        },
      }),
    ),
  );
  for (const result of results) looks.keep(result.instance, withTerminations(result, policy.attribute));
  const memory = await recalling;
  const metrics =
    memory &&
    datapointsOf(
      results,
      {
        database: settings.databaseLabel,
        maxApplications: settings.maxApplications,
        declaredApplications: settings.applicationNames.map(({ name }) => name),
        attribute: policy.attribute,
        declaredRoles: Object.keys(settings.roleLimits),
        isSweep,
      },
      memory,
      Date.now(),
    );
  if (metrics !== null) series.keep(metrics.memory);
  // CloudWatch and the servers, which are taking leave, need not wait for each other, nor for the log.
  const publishing = publish(metrics?.datapoints ?? []);
  for (const result of results) {
    for (const { level, ...event } of auditEvents(settings.databaseLabel, result, policy.attribute))
      log.write(event, level);
  }
  const [publication] = await Promise.all([publishing, ...closing]);
  const answer = answerOf(settings, request, policy, results, publication, deployed);
  const { database, dryRun, errors } = answer;
  const { action, alarmArn } = request;
  log.write(
    { event: 'run', database, action, alarmArn, dryRun, metrics: answer.metrics, errors },
    errors.length > 0 ? 'ERROR' : 'INFO',
  );
  return answer;
}

/** The last look, with what was terminated after it. */
function withTerminations({ looks, outcomes, diagnoses }: InstanceResult, attribute: Attribution): Looks {
  const last = looks.at(-1);
  if (last === undefined) return looks;
  const terminated = countBy(withOutcome(outcomes, 'terminated'), ({ backend }) => attribute(backend));
  return [...looks.slice(0, -1), withTerminated(last, terminated, diagnoses)];
}
