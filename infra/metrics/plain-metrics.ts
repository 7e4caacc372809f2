import { Duration } from 'aws-cdk-lib';
import { MathExpression, Metric, type MetricOptions, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { type DIMENSIONS, type MetricLevel, type MetricName, NAMESPACE } from '../../lambda/contract/metrics.js';

/** How to read a metric. Which one it is can't be changed, so it has no dimensions. */
export type ReaperMetricOptions = Omit<MetricOptions, 'dimensionsMap'>;

/** How to read a metric of an instance. */
export interface InstanceMetricOptions extends ReaperMetricOptions {
  /** The name of the instance. @default - the first */
  readonly instance?: string;
}

/** How to read a metric of an instance, or of one application on it. */
export interface ApplicationMetricOptions extends InstanceMetricOptions {
  /**
   * The application as the metrics call it: its `application_name`, the name that `applicationNames` gives it, `(none)` or
   * `(other)`. It has datapoints while it has one of the `maxApplications` places.
   *
   * For `(other)`, counts are sums. `SlotsUsedPercent` is that of the fullest application in it.
   *
   * @default - all of them together
   */
  readonly application?: string;
}

/** How to read a metric of a role. */
export interface RoleMetricOptions extends ReaperMetricOptions {
  /** The role, which must have a limit. In its name, bytes beyond printable ASCII are `\xHH`. */
  readonly role: string;
}

/** The metrics whose dimensions are known: of the instances, of a named application or role, and of AWS's own. */
export abstract class PlainMetrics extends Construct {
  /** What the database is called in metrics, alarms and reports. */
  abstract readonly databaseLabel: string;

  /** The names of the instances that each sweep connects to. */
  abstract readonly instanceNames: readonly string[];

  /** What RDS calls the instances, by their names; only those of which it is known. */
  abstract readonly dbInstanceIdentifiers: Readonly<Record<string, string>>;

  /** The time between two sweeps: the finest period at which the metrics have datapoints. */
  abstract readonly interval: Duration;

  /** The function. */
  abstract readonly handler: IFunction;

  /** Percent of the slots that ordinary roles can use; over 100 when reserved slots are taken too. Maximum by default. */
  metricSlotsUsedPercent(options?: ApplicationMetricOptions): Metric {
    return this.applicationMetric('SlotsUsedPercent', Stats.MAXIMUM, options);
  }

  /** Slots that ordinary roles can still take. Minimum by default. */
  metricSlotsFree(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('SlotsFree', Stats.MINIMUM, options);
  }

  /** Connections of clients. Maximum by default. */
  metricConnections(options?: ApplicationMetricOptions): Metric {
    return this.applicationMetric('Connections', Stats.MAXIMUM, options);
  }

  /** Connections of clients in state `idle`. Maximum by default. */
  metricIdleConnections(options?: ApplicationMetricOptions): Metric {
    return this.applicationMetric('IdleConnections', Stats.MAXIMUM, options);
  }

  /** Connections that are idle inside a transaction. Maximum by default. */
  metricIdleInTransactionConnections(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('IdleInTransactionConnections', Stats.MAXIMUM, options);
  }

  /** Connections that the diagnosis calls leaked. Maximum by default. */
  metricLeakedConnections(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('LeakedConnections', Stats.MAXIMUM, options);
  }

  /** Connections that the reaper terminated and then saw to be gone. Sum by default. */
  metricTerminatedConnections(options?: ApplicationMetricOptions): Metric {
    return this.applicationMetric('TerminatedConnections', Stats.SUM, options);
  }

  /** Connections of one application that leaked, and that the reaper terminated. Sum by default. */
  metricTerminatedLeaks({
    instance,
    application,
    ...options
  }: ApplicationMetricOptions & { readonly application: string }): Metric {
    const dimensions: Dimensions<'application'> = {
      Database: this.databaseLabel,
      Instance: this.instanceOrFirst(instance),
      Application: application,
    };
    return this.plainMetric('TerminatedLeaks', Stats.SUM, dimensions, options);
  }

  /** Connections that the policy selects: terminated in `enforce`, only counted in `preview`. Sum by default. */
  metricReapableConnections(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('ReapableConnections', Stats.SUM, options);
  }

  /** Connections that the server refused to terminate. Sum by default. */
  metricRefusedTerminations(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('RefusedTerminations', Stats.SUM, options);
  }

  /** Connections whose state the reaper's login may not see, or the server does not track. Maximum by default. */
  metricUnreadableConnections(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('UnreadableConnections', Stats.MAXIMUM, options);
  }

  /** 1 when no ordinary role can get in, the reaper included. Maximum by default. */
  metricServerFull(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('ServerFull', Stats.MAXIMUM, options);
  }

  /** Sweeps that completed. Sum by default. */
  metricSweepsCompleted(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('SweepsCompleted', Stats.SUM, options);
  }

  /** How long the longest idle connection has been idle. Maximum by default. */
  metricOldestIdleSeconds(options?: InstanceMetricOptions): Metric {
    return this.instanceMetric('OldestIdleSeconds', Stats.MAXIMUM, options);
  }

  /** Percent of its CONNECTION LIMIT that a role uses, on the instance where that is most. Maximum by default. */
  metricRoleLimitUsedPercent({ role, ...options }: RoleMetricOptions): Metric {
    const dimensions: Dimensions<'role'> = { Database: this.databaseLabel, Role: role };
    return this.plainMetric('RoleLimitUsedPercent', Stats.MAXIMUM, dimensions, options);
  }

  /** The slots that ordinary roles can use, taken or not: the line that {@link metricConnections} must stay below. */
  metricSlotsUsable({ instance, label, period }: Omit<InstanceMetricOptions, 'statistic'> = {}): MathExpression {
    const of = { ...(instance !== undefined && { instance }), ...(period !== undefined && { period }) };
    // A graph of several instances takes each id but once.
    const index = this.instanceNames.indexOf(this.instanceOrFirst(instance));
    return new MathExpression({
      label: label ?? 'SlotsUsable',
      expression: `connections${index} + free${index}`,
      usingMetrics: { [`connections${index}`]: this.metricConnections(of), [`free${index}`]: this.metricSlotsFree(of) },
      period: period ?? this.interval,
    });
  }

  /** Runs of the function that failed, wholly or in part. Sum by default. */
  metricErrors(options?: ReaperMetricOptions): Metric {
    return this.handler.metricErrors({ period: this.interval, statistic: Stats.SUM, ...options });
  }

  /**
   * RDS's own count of connections, all of them, once a minute: also where nothing sweeps. Maximum by default.
   *
   * @throws RangeError for an instance whose `dbInstanceIdentifier` is not known.
   */
  metricDatabaseConnections({ instance, ...options }: InstanceMetricOptions = {}): Metric {
    const name = this.instanceOrFirst(instance);
    const known = this.dbInstanceIdentifiers;
    const DBInstanceIdentifier = Object.hasOwn(known, name) ? known[name] : undefined;
    if (DBInstanceIdentifier === undefined) {
      throw new RangeError(`expected an instance with a dbInstanceIdentifier, which RDS's metric goes by, got ${name}`);
    }
    return new Metric({
      period: Duration.minutes(1),
      statistic: Stats.MAXIMUM,
      ...options,
      namespace: 'AWS/RDS',
      metricName: 'DatabaseConnections',
      dimensionsMap: { DBInstanceIdentifier },
    });
  }

  private instanceMetric(
    metricName: MetricName<'instance'>,
    statistic: string,
    { instance, ...options }: InstanceMetricOptions = {},
  ): Metric {
    const dimensions: Dimensions<'instance'> = {
      Database: this.databaseLabel,
      Instance: this.instanceOrFirst(instance),
    };
    return this.plainMetric(metricName, statistic, dimensions, options);
  }

  private applicationMetric(
    metricName: MetricName<'application'> & MetricName<'instance'>,
    statistic: string,
    { application, instance, ...options }: ApplicationMetricOptions = {},
  ): Metric {
    const dimensions: Dimensions<'instance'> = {
      Database: this.databaseLabel,
      Instance: this.instanceOrFirst(instance),
    };
    if (application === undefined) return this.plainMetric(metricName, statistic, dimensions, options);
    const ofApplication: Dimensions<'application'> = { ...dimensions, Application: application };
    return this.plainMetric(metricName, statistic, ofApplication, options);
  }

  private plainMetric(
    metricName: string,
    statistic: string,
    dimensionsMap: Readonly<Record<string, string>>,
    options: ReaperMetricOptions,
  ): Metric {
    return new Metric({
      period: this.interval,
      statistic,
      ...options,
      namespace: NAMESPACE,
      metricName,
      dimensionsMap,
    });
  }

  private instanceOrFirst(instance = this.instanceNames[0]): string {
    if (instance === undefined || !this.instanceNames.includes(instance)) {
      throw new RangeError(`expected one of the instances ${this.instanceNames.join(', ')}, got ${instance}`);
    }
    return instance;
  }
}

type Dimensions<Level extends MetricLevel> = Readonly<Record<(typeof DIMENSIONS)[Level][number], string>>;
