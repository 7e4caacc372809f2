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
import { AWS_LIMITS } from './contract/limits.js';
import type { Request } from './input/event.js';
import type { Settings } from './input/settings.js';
import { runInstance } from './instance-run.js';
import { loginTargets } from './login/login-target.js';
import type { Logins } from './login/logins.js';
import { policyOf } from './policy/policy.js';
import { type Answer, answerOf } from './report/answer.js';
import { auditEvents } from './report/audit.js';
import { datapointsOf } from './report/metrics.js';

/** The effects a run needs from its surroundings. */
export interface Surroundings {
  readonly logins: Logins;
  readonly publish: Publish;
  readonly series: SeriesKeeper;
  readonly log: Log;
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
  { logins, publish, series, log }: Surroundings,
  timeMs: number,
): Promise<Answer> {
  const policy = policyOf(settings, request);
  // Half only where somebody gives less time than a deployment may.
  const visitMs = Math.max(timeMs - PUBLISHING_MS, timeMs / 2);
  const closing: Promise<void>[] = [];
  const isSweep = request.action === 'sweep';
  // A look by hand is no measurement; a sweep in preview is, and publishes what it would have done.
  const publishes = isSweep || policy.acts;
  const recalling = publishes ? series.recall(visitMs) : null;
  const results = await Promise.all(
    loginTargets(settings).map((target) =>
      runInstance(target, logins(target), policy, visitMs, (closed) => closing.push(closed)),
    ),
  );
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
  const answer = answerOf(settings, request, policy, results, publication);
  const { database, dryRun, errors } = answer;
  const { action, alarmArn } = request;
  log.write(
    { event: 'run', database, action, alarmArn, dryRun, metrics: answer.metrics, errors },
    errors.length > 0 ? 'ERROR' : 'INFO',
  );
  return answer;
}
