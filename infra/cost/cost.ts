import { RUN_LIMITS } from '../../lambda/contract/limits.js';
import type { Assumptions } from './assumptions.js';
import type { Deployed } from './deployed.js';
import { HOURS_A_MONTH, PRICES, type PriceName } from './prices.js';
import { type PublishedSeries, publishedSeries } from './published-series.js';

/** What a month costs, in US dollars. No free tier is taken off: those are an account's, and others use them too. */
export interface Cost {
  readonly usd: number;
  readonly items: readonly CostItem[];
}

/** A line of the bill; what there is none of has no line. */
export interface CostItem {
  readonly item: string;
  /** In the unit of the price, in a month. */
  readonly quantity: number;
  readonly price: PriceName;
  readonly usd: number;
}

/** With `metricsVia: log`, a line for each series. */
const LOG_BYTES_A_SERIES = 230;
const LOG_BYTES_A_METRIC = 70;

/** What counts of a log that is kept for ever, and costs more each month. */
const MONTHS_OF_FOREVER = 12;

const BYTES_A_GB = 2 ** 30;

/** The bill of a month. */
export function costOf(deployed: Deployed, assumptions: Assumptions): Cost {
  const items = [
    ...cloudWatchItems(deployed, assumptions),
    ...sweepItems(deployed, assumptions),
    ...otherItems(deployed),
  ];
  return { usd: total(items.map(({ usd }) => usd)), items: items.filter(({ quantity }) => quantity > 0) };
}

function cloudWatchItems(deployed: Deployed, assumptions: Assumptions): readonly CostItem[] {
  const { alarms, compositeAlarms, dashboards } = deployed;
  const { metrics, matchedBy } = publishedSeries(deployed, assumptions);
  return [
    line('metrics of instances', metrics.instance, 'metric'),
    line('metrics of applications', metrics.application, 'metric'),
    line('metrics of roles', metrics.role, 'metric'),
    line('alarms, by the metrics they name', total(alarms.map((alarm) => alarm.metrics)), 'alarmMetric'),
    line(
      'alarms over applications and roles',
      total(alarms.flatMap(({ queries }) => queries).map(matchedBy)),
      'analyzedMetric',
    ),
    line('composite alarms', compositeAlarms, 'compositeAlarm'),
    line('dashboards', dashboards, 'dashboard'),
  ];
}

/** What each sweep costs. */
function sweepItems(deployed: Deployed, assumptions: Assumptions): readonly CostItem[] {
  const { minutesBetweenSweeps, metricsVia, memoryMb, readsSecret, logRetentionDays } = deployed;
  const sweeps = minutesBetweenSweeps === null ? 0 : (HOURS_A_MONTH * 60) / minutesBetweenSweeps;
  const published = publishedSeries(deployed, assumptions);
  const logged = (sweeps * logBytes(deployed, assumptions, published)) / BYTES_A_GB;
  const monthsKept = logRetentionDays === null ? MONTHS_OF_FOREVER : (logRetentionDays * 24) / HOURS_A_MONTH;
  const history = metricsVia === 'api' ? Math.min(sweeps, HOURS_A_MONTH * assumptions.historyReadsPerHour) : 0;
  const reads = readsSecret ? Math.min(sweeps, HOURS_A_MONTH * assumptions.secretReadsPerHour) : 0;
  return [
    line('schedule', sweeps, 'scheduled'),
    line('function: invocations', sweeps, 'invocation'),
    line('function: computing', sweeps * assumptions.sweepSeconds * (memoryMb / 1024), 'computing'),
    line('PutMetricData', metricsVia === 'api' ? sweeps * requestsFor(published) : 0, 'metricRequest'),
    line('GetMetricData', history * (published.series.application + published.series.role), 'metricRead'),
    line('secret: reads', reads, 'secretRead'),
    line('log: written', logged, 'logWritten'),
    line(logRetentionDays === null ? 'log: kept, after a year' : 'log: kept', logged * monthsKept, 'logKept'),
  ];
}

function otherItems({ secrets, endpointZones }: Deployed): readonly CostItem[] {
  return [line('secrets', secrets, 'secret'), line('interface endpoints', endpointZones * HOURS_A_MONTH, 'endpoint')];
}

function line(item: string, quantity: number, price: PriceName): CostItem {
  const { usd, per } = PRICES[price];
  return { item, quantity, price, usd: (quantity * usd) / per };
}

function requestsFor({ metrics }: PublishedSeries): number {
  return Math.ceil(total(Object.values(metrics)) / RUN_LIMITS.datapointsPerRequest);
}

function logBytes(
  { instances, metricsVia }: Deployed,
  { logBytesPerSweep, logBytesPerInstance }: Assumptions,
  { series, metrics }: PublishedSeries,
): number {
  const aboutSweep = logBytesPerSweep + instances * logBytesPerInstance;
  if (metricsVia === 'api') return aboutSweep;
  const lines = total(Object.values(series)) * LOG_BYTES_A_SERIES;
  return aboutSweep + lines + total(Object.values(metrics)) * LOG_BYTES_A_METRIC;
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
