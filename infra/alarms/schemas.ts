import { Duration as CdkDuration } from 'aws-cdk-lib';
import * as v from 'valibot';
import type { Seconds } from '../../lambda/input/duration.js';
import { exactObject, wholeNumber } from '../../lambda/input/faults.js';
import { MAX_BACKENDS } from '../../lambda/input/settings.js';
import { METRIC_ALARMS, type MetricAlarmName } from './names.js';

/** CloudWatch looks back no further, so that no period is longer, and no window has more of them. */
const MINUTES_A_WEEK = 10_080;

const names = v.pipe(
  v.array(v.picklist(METRIC_ALARMS, `one of ${METRIC_ALARMS.join(', ')}`), 'a list of alarms'),
  v.minLength(1, 'at least one alarm (ConnectionsCritical: false leaves it out)'),
);

/**
 * The schemas of all overrides, by the names of their alarms.
 *
 * @param form what the props and `cdk.json` write each in its own way: durations, and what an alarm does.
 */
export function alarmEntries<Duration>(form: {
  readonly duration: v.GenericSchema<Duration, Seconds>;
  readonly alarmActions: v.ObjectEntries;
}): Readonly<Record<MetricAlarmName | 'ConnectionsCritical', v.GenericSchema>> {
  const periods = v.optional(wholeNumber(1, MINUTES_A_WEEK));
  // A metric has a datapoint a minute at most.
  const period = wholeMinutes(form.duration, MINUTES_A_WEEK);
  const window = { period: v.optional(period), evaluationPeriods: periods, datapointsToAlarm: periods };
  const above = (threshold: v.GenericSchema<number>) =>
    orFalse(exactObject({ threshold: v.optional(threshold), ...window, ...form.alarmActions }));
  const percent = wholeNumber(1, 100);
  const count = wholeNumber(1, MAX_BACKENDS);
  return {
    ServerFull: orFalse(exactObject({ ...window, ...form.alarmActions })),
    SlotsNearlyFull: above(percent),
    DatabaseConnections: above(count),
    ApplicationConnectionsHigh: above(percent),
    LeakContinues: above(count),
    RoleNearLimit: above(percent),
    ReaperFailing: above(count),
    ReaperNotRunning: above(count),
    ReaperBlind: above(count),
    ConnectionsCritical: orFalse(exactObject({ of: v.optional(names), ...form.alarmActions })),
  };
}

/** A duration of whole minutes, from one on. */
export function wholeMinutes<Duration>(duration: v.GenericSchema<Duration, Seconds>, most: number) {
  return v.pipe(
    duration,
    v.transform((seconds) => seconds / 60),
    wholeNumber(1, most, 'whole minutes'),
    v.transform((minutes) => CdkDuration.minutes(minutes)),
  );
}

/** Not a union: where neither form fits, it could not say what is wrong with the one that was meant. */
function orFalse<Schema extends v.GenericSchema>(schema: Schema) {
  const isFalse = v.literal(false);
  return v.optional(v.lazy((input): Schema | typeof isFalse => (input === false ? isFalse : schema)));
}
