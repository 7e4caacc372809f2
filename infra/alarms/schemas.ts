import * as v from 'valibot';
import { exactObject, wholeNumber } from '../../lambda/input/faults.js';
import { MAX_BACKENDS } from '../../lambda/input/settings.js';
import { METRIC_ALARMS, type MetricAlarmName } from './names.js';

/** CloudWatch looks back no further, so that no period is longer, and no window has more of them. */
const MINUTES_A_WEEK = 10_080;

/** The period of a metric that is published once a minute, in minutes. */
export function periodInMinutes(unit: string): v.GenericSchema<number> {
  return wholeNumber(1, MINUTES_A_WEEK, unit);
}

const names = v.pipe(
  v.array(v.picklist(METRIC_ALARMS, `one of ${METRIC_ALARMS.join(', ')}`), 'a list of alarms'),
  v.minLength(1, 'at least one alarm (ConnectionsCritical: false leaves it out)'),
);

/**
 * The schemas of all overrides, by the names of their alarms.
 *
 * @param form what the props and `cdk.json` write each in its own way: the period, which comes out in minutes, and what an
 * alarm does.
 */
export function alarmEntries<Period>(form: {
  readonly period: v.GenericSchema<Period, number>;
  readonly actions: v.ObjectEntries;
}): Readonly<Record<MetricAlarmName | 'ConnectionsCritical', v.GenericSchema>> {
  const periods = v.optional(wholeNumber(1, MINUTES_A_WEEK));
  const window = { period: v.optional(form.period), evaluationPeriods: periods, datapointsToAlarm: periods };
  const above = (threshold: v.GenericSchema<number>) =>
    orFalse(exactObject({ threshold: v.optional(threshold), ...window, ...form.actions }));
  const percent = wholeNumber(1, 100);
  const count = wholeNumber(1, MAX_BACKENDS);
  return {
    ServerFull: orFalse(exactObject({ ...window, ...form.actions })),
    SlotsNearlyFull: above(percent),
    DatabaseConnections: above(count),
    ApplicationConnectionsHigh: above(percent),
    LeakContinues: above(count),
    RoleNearLimit: above(percent),
    ReaperFailing: above(count),
    ReaperNotRunning: above(count),
    ReaperBlind: above(count),
    ConnectionsCritical: orFalse(exactObject({ of: v.optional(names), ...form.actions })),
  };
}

/** Not a union: where neither form fits, it could not say what is wrong with the one that was meant. */
function orFalse<Schema extends v.GenericSchema>(schema: Schema) {
  const isFalse = v.literal(false);
  return v.optional(v.lazy((input): Schema | typeof isFalse => (input === false ? isFalse : schema)));
}
