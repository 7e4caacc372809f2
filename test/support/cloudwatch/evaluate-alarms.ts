import * as v from 'valibot';
import type { Observation } from '../../../demo/cloudwatch/observation.js';
import { type AlarmHistory, type Span, transitionsOf } from './alarm-history.js';
import { parseAlarmRule } from './alarm-rule.js';
import { ALARM_ENTRIES } from './metric-alarm.js';
import { metricAlarmHistory } from './metric-alarm-history.js';

/** An alarm of a template, with names in place of references. */
export interface AlarmResource {
  readonly logicalId: string;
  readonly type: 'AWS::CloudWatch::Alarm' | 'AWS::CloudWatch::CompositeAlarm';
  readonly properties: Readonly<Record<string, unknown>>;
}

const compositeAlarm = v.strictObject({ ...ALARM_ENTRIES, AlarmRule: v.string() });

/**
 * A model of CloudWatch's alarms by what is documented of them: what becomes of each alarm under these observations, by its
 * name. Data counts as soon as its minute is over; the real service is a minute or two behind.
 *
 * @throws Error for what CloudWatch would refuse, and for what is not modelled.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
 */
export function evaluateAlarms(
  resources: readonly AlarmResource[],
  observations: readonly Observation[],
  span: Span,
): ReadonlyMap<string, AlarmHistory> {
  const histories = new Map<AlarmResource, AlarmHistory>();
  const historyOf = (resource: AlarmResource, above: readonly AlarmResource[]): AlarmHistory => {
    if (above.includes(resource)) throw new Error(`${resource.logicalId}: the composite alarms go round in a circle`);
    const known = histories.get(resource);
    if (known !== undefined) return known;
    const history =
      resource.type === 'AWS::CloudWatch::Alarm'
        ? metricAlarmHistory(resource.properties, observations, span)
        : compositeAlarmHistory(resource.properties, span, (reference) =>
            historyOf(referredTo(reference, resources), [...above, resource]),
          );
    histories.set(resource, history);
    return history;
  };
  return new Map(resources.map((resource) => [String(resource.properties['AlarmName']), historyOf(resource, [])]));
}

/** The alarm of a name, an ARN, or what stands for either in a template. */
function referredTo(reference: string, resources: readonly AlarmResource[]): AlarmResource {
  const found = resources.find(({ logicalId, properties }) =>
    [properties['AlarmName'], `\${${logicalId}}`, `\${${logicalId}.Arn}`].includes(reference),
  );
  if (found === undefined) throw new Error(`no alarm is called ${reference}`);
  return found;
}

/**
 * A composite alarm follows its alarms at once. It has INSUFFICIENT_DATA only until its first evaluation.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
 */
function compositeAlarmHistory(
  properties: AlarmResource['properties'],
  { minutes }: Span,
  historyOf: (reference: string) => AlarmHistory,
): AlarmHistory {
  const { AlarmRule, ...alarm } = v.parse(compositeAlarm, properties);
  const rule = parseAlarmRule(AlarmRule);
  const histories = new Map([...rule.alarms].map((reference) => [reference, historyOf(reference)]));
  const states = Array.from({ length: minutes }, (_, minute) =>
    rule.holds((reference) => histories.get(reference)?.states[minute]) ? 'ALARM' : 'OK',
  );
  return { states, contributors: new Map(), transitions: transitionsOf(alarm, states) };
}
