import * as v from 'valibot';
import { LEAST_TIMEOUT_SECONDS } from '../../lambda/contract/names.js';
import { exactObject, wholeNumber } from '../../lambda/input/faults.js';
import { runbookUrl } from '../alarms/runbook.js';

/** How long a sweep may take, in seconds. */
export const DEFAULT_TIMEOUT = 50;

/** Minutes between two sweeps, by what starts them. */
export const DEFAULT_INTERVAL = { schedule: 1, alarm: 5 } as const;

/** What concerns the deployment alone, whichever way it is written: `interval` in minutes, `timeout` in seconds. */
export const deploymentSchema = v.pipe(
  exactObject({
    trigger: v.optional(v.picklist(['schedule', 'alarm'], '"schedule" or "alarm"'), 'schedule'),
    // Alarms on Metrics Insights queries look back 3 hours at most, and ours at three to six intervals.
    interval: v.optional(wholeNumber(1, 30, 'whole minutes')),
    // 900 is Lambda's limit.
    timeout: v.optional(wholeNumber(LEAST_TIMEOUT_SECONDS, 900, 'whole seconds')),
    databasePort: v.optional(wholeNumber(1, 65_535)),
    runbookUrl: v.optional(runbookUrl),
  }),
  v.transform(({ interval, timeout = DEFAULT_TIMEOUT, ...deployment }) => ({
    ...deployment,
    interval: interval ?? DEFAULT_INTERVAL[deployment.trigger],
    timeout,
  })),
  v.forward(
    v.partialCheck(
      [['trigger'], ['interval']],
      ({ trigger, interval }) => trigger !== 'alarm' || interval !== 1,
      '2 minutes or more with trigger: "alarm", since an alarm takes one to go off again',
    ),
    ['interval'],
  ),
  v.forward(
    v.partialCheck(
      [['interval'], ['timeout']],
      ({ interval, timeout }) => timeout < interval * 60,
      'less than the interval, so that a sweep ends before the next one begins',
    ),
    ['timeout'],
  ),
);
