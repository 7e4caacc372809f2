import type { ConnectionReaperProps } from '../../../infra/connection-reaper-props.js';
import { SETTINGS_VARIABLE } from '../../../lambda/contract/names.js';
import { parseSettings, type Settings } from '../../../lambda/input/settings.js';
import type { AlarmResource } from '../../support/cloudwatch/evaluate-alarms.js';
import { aReaper, resolved, sweeperOf } from '../a-reaper.js';
import type { Names } from './story.js';

/** The instances that are visited. */
export const INSTANCES = ['writer', 'reader'] as const;

/** What RDS calls an instance. */
const dbInstance = (name: string) => `orders-${name}`;

/** A synthesized reaper of two instances. */
export interface Deployment {
  /** Every alarm of the template, with names in place of references. */
  readonly alarms: readonly AlarmResource[];
  /** Those of the deployed function. */
  readonly settings: Settings;
  /** The alarm of a kind, such as `ServerFull`; that of an instance, where each has its own. */
  readonly alarmOf: (kind: string, instance?: string) => AlarmResource;
  /** The names for the alarm of an instance. */
  readonly namesFor: (its: string) => Names;
}

/** Synthesizes a reaper with every alarm that there is. */
export function deploymentOf(props: Pick<ConnectionReaperProps, 'trigger' | 'interval'>): Deployment {
  const { template, reaper, stack } = aReaper({
    ...props,
    instances: INSTANCES.map((name) => ({ name, host: `${name}.example`, dbInstanceIdentifier: dbInstance(name) })),
    roleLimits: { checkout: 100 },
    alarms: { DatabaseConnections: { threshold: 50 } },
  });
  const alarms = (['AWS::CloudWatch::Alarm', 'AWS::CloudWatch::CompositeAlarm'] as const).flatMap((type) =>
    Object.entries(template.findResources(type)).map(([logicalId, { Properties }]) => ({
      logicalId,
      type,
      properties: resolved(Properties) as AlarmResource['properties'],
    })),
  );
  return {
    alarms,
    settings: parseSettings(String(resolved(sweeperOf(template).Environment.Variables[SETTINGS_VARIABLE]))),
    alarmOf: (kind, instance) => {
      const name = `ConnectionReaper-orders-${kind}${instance === undefined ? '' : `-${instance}`}`;
      const found = alarms.find(({ properties }) => properties['AlarmName'] === name);
      if (found === undefined) throw new Error(`no alarm is called ${name}`);
      return found;
    },
    namesFor: (its) => ({
      its,
      other: INSTANCES.find((name) => name !== its) ?? its,
      functionName: String(resolved(stack.resolve(reaper.handler.functionName))),
      dbInstance,
    }),
  };
}
