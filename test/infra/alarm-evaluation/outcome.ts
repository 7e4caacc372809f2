import type { Observation } from '../../../demo/cloudwatch/observation.js';
import { timeline } from '../../support/cloudwatch/alarm-history.js';
import { type AlarmResource, evaluateAlarms } from '../../support/cloudwatch/evaluate-alarms.js';
import type { Deployment } from './deployment.js';
import { START } from './published.js';
import { type Scenario, wordsOf } from './story.js';

/** What became of an alarm in a scenario, and what of its contributors by name: a letter for each minute. */
export function outcomeOf(
  alarm: AlarmResource,
  { alarms }: Deployment,
  { given, lateSeconds }: Scenario,
  observations: readonly Observation[],
): Readonly<Record<string, string>> {
  const span = { start: START, minutes: wordsOf(given).length, lateSeconds };
  // A composite alarm is made of the others.
  const others = alarm.type === 'AWS::CloudWatch::Alarm' ? [] : alarms.filter(({ type }) => type !== alarm.type);
  const history = evaluateAlarms([alarm, ...others], observations, span).get(String(alarm.properties['AlarmName']));
  const contributors = [...(history?.contributors ?? [])].map(([name, states]) => [name, timeline(states)] as const);
  return { alarm: timeline(history?.states ?? []), ...Object.fromEntries(contributors) };
}

/** What should have become of it. */
export function wanted({ states, contributors }: Scenario): Readonly<Record<string, string>> {
  return { alarm: states, ...contributors };
}
