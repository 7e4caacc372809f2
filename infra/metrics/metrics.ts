import type { Duration } from 'aws-cdk-lib';
import { MathExpression, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import { type Fleet, insightsQuery } from '../../lambda/contract/insights-query.js';
import { DIMENSIONS } from '../../lambda/contract/metrics.js';
import { searchExpression } from './fleet-metrics.js';
import { PlainMetrics } from './plain-metrics.js';

/** How to read the metrics of all applications or roles at once: one series each, new ones join by themselves. */
export interface FleetMetricOptions {
  /** What the graph calls it. @default - a name that fits */
  readonly label?: string;

  /** The period of the datapoints. @default - the interval between sweeps */
  readonly period?: Duration;
}

/** The metrics of a reaper. Alarms and the dashboard are made from these alone, and so should yours. */
export abstract class ReaperMetrics extends PlainMetrics {
  /** How long the function may take. */
  abstract readonly timeout: Duration;

  /** Percent of the usable slots by application, for graphs. */
  metricSlotsUsedPercentByApplication(options?: FleetMetricOptions): MathExpression {
    return this.search({ level: 'application', metricName: 'SlotsUsedPercent' }, Stats.MAXIMUM, options);
  }

  /** Connections of clients by application, for graphs. */
  metricConnectionsByApplication(options?: FleetMetricOptions): MathExpression {
    return this.search({ level: 'application', metricName: 'Connections' }, Stats.MAXIMUM, options);
  }

  /** Connections of clients in state `idle` by application, for graphs. */
  metricIdleConnectionsByApplication(options?: FleetMetricOptions): MathExpression {
    return this.search({ level: 'application', metricName: 'IdleConnections' }, Stats.MAXIMUM, options);
  }

  /** Terminated connections by application, for graphs. */
  metricTerminatedConnectionsByApplication(options?: FleetMetricOptions): MathExpression {
    return this.search({ level: 'application', metricName: 'TerminatedConnections' }, Stats.SUM, options);
  }

  /** Terminated connections that the diagnosis calls leaked, by application, for graphs. */
  metricTerminatedLeaksByApplication(options?: FleetMetricOptions): MathExpression {
    return this.search({ level: 'application', metricName: 'TerminatedLeaks' }, Stats.SUM, options);
  }

  /** Percent of its CONNECTION LIMIT by role, for graphs. */
  metricRoleLimitUsedPercentByRole(options?: FleetMetricOptions): MathExpression {
    return this.search({ level: 'role', metricName: 'RoleLimitUsedPercent' }, Stats.MAXIMUM, options);
  }

  /** Percent of the usable slots by application, for alarms. Of `(other)` it is that of the fullest application in it. */
  insightsSlotsUsedPercentByApplication(options?: FleetMetricOptions): MathExpression {
    const query = insightsQuery(
      { level: 'application', metricName: 'SlotsUsedPercent', database: this.databaseLabel },
      { aggregate: 'MAX', groupBy: 'Application' },
    );
    return this.insights('SlotsUsedPercent by application', query, options);
  }

  /**
   * Terminated connections that the diagnosis calls leaked, by application, on all instances together, for alarms. For
   * `(other)` it is the highest count of one application in it.
   */
  insightsTerminatedLeaksByApplication(options?: FleetMetricOptions): MathExpression {
    const query = insightsQuery(
      { level: 'application', metricName: 'TerminatedLeaks', database: this.databaseLabel },
      { aggregate: 'SUM', groupBy: 'Application' },
    );
    return this.insights('TerminatedLeaks by application', query, options);
  }

  /** Percent of its CONNECTION LIMIT by role, for alarms. */
  insightsRoleLimitUsedPercentByRole(options?: FleetMetricOptions): MathExpression {
    const query = insightsQuery(
      { level: 'role', metricName: 'RoleLimitUsedPercent', database: this.databaseLabel },
      { aggregate: 'MAX', groupBy: 'Role' },
    );
    return this.insights('RoleLimitUsedPercent by role', query, options);
  }

  private insights(label: string, expression: string, options?: FleetMetricOptions): MathExpression {
    return new MathExpression({ period: this.interval, label, ...options, expression });
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
      expression: searchExpression({ ...fleet, database: this.databaseLabel }, statistic, period),
    });
  }
}
