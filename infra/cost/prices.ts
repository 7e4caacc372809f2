/** The prices that the cost estimate multiplies with. */

/** Where and when {@link PRICES} held. Other regions have prices of their own. */
export const PRICE_LIST = { region: 'us-east-1', date: 'August 2026' } as const;

/** What AWS charges for a quantity of something. */
export interface Price {
  /** US dollars for `per` of `unit`. */
  readonly usd: number;
  readonly per: number;
  /** What is counted. Where it is there all the time, a month of it. */
  readonly unit: string;
  /** What AWS's price list and a bill call it, to look it up again; `null` where we know no name. */
  readonly usageType: string | null;
  /**
   * How we know. `price list`: others read it from AWS's price list in August 2026 and published that. `secondhand`: as
   * tools and tables that follow the price list have it, of no certain day.
   */
  readonly known: 'price list' | 'secondhand';
}

/**
 * The one table of prices. Of those that fall with the quantity it has the first and highest, since that is where the
 * quantities of a reaper are.
 *
 * @see https://aws.amazon.com/cloudwatch/pricing/
 * @see https://aws.amazon.com/lambda/pricing/
 * @see https://aws.amazon.com/eventbridge/pricing/
 * @see https://aws.amazon.com/secrets-manager/pricing/
 * @see https://aws.amazon.com/privatelink/pricing/
 */
export const PRICES = {
  /** Of the first 10,000 of an account. Charged by the hour, and only for hours in which it was published. */
  metric: { usd: 0.3, per: 1, unit: 'metric', usageType: 'CW:MetricMonitorUsage', known: 'price list' },
  /** A formula counts once for each metric in it. */
  alarmMetric: { usd: 0.1, per: 1, unit: 'metric', usageType: 'CW:AlarmMonitorUsage', known: 'price list' },
  /** What the filter of a Metrics Insights query matches, whatever it returns. */
  analyzedMetric: { usd: 0.1, per: 1, unit: 'metric', usageType: 'CW:MetricInsightAlarmUsage', known: 'price list' },
  compositeAlarm: { usd: 0.5, per: 1, unit: 'alarm', usageType: 'CW:CompositeAlarmMonitorUsage', known: 'price list' },
  dashboard: { usd: 3, per: 1, unit: 'dashboard', usageType: 'DashboardsUsageHour', known: 'secondhand' },
  metricRequest: { usd: 0.01, per: 1_000, unit: 'request', usageType: 'CW:Requests', known: 'secondhand' },
  /** What the filter of a GetMetricData query matches. */
  metricRead: { usd: 0.01, per: 1_000, unit: 'metric', usageType: 'CW:GMD-Metrics', known: 'secondhand' },
  /** Of a function with the architecture arm64. */
  computing: {
    usd: 0.0000133334,
    per: 1,
    unit: 'GB-second',
    usageType: 'Lambda-GB-Second-ARM',
    known: 'secondhand',
  },
  invocation: { usd: 0.2, per: 1_000_000, unit: 'invocation', usageType: 'Request-ARM', known: 'secondhand' },
  scheduled: { usd: 1, per: 1_000_000, unit: 'invocation', usageType: null, known: 'secondhand' },
  /** The first 10 TB of what Lambda functions log. */
  logWritten: { usd: 0.5, per: 1, unit: 'GB', usageType: 'VendedLog-Bytes', known: 'secondhand' },
  /** For a month. What is kept is compressed; here it counts in full. */
  logKept: { usd: 0.03, per: 1, unit: 'GB', usageType: 'TimedStorage-ByteHrs', known: 'secondhand' },
  secret: { usd: 0.4, per: 1, unit: 'secret', usageType: 'AWSSecretsManager-Secrets', known: 'secondhand' },
  secretRead: {
    usd: 0.05,
    per: 10_000,
    unit: 'read',
    usageType: 'AWSSecretsManagerAPIRequest',
    known: 'secondhand',
  },
  /** In each availability zone. A sweep's few kB, at 0.01 USD a GB, are not worth a line. */
  endpoint: { usd: 0.01, per: 1, unit: 'hour', usageType: 'VpcEndpoint-Hours', known: 'price list' },
} as const satisfies Record<string, Price>;

/** One of the prices. */
export type PriceName = keyof typeof PRICES;

/** AWS's month, in hours. */
export const HOURS_A_MONTH = 730;
