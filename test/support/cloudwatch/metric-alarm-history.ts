import type { Datapoints, Observation } from '../../../demo/cloudwatch/observation.js';
import { type AlarmHistory, type Span, transitionsOf } from './alarm-history.js';
import { alarmSource } from './alarm-source.js';
import { type AlarmState, alarmState, EXTRA_DATAPOINTS, isWarm, type Judgement } from './alarm-state.js';
import { type MetricAlarm, parseMetricAlarm } from './metric-alarm.js';

/**
 * What becomes of an `AWS::CloudWatch::Alarm`, evaluated at the end of each minute.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
 */
export function metricAlarmHistory(
  properties: Readonly<Record<string, unknown>>,
  observations: readonly Observation[],
  { start, minutes, lateSeconds = 0 }: Span,
): AlarmHistory {
  const alarm = parseMetricAlarm(properties);
  const { evaluationPeriods } = alarm.judgement;
  const source = alarmSource(alarm.queries, evaluationPeriods);
  const ranges = Array.from({ length: minutes }, (_, minute) => ({
    end: start + (minute + 1) * 60_000,
    periodSeconds: source.periodSeconds,
    periods: evaluationPeriods + EXTRA_DATAPOINTS,
  }));
  const known = (end: number) => observations.filter(({ timestamp }) => timestamp < end - lateSeconds * 1000);
  if (source.kind === 'series') {
    const series = ranges.map((range) => source.read(known(range.end), range));
    return seriesHistory(alarm, series);
  }
  if (alarm.warmUp !== undefined) throw new Error('a warm-up of an alarm with contributors is not modelled');
  const found = ranges.map((range) => source.read(known(range.end), range));
  return contributorsHistory(alarm, found);
}

/** @param ranges the datapoints that each evaluation looks at. */
function seriesHistory(alarm: MetricAlarm, ranges: readonly Datapoints[]): AlarmHistory {
  const { judgement, warmUp } = alarm;
  const warm =
    warmUp === undefined ? 0 : ranges.findIndex((range, minute) => isWarm(range, minute + 1, warmUp, judgement));
  let current: AlarmState = 'INSUFFICIENT_DATA';
  const states = ranges.map((range, minute) => {
    if (warm !== -1 && minute >= warm) current = alarmState(range, judgement, current);
    return current;
  });
  return { states, contributors: new Map(), transitions: transitionsOf(alarm, states) };
}

/**
 * The alarm is in ALARM as soon as one contributor is. Without any it has INSUFFICIENT_DATA, whatever it makes of missing
 * data (an older edition of the documentation had its treatment of missing data decide).
 *
 * @param found the time series that each evaluation looks at, by contributor.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 */
function contributorsHistory(alarm: MetricAlarm, found: readonly ReadonlyMap<string, Datapoints>[]): AlarmHistory {
  const names = new Set(found.flatMap((series) => [...series.keys()]));
  const contributors = new Map(
    [...names].map((name) => [
      name,
      contributorStates(
        found.map((series) => series.get(name)),
        alarm.judgement,
      ),
    ]),
  );
  return {
    states: found.map((series, minute) => {
      if (series.size === 0) return 'INSUFFICIENT_DATA';
      return [...contributors.values()].some((states) => states[minute] === 'ALARM') ? 'ALARM' : 'OK';
    }),
    contributors,
    transitions: [...contributors].flatMap(([name, states]) => transitionsOf(alarm, states, name)),
  };
}

function contributorStates(
  series: readonly (Datapoints | undefined)[],
  judgement: Judgement,
): readonly (AlarmState | undefined)[] {
  let current: AlarmState = 'OK';
  return series.map((datapoints) => {
    current = datapoints === undefined ? 'OK' : alarmState(datapoints, judgement, current);
    return datapoints === undefined ? undefined : current;
  });
}
