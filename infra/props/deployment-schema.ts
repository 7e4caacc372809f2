import * as v from 'valibot';
import { LEAST_TIMEOUT_SECONDS } from '../../lambda/contract/names.js';
import { exactObject, textLike, wholeNumber } from '../../lambda/input/faults.js';
import { runbookUrl } from '../alarms/runbook.js';

/** How long a sweep may take, in seconds. */
export const DEFAULT_TIMEOUT = 50;

/** Minutes between two sweeps, by what starts them. */
export const DEFAULT_INTERVAL = { interval: 1, onAlarm: 5 } as const;

/**
 * It is quoted nowhere that a person types it, and its twin, which rotation calls `…_clone`, must fit into the 63 bytes of
 * PostgreSQL's names.
 */
const reaperRole = textLike(
  /^(?!pg_|(?:public|none)$|.+_clone$)[a-z_][a-z0-9_]{0,56}$/,
  'a role name of 1 to 57 small letters, digits and "_", other than public, none, pg_… and …_clone',
);

/** What concerns the deployment alone, whichever way it is written: `interval` in minutes, `timeout` in seconds. */
export const deploymentSchema = v.pipe(
  exactObject({
    schedule: v.optional(v.picklist(['interval', 'onAlarm'], '"interval" or "onAlarm"'), 'interval'),
    // Alarms on Metrics Insights queries look back 3 hours at most, and ours at three to six intervals.
    interval: v.optional(wholeNumber(1, 30, 'whole minutes')),
    // 900 is Lambda's limit.
    timeout: v.optional(wholeNumber(LEAST_TIMEOUT_SECONDS, 900, 'whole seconds')),
    databasePort: v.optional(wholeNumber(1, 65_535)),
    reaperRole: v.optional(reaperRole),
    runbookUrl: v.optional(runbookUrl),
  }),
  v.transform(({ interval, timeout = DEFAULT_TIMEOUT, ...deployment }) => ({
    ...deployment,
    interval: interval ?? DEFAULT_INTERVAL[deployment.schedule],
    timeout,
  })),
  v.forward(
    v.partialCheck(
      [['schedule'], ['interval']],
      ({ schedule, interval }) => schedule !== 'onAlarm' || interval !== 1,
      '2 minutes or more with schedule: "onAlarm", since an alarm takes one to go off again',
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
