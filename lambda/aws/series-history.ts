import { type CloudWatchClient, GetMetricDataCommand, type MetricDataResult } from '@aws-sdk/client-cloudwatch';
import { insightsQuery } from '../contract/insights-query.js';
import { OTHER_APPLICATIONS, OTHER_ROLES } from '../contract/metrics.js';
import type { NamedSeries, SeriesHistory } from '../report/series.js';

/** What CloudWatch knows of the names of a database. */
export interface Histories {
  readonly applications: SeriesHistory;
  readonly roles: SeriesHistory;
}

/** Asks for it. Fails as the SDK does. */
export type AskHistories = (now: number, abortSignal: AbortSignal) => Promise<Histories>;

/** An hour of it counts; the hour before tells which of its names were new. */
const WINDOW_MS = 2 * 60 * 60_000;

const HOUR_MS = 60 * 60_000;

/** The series of the rest is nobody's. */
const REST: readonly string[] = [OTHER_APPLICATIONS, OTHER_ROLES];

const PERIOD_MS = 5 * 60_000;

/**
 * The most series that a query returns. Where there are more, CloudWatch says nothing of it.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-limits.html
 */
const MOST_SERIES = 500;

/** Asks CloudWatch by two requests, since each may hold one query of Metrics Insights. */
export function historiesFrom(client: CloudWatchClient, database: string): AskHistories {
  const byApplication = insightsQuery(
    { level: 'application', metricName: 'Connections', database },
    { aggregate: 'COUNT', groupBy: 'Application' },
  );
  const byRole = insightsQuery(
    { level: 'role', metricName: 'RoleLimitUsedPercent', database },
    { aggregate: 'COUNT', groupBy: 'Role' },
  );
  return async (now, abortSignal) => {
    const [applications, roles] = await Promise.all(
      [byApplication, byRole].map((query) => ask(client, query, now, abortSignal)),
    );
    return { applications: historyOf(applications ?? [], now), roles: historyOf(roles ?? [], now) };
  };
}

async function ask(
  client: CloudWatchClient,
  query: string,
  now: number,
  abortSignal: AbortSignal,
): Promise<readonly MetricDataResult[]> {
  const results: MetricDataResult[] = [];
  let NextToken: string | undefined;
  do {
    const answer = await client.send(
      new GetMetricDataCommand({
        MetricDataQueries: [{ Id: 'names', Expression: query, Period: PERIOD_MS / 1_000 }],
        StartTime: new Date(Math.floor((now - WINDOW_MS) / PERIOD_MS) * PERIOD_MS),
        EndTime: new Date(now),
        NextToken,
      }),
      { abortSignal },
    );
    results.push(...(answer.MetricDataResults ?? []));
    NextToken = answer.NextToken;
  } while (NextToken !== undefined);
  return results;
}

/** Reads the pages of an answer; a series that goes over several of them is complete with the last. */
export function historyOf(results: readonly MetricDataResult[], now: number): SeriesHistory {
  const times = new Map<string, number[]>();
  const last = new Map<string, MetricDataResult['StatusCode']>();
  for (const { Label = '', StatusCode, Timestamps = [] } of results) {
    last.set(Label, StatusCode);
    if (REST.includes(Label)) continue;
    // A datapoint has the time at which its period starts.
    const ends = Timestamps.map((start) => Math.min(now, start.getTime() + PERIOD_MS));
    times.set(Label, [...(times.get(Label) ?? []), ...ends]);
  }
  return {
    names: new Map([...times].filter(([, all]) => all.length > 0).map(([name, all]) => [name, namedSeries(all)])),
    complete: last.size < MOST_SERIES && [...last.values()].every((status) => status === 'Complete'),
  };
}

/** A name that comes back after an hour is new again, as it is to a function that was there all the time. */
function namedSeries(times: readonly number[]): NamedSeries {
  const [first = 0, ...later] = times.toSorted((a, b) => a - b);
  return later.reduce(({ since, seen }, time) => ({ since: time - seen > HOUR_MS ? time : since, seen: time }), {
    since: first,
    seen: first,
  });
}
