import { AWS_LIMITS } from '../contract/limits.js';
import { SETTLING_MS, type SeriesMemory, unknownSeries, withHistory } from '../report/series.js';
import { describeAwsFailure, isAccessDenied } from './failure.js';
import type { Log } from './log.js';
import type { AskHistories } from './series-history.js';

/** The memory of a function's environment, which is lost with it. */
export interface SeriesKeeper {
  /** What is remembered, and from CloudWatch what is not. Never fails, and takes no longer than a call to AWS may. */
  recall(timeMs: number): Promise<SeriesMemory>;
  /** Takes what the next run is to remember. */
  keep(memory: SeriesMemory): void;
}

/** After so long without a run, another environment may have done them. */
const ABSENCE_MS = 15 * 60_000;

/**
 * Keeps the memory of one environment. It asks CloudWatch when it has just started or was not used for long, and again
 * until its answer holds all that another environment published before; after a failure it asks in the next run.
 *
 * @param ask `null` where CloudWatch can't be asked.
 */
export function seriesKeeper(ask: AskHistories | null, log: Log): SeriesKeeper {
  let memory: SeriesMemory | undefined;
  let askUntil = 0;
  let answered = false;
  return {
    async recall(timeMs) {
      const now = Date.now();
      if (now - (memory?.ranAt ?? 0) > ABSENCE_MS) askUntil = now + SETTLING_MS;
      memory ??= { applications: unknownSeries(now), roles: unknownSeries(now), leaks: new Map(), ranAt: null };
      if (ask === null || (answered && now > askUntil)) return memory;
      try {
        const { applications, roles } = await ask(now, AbortSignal.timeout(Math.min(AWS_LIMITS.callMs, timeMs)));
        memory = {
          ...memory,
          applications: withHistory(memory.applications, applications, askUntil),
          roles: withHistory(memory.roles, roles, askUntil),
        };
        answered = true;
      } catch (cause) {
        log.write({ event: 'series_unknown', error: describeAwsFailure(cause, 'CloudWatch', adviceOn) }, 'WARN');
      }
      return memory;
    },
    keep(next) {
      memory = next;
    },
  };
}

function adviceOn(refusal: Parameters<typeof isAccessDenied>[0]): string | null {
  if (!isAccessDenied(refusal)) return null;
  return "allow the function's role cloudwatch:GetMetricData; the policy of a VPC endpoint must not deny it";
}
