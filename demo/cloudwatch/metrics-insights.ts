import { STATISTICS } from './metric-stat.js';
import { TokenReader } from './token-reader.js';

const FUNCTIONS = {
  AVG: STATISTICS.Average,
  COUNT: STATISTICS.SampleCount,
  MAX: STATISTICS.Maximum,
  MIN: STATISTICS.Minimum,
  SUM: STATISTICS.Sum,
} as const;

type FunctionName = keyof typeof FUNCTIONS;

/** A query of Metrics Insights. */
export interface InsightsQuery {
  readonly aggregate: (values: readonly number[]) => number;
  readonly metricName: string;
  readonly namespace: string;
  /** The dimension set of `SCHEMA`. */
  readonly labels: readonly string[];
  readonly conditions: readonly { readonly label: string; readonly equal: boolean; readonly value: string }[];
  readonly groupBy: readonly string[];
  readonly ordered: boolean;
}

/** Keywords in any case of letters, names in double quotes, values in single ones. */
const TOKENS = {
  word: /^[A-Za-z_]\w*/,
  name: /^"((?:[^"\\]|\\.)*)"/,
  value: /^'((?:[^'\\]|\\.)*)'/,
  sign: /^(?:!=|[=(),])/,
};

/**
 * Parses the part of the language that our alarms and the function may use: `SELECT F("m") FROM SCHEMA("ns", "label", …) WHERE … AND …
 * GROUP BY … ORDER BY F() DESC`.
 *
 * Stricter than CloudWatch in two things: the source must be a `SCHEMA`, since a bare namespace takes in every dimension
 * set, and every name must be quoted. Unquoted, CloudWatch refuses some 800 reserved words (`DATABASE` and `ROLE` are
 * among them); quotes are always right.
 *
 * @throws Error for what is not of that part.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-reserved-keywords.html
 */
export function parseInsightsQuery(text: string): InsightsQuery {
  const reader = new TokenReader(withUpperCaseKeywords(text), TOKENS);
  const name = () => reader.demandKind('name', 'a name in double quotes (it may be a reserved word)');
  reader.demand('SELECT');
  const aggregate = FUNCTIONS[functionName(reader)];
  reader.demand('(');
  const metricName = name();
  reader.demand(')', 'FROM', 'SCHEMA', '(');
  const [namespace = '', ...labels] = reader.list(name);
  reader.demand(')');
  const conditions = takeConditions(reader, name);
  const groupBy = takeGroupBy(reader, name);
  const ordered = takeOrderBy(reader);
  reader.demandEnd();
  for (const label of [...conditions.map((condition) => condition.label), ...groupBy]) {
    if (!labels.includes(label)) throw reader.error(`SCHEMA has the labels ${labels.join(', ')}, and no ${label}`);
  }
  return { aggregate, metricName, namespace, labels, conditions, groupBy, ordered };
}

type Reader = TokenReader<keyof typeof TOKENS>;

function functionName(reader: Reader): FunctionName {
  const name = reader.take(...Object.keys(FUNCTIONS));
  if (name === undefined) throw reader.unexpected(`one of ${Object.keys(FUNCTIONS).join(', ')}`);
  return name as FunctionName;
}

function takeConditions(reader: Reader, name: () => string): InsightsQuery['conditions'] {
  if (reader.take('WHERE') === undefined) return [];
  const conditions = [];
  do {
    const label = name();
    const operator = reader.take('=', '!=');
    if (operator === undefined) throw reader.unexpected('= or !=');
    const value = reader.demandKind('value', 'a value in single quotes');
    conditions.push({ label, equal: operator === '=', value });
  } while (reader.take('AND') !== undefined);
  return conditions;
}

function takeGroupBy(reader: Reader, name: () => string): readonly string[] {
  if (reader.take('GROUP') === undefined) return [];
  reader.demand('BY');
  return reader.list(name);
}

function takeOrderBy(reader: Reader): boolean {
  if (reader.take('ORDER') === undefined) return false;
  reader.demand('BY');
  functionName(reader);
  reader.demand('(', ')');
  reader.take('DESC', 'ASC');
  return true;
}

/** All but what is in quotes, since names and values keep their case. */
function withUpperCaseKeywords(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^"']+/g, (part) =>
    /^["']/.test(part) ? part : part.toUpperCase(),
  );
}
