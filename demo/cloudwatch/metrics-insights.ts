const AGGREGATES = {
  COUNT: (values: readonly number[]) => values.length,
  MAX: (values: readonly number[]) => Math.max(...values),
  SUM: (values: readonly number[]) => values.reduce((total, value) => total + value, 0),
} as const;

/** A query of Metrics Insights: one time series for each value of a label. */
export interface InsightsQuery {
  readonly aggregate: (values: readonly number[]) => number;
  readonly metricName: string;
  readonly namespace: string;
  /** The dimension set of `SCHEMA`. */
  readonly labels: readonly string[];
  readonly where: { readonly label: string; readonly value: string };
  readonly groupBy: string;
}

const QUERY =
  /^SELECT (?<aggregate>COUNT|MAX|SUM)\("(?<metricName>\w+)"\) FROM SCHEMA\((?<schema>"\w+"(?:, "\w+")+)\) WHERE "(?<where>\w+)" = '(?<value>[^'\\]+)' GROUP BY "(?<groupBy>\w+)" ORDER BY \k<aggregate>\(\) DESC$/;

/**
 * Parses the one form of query that the alarms and the function use: `SELECT F("m") FROM SCHEMA("ns", "label", …)
 * WHERE "label" = 'value' GROUP BY "label" ORDER BY F() DESC`.
 *
 * Names must be quoted, since `Database` and `Role` are reserved words of the language.
 *
 * @throws Error for any other query.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
 */
export function parseInsightsQuery(text: string): InsightsQuery {
  const {
    aggregate,
    metricName = '',
    schema = '',
    where = '',
    value = '',
    groupBy = '',
  } = QUERY.exec(text)?.groups ?? {};
  if (aggregate === undefined) throw new Error(`query: expected the form of our queries, got ${text}`);
  const [namespace = '', ...labels] = schema.split(', ').map((quoted) => quoted.slice(1, -1));
  for (const label of [where, groupBy]) {
    if (!labels.includes(label)) throw new Error(`query: SCHEMA has the labels ${labels.join(', ')}, and no ${label}`);
  }
  return {
    aggregate: AGGREGATES[aggregate as keyof typeof AGGREGATES],
    metricName,
    namespace,
    labels,
    where: { label: where, value },
    groupBy,
  };
}
