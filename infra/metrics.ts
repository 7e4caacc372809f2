import type { Duration } from 'aws-cdk-lib';
import { MathExpression, Metric, type MetricOptions, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { DIMENSIONS, type MetricName, NAMESPACE, OTHER_APPLICATIONS } from '../lambda/contract.js';
import { type Fleet, insightsQuery, searchExpression } from './fleet-metrics.js';

/** How to read a metric. Which one it is can't be changed, so it has no dimensions. */
export type ReaperMetricOptions = Omit<MetricOptions, 'dimensionsMap'>;

/** How to read a metric of an instance. */
export interface InstanceMetricOptions extends ReaperMetricOptions {
  /** The name of the instance. @default - the first */
  readonly instance?: string;
}

/** How to read the metrics of all applications or roles at once: one series each, new ones join by themselves. */
export interface FleetMetricOptions {
  /** What the graph calls it. @default - a name that fits */
  readonly label?: string;

  /** The period of the datapoints. @default - the interval between sweeps */
  readonly period?: Duration;
}

type InstanceDimensions = Record<(typeof DIMENSIONS)['instance'][number], string>;

/** The metrics of a reaper. Alarms and the dashboard are made from these alone, and so should yours. */
export abstract class ReaperMetrics extends Construct {
  /** What the database is called in metrics, alarms and reports. */
  abstract readonly databaseIdentifier: string;

  /** The names of the instances it visits. */
  abstract readonly instanceNames: readonly string[];

  /** The time between two sweeps: the finest period at which the metrics have datapoints. */
  abstract readonly interval: Duration;

  /** The function. */
  abstract readonly handler: IFunction;

  /** Percent of the slots that ordinary roles can use; over 100 when reserved slots are taken too. Maximum by default. */
  metricSlotsUsedPercent(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('SlotsUsedPercent', Stats.MAXIMUM, options);
  }

  /** Slots that ordinary roles can still take. Minimum by default. */
  metricSlotsFree(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('SlotsFree', Stats.MINIMUM, options);
  }

  /** Client backends. Maximum by default. */
  metricBackends(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('Backends', Stats.MAXIMUM, options);
  }

  /** Client backends in state `idle`. Maximum by default. */
  metricIdleBackends(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('IdleBackends', Stats.MAXIMUM, options);
  }

  /** Backends that were ended and seen to be gone. Sum by default. */
  metricTerminatedBackends(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('TerminatedBackends', Stats.SUM, options);
  }

  /** Backends that the policy chose: ended in `enforce`, only counted in `preview`. Sum by default. */
  metricReapableBackends(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('ReapableBackends', Stats.SUM, options);
  }

  /** Backends that the server refused to end. Sum by default. */
  metricRefusedTerminations(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('RefusedTerminations', Stats.SUM, options);
  }

  /** Backends whose state the reaper's login may not see. Maximum by default. */
  metricUnreadableBackends(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('UnreadableBackends', Stats.MAXIMUM, options);
  }

  /** 1 when no ordinary role can get in, the reaper included. Maximum by default. */
  metricServerFull(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('ServerFull', Stats.MAXIMUM, options);
  }

  /** Sweeps that came to their end. Sum by default. */
  metricSweepsCompleted(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('SweepsCompleted', Stats.SUM, options);
  }

  /** How long the backend that is idle longest has been. Maximum by default. */
  metricOldestIdleSeconds(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('OldestIdleSeconds', Stats.MAXIMUM, options);
  }

  /** Runs that failed, wholly or in part. Sum by default. */
  metricErrors(options?: ReaperMetricOptions): Metric {
    return this.handler.metricErrors({ period: this.interval, statistic: Stats.SUM, ...options });
  }

  /** Percent of the usable slots by application, for graphs. */
  metricSlotsUsedPercentByApplication(options?: FleetMetricOptions): MathExpression {
    return this.search({ level: 'application', metricName: 'SlotsUsedPercent' }, Stats.MAXIMUM, options);
  }

  /** Client backends by application, for graphs. */
  metricBackendsByApplication(options?: FleetMetricOptions): MathExpression {
    return this.search({ level: 'application', metricName: 'Backends' }, Stats.MAXIMUM, options);
  }

  /** Client backends in state `idle` by application, for graphs. */
  metricIdleBackendsByApplication(options?: FleetMetricOptions): MathExpression {
    return this.search({ level: 'application', metricName: 'IdleBackends' }, Stats.MAXIMUM, options);
  }

  /** Ended backends by application, for graphs. */
  metricTerminatedBackendsByApplication(options?: FleetMetricOptions): MathExpression {
    return this.search({ level: 'application', metricName: 'TerminatedBackends' }, Stats.SUM, options);
  }

  /** Percent of its CONNECTION LIMIT by role, for graphs. */
  metricRoleLimitUsedPercentByRole(options?: FleetMetricOptions): MathExpression {
    return this.search({ level: 'role', metricName: 'RoleLimitUsedPercent' }, Stats.MAXIMUM, options);
  }

  /** Percent of the usable slots by application, for alarms. Without `(other)`, which is no application. */
  insightsSlotsUsedPercentByApplication(options?: FleetMetricOptions): MathExpression {
    const fleet = { level: 'application', metricName: 'SlotsUsedPercent', database: this.databaseIdentifier } as const;
    return new MathExpression({
      period: this.interval,
      label: 'SlotsUsedPercent by application',
      ...options,
      expression: insightsQuery(fleet, 'Application', OTHER_APPLICATIONS),
    });
  }

  /** Percent of its CONNECTION LIMIT by role, for alarms. */
  insightsRoleLimitUsedPercentByRole(options?: FleetMetricOptions): MathExpression {
    const fleet = { level: 'role', metricName: 'RoleLimitUsedPercent', database: this.databaseIdentifier } as const;
    return new MathExpression({
      period: this.interval,
      label: 'RoleLimitUsedPercent by role',
      ...options,
      expression: insightsQuery(fleet, 'Role'),
    });
  }

  private instanceMetric(
    metricName: MetricName<'instance'>,
    statistic: string,
    { instance = this.instanceNames[0], ...options }: InstanceMetricOptions = {},
  ): Metric {
    if (instance === undefined || !this.instanceNames.includes(instance)) {
      throw new RangeError(`expected one of the instances ${this.instanceNames.join(', ')}, got ${instance}`);
    }
    return new Metric({
      period: this.interval,
      statistic,
      ...options,
      namespace: NAMESPACE,
      metricName,
      dimensionsMap: { Database: this.databaseIdentifier, Instance: instance } satisfies InstanceDimensions,
    });
  }

  private search<Level extends 'application' | 'role'>(
    fleet: Omit<Fleet<Level>, 'database'>,
    statistic: string,
    { period = this.interval, ...options }: FleetMetricOptions = {},
  ): MathExpression {
    return new MathExpression({
      label: DIMENSIONS[fleet.level]
        .filter((dimension) => dimension !== 'Database')
        .map((dimension) => `\${PROP('Dim.${dimension}')}`)
        .join(' '),
      ...options,
      period,
      expression: searchExpression({ ...fleet, database: this.databaseIdentifier }, statistic, period),
    });
  }
}
