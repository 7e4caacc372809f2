import type { Observation } from '../../../demo/cloudwatch/observation.js';
import { SETTINGS_VARIABLE } from '../../../lambda/contract/names.js';
import { parseSettings, type Settings } from '../../../lambda/input/settings.js';
import {
  type AlarmProperties,
  alarmHistory,
  compositeStates,
  type History,
  type Span,
} from '../../support/cloudwatch/evaluate-alarms.js';
import { aReaper, propertiesOf, resolved, sweeperOf } from '../a-reaper.js';

export type Instance = 'writer' | 'reader';

/** What RDS calls an instance. */
export const dbInstance = (name: string) => `orders-${name}`;

/** A synthesized reaper of two instances, with every alarm there is. */
export interface Deployment {
  /** The names of all alarms, without the part that names the database. */
  readonly alarms: readonly string[];
  /** The settings of the deployed function. */
  readonly settings: Settings;
  readonly functionName: string;
  readonly historyOf: (alarm: string, observations: readonly Observation[], span: Span) => History;
}

const PREFIX = 'ConnectionReaper-orders-';

/** With a sweep a minute, or with a sweep every five minutes while connections are many. */
export function deploymentOf(trigger: 'schedule' | 'alarm'): Deployment {
  const { template, reaper, stack } = aReaper({
    trigger,
    instances: ['writer', 'reader'].map((name) => ({
      name,
      host: `${name}.example`,
      dbInstanceIdentifier: dbInstance(name),
    })),
    roleLimits: { checkout: 100 },
    alarms: { DatabaseConnections: { threshold: 50 } },
  });
  const resources = template.findResources('AWS::CloudWatch::Alarm');
  const alarms = new Map(
    Object.values(resources).map(({ Properties }) => {
      const properties = resolved(Properties) as AlarmProperties;
      return [properties.AlarmName, properties] as const;
    }),
  );
  const [composite] = propertiesOf(template, 'AWS::CloudWatch::CompositeAlarm');
  const rule = String(resolved(composite?.['AlarmRule'])).replaceAll(/\$\{(\w+)\}/g, (_, id) =>
    String(resources[id]?.['Properties'].AlarmName),
  );
  const historyOf = (name: string, observations: readonly Observation[], span: Span): History => {
    const alarm = alarms.get(name);
    if (alarm === undefined) throw new Error(`no alarm is called ${name}`);
    return alarmHistory(alarm, observations, span);
  };
  return {
    alarms: [...alarms.keys(), String(composite?.['AlarmName'])].map((name) => name.slice(PREFIX.length)),
    settings: parseSettings(String(resolved(sweeperOf(template).Environment.Variables[SETTINGS_VARIABLE]))),
    functionName: String(resolved(stack.resolve(reaper.handler.functionName))),
    historyOf: (alarm, observations, span) =>
      alarm === 'ConnectionsCritical'
        ? { states: compositeStates(rule, (name) => historyOf(name, observations, span).states), contributors: {} }
        : historyOf(PREFIX + alarm, observations, span),
  };
}
