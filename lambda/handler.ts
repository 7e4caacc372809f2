/**
 * The Lambda function's entry.
 *
 * Settings and clients are made once and serve every invocation of this environment. The event is checked before
 * anything is touched. A run with errors ends as a failed invocation, after everything else is done: that is what the
 * alarm on the function's errors sees. The report is then in the error's message, so that nobody who invoked by hand is
 * left without it.
 */

import { cloudWatch, secretsManagers } from './aws/clients.js';
import { logTo } from './aws/log.js';
import { publishByLog, publishTo } from './aws/publish.js';
import { historiesFrom } from './aws/series-history.js';
import { seriesKeeper } from './aws/series-memory.js';
import { SETTINGS_VARIABLE } from './contract/names.js';
import { parseEvent } from './input/event.js';
import { printable } from './input/printable.js';
import { parseSettings, type Settings } from './input/settings.js';
import type { InvocationContext } from './invocation-context.js';
import { loginsOf } from './login/logins.js';
import type { Answer } from './report/answer.js';
import { lookKeeper, run, type Surroundings } from './run.js';

// The bundle holds both functions; the deployment names the one it means.
export { bootstrap } from './bootstrap-handler.js';

/** A run that could not do all it owes. Its message holds what failed and the whole report. */
export class RunError extends Error {
  override readonly name = 'RunError';

  constructor(readonly answer: Answer) {
    super(`${answer.errors.map(printable).join('; ')}\n\n${answer.text}`);
  }
}

/** Kept free for Lambda itself to send the answer. */
const ANSWERING_MS = 1_000;

const log = logTo(process.stdout);
let prepared: { readonly settings: Settings; readonly surroundings: Surroundings } | undefined;

function prepare(timeMs: number): NonNullable<typeof prepared> {
  const settings = parseSettings(process.env[SETTINGS_VARIABLE]);
  const metrics = settings.metricsVia === 'emf' ? null : cloudWatch();
  return {
    settings,
    surroundings: {
      logins: loginsOf(settings, secretsManagers()),
      publish: metrics === null ? publishByLog(log) : publishTo(metrics, log),
      series: seriesKeeper(metrics && historiesFrom(metrics, settings.databaseLabel), log),
      looks: lookKeeper(),
      log,
      ...deployedFunction(timeMs),
    },
  };
}

/** Lambda names the function and its region; what is left of the time at the start is nearly all of it. */
function deployedFunction(timeMs: number): Pick<Surroundings, 'deployed'> {
  const { AWS_LAMBDA_FUNCTION_NAME: functionName, AWS_REGION: region } = process.env;
  if (functionName === undefined) return {};
  return { deployed: { functionName, region, timeoutSeconds: Math.ceil((timeMs + ANSWERING_MS) / 1_000) } };
}

/** Answers one event: a sweep, a report or a reap. */
export async function handler(event: unknown, context: InvocationContext): Promise<Answer> {
  const timeMs = context.getRemainingTimeInMillis() - ANSWERING_MS;
  prepared ??= prepare(timeMs);
  const request = parseEvent(event);
  const answer = await run(prepared.settings, request, prepared.surroundings, timeMs);
  if (answer.errors.length > 0) throw new RunError(answer);
  return answer;
}
