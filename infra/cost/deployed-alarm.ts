import * as v from 'valibot';
import { DIMENSIONS, type MetricLevel, NAMESPACE } from '../../lambda/contract/metrics.js';

/** What an alarm is charged by. */
export interface DeployedAlarm {
  /** How many metrics it names, one by one. */
  readonly metrics: number;
  /** Its Metrics Insights queries, which match as many metrics as there are. */
  readonly queries: readonly InsightsQuery[];
  /** Whether it watches one instance, so that each has its own. */
  readonly ofInstance: boolean;
}

/** A query over one of our metrics, of one database. */
export interface InsightsQuery {
  readonly level: MetricLevel;
}

const dimensions = v.optional(v.array(v.object({ Name: v.string() })), []);

/** Below it an alarm is one of high resolution, at three times the price. */
const period = v.pipe(v.number(), v.minValue(60));

const oneMetric = v.object({ MetricName: v.string(), Dimensions: dimensions, Period: period });

const severalMetrics = v.object({
  Metrics: v.array(
    v.union([
      v.object({ MetricStat: v.object({ Metric: v.object({ Dimensions: dimensions }), Period: period }) }),
      v.object({ Expression: v.string(), Period: v.optional(period) }),
    ]),
  ),
});

/** The dimensions that name an instance: in our metrics, and in those of RDS. */
const INSTANCE_DIMENSIONS: readonly string[] = ['Instance', 'DBInstanceIdentifier'];

/**
 * Reads the properties of an `AWS::CloudWatch::Alarm`.
 *
 * @returns `null` for kinds that our alarms are not of, and which are charged otherwise.
 */
export function readAlarm(properties: unknown): DeployedAlarm | null {
  const one = v.safeParse(oneMetric, properties);
  if (one.success) return { metrics: 1, queries: [], ofInstance: namesInstance(one.output.Dimensions) };
  const several = v.safeParse(severalMetrics, properties);
  if (!several.success) return null;
  const parts = several.output.Metrics;
  const named = parts.flatMap((part) => ('MetricStat' in part ? [part.MetricStat.Metric] : []));
  const queries = parts.flatMap((part) => ('Expression' in part ? [part.Expression] : [])).map(readExpression);
  if (queries.includes(null)) return null;
  return {
    metrics: named.length,
    queries: queries.flatMap((query) => (query === null || query === 'formula' ? [] : [query])),
    ofInstance: named.some((metric) => namesInstance(metric.Dimensions)),
  };
}

function namesInstance(given: readonly { readonly Name: string }[]): boolean {
  return given.some(({ Name }) => INSTANCE_DIMENSIONS.includes(Name));
}

/** A formula costs nothing beside the metrics in it, unless it trains a model of them; `null` if the costs are unknown. */
function readExpression(expression: string): InsightsQuery | 'formula' | null {
  if (!/^\s*SELECT\b/i.test(expression)) return /\bANOMALY_DETECTION_BAND\b/i.test(expression) ? null : 'formula';
  const [, schema] = /\bFROM SCHEMA\(([^)]*)\)/i.exec(expression) ?? [];
  const level = LEVELS.find((candidate) => schemaOf(candidate) === schema);
  return level ? { level } : null;
}

const LEVELS = Object.keys(DIMENSIONS) as readonly MetricLevel[];

function schemaOf(level: MetricLevel): string {
  return [NAMESPACE, ...DIMENSIONS[level]].map((name) => `"${name}"`).join(', ');
}
