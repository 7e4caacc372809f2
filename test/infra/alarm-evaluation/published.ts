import { vi } from 'vitest';
import { type AwsStandIn, startAwsStandIn } from '../../../demo/aws-stand-in.js';
import type { Observation } from '../../../demo/cloudwatch/observation.js';
import { cloudWatch } from '../../../lambda/aws/clients.js';
import { logTo } from '../../../lambda/aws/log.js';
import { type Publish, publishByLog, publishTo } from '../../../lambda/aws/publish.js';
import { parseEvent } from '../../../lambda/input/event.js';
import type { Settings } from '../../../lambda/input/settings.js';
import { policyOf } from '../../../lambda/policy/policy.js';
import { type Datapoint, datapointsOf } from '../../../lambda/report/metrics.js';
import { newMemory, type SeriesMemory } from '../../../lambda/report/series.js';
import { embeddedObservations } from '../../support/cloudwatch/embedded-metrics.js';
import type { Deployment } from './deployment.js';
import { minutesOf, type Run, type Scenario, type Story } from './story.js';

/** When scenarios begin: a whole hour, so that minutes and ten-minute periods are easy to tell. */
export const START = Date.UTC(2026, 0, 5, 10);

/** A way for datapoints to reach CloudWatch, and what has come of them there since it was last asked. */
export interface Route {
  readonly publish: Publish;
  /** What arrived since the last call. */
  readonly arrived: () => readonly Observation[];
  readonly close: () => Promise<void>;
}

/** By PutMetricData: the function's client, and the stand-in that takes its requests. */
export async function apiRoute(): Promise<Route> {
  const aws: AwsStandIn = await startAwsStandIn();
  const client = cloudWatch(aws.clientConfig);
  let seen = 0;
  return {
    // What it can't publish it logs, and says so in its answer.
    publish: publishTo(client, logTo({ write: () => true })),
    arrived: () => {
      const fresh = aws.metrics().slice(seen);
      seen += fresh.length;
      return fresh.map((metric) => ({ ...metric, timestamp: Date.now() }));
    },
    close: async () => {
      client.destroy();
      await aws.stop();
    },
  };
}

/** By lines of the log in embedded metric format. */
export function logRoute(): Route {
  let lines: string[] = [];
  return {
    publish: publishByLog(logTo({ write: (line: string) => lines.push(line) })),
    arrived: () => {
      const fresh = lines;
      lines = [];
      return fresh.flatMap((line) => embeddedObservations(JSON.parse(line)));
    },
    close: () => Promise.resolve(),
  };
}

/**
 * Publishes what happens in a scenario that hits an instance: what AWS counts at the start of each minute, and what the
 * function's runs see five seconds into it, ten seconds later each.
 *
 * The clock is moved, so the caller must have faked `Date`.
 */
export async function publishScenario(
  route: Route,
  { settings, namesFor }: Deployment,
  [story, scenario]: readonly [Story, Scenario],
  its: string,
): Promise<readonly Observation[]> {
  const observations: Observation[] = [];
  const memories = new Map<string, SeriesMemory>();
  for (const [index, { runs = [], native = [] }] of minutesOf(story, scenario, namesFor(its)).entries()) {
    const start = START + index * 60_000;
    observations.push(...native.map((observation) => ({ ...observation, timestamp: start })));
    for (const [late, run] of runs.entries()) {
      vi.setSystemTime(start + 5_000 + late * 10_000);
      const { error } = await route.publish(datapointsOfRun(run, settings, memories));
      if (error !== null) throw new Error(error);
      observations.push(...route.arrived());
    }
  }
  return observations;
}

/** The same datapoints as a run's, by the settings that the template gives to the function. */
function datapointsOfRun(
  { results, isSweep = true, database }: Run,
  settings: Settings,
  memories: Map<string, SeriesMemory>,
): readonly Datapoint[] {
  const { attribute } = policyOf(settings, parseEvent({}));
  const name = database ?? settings.databaseLabel;
  const { datapoints, memory } = datapointsOf(
    results,
    {
      database: name,
      maxApplications: settings.maxApplications,
      declaredApplications: [],
      attribute,
      declaredRoles: Object.keys(settings.roleLimits),
      isSweep,
    },
    memories.get(name) ?? newMemory(Date.now()),
    Date.now(),
  );
  memories.set(name, memory);
  return datapoints;
}
