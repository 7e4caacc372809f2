/** The product, as these scenarios use it. Everything that depends on the shape of its answer is in this file. */
import type { PostgresServer } from '../../demo/postgres-server.js';
import { logTo } from '../../lambda/aws/log.js';
import type { Publish } from '../../lambda/aws/publish.js';
import type { Request } from '../../lambda/input/event.js';
import { demandSettings } from '../../lambda/input/settings.js';
import { newMemory } from '../../lambda/report/series.js';
import { lookKeeper, run, type Surroundings } from '../../lambda/run.js';
import { PASSWORD } from '../support/database.js';

/** What the report says about a service. */
export interface Found {
  readonly service: string;
  readonly verdict: string;
  readonly certainty: string;
  readonly connections: number;
  readonly leaked: number;
  readonly statement: { readonly text: string; readonly connections: number } | null;
  readonly driver: string | null;
}

/** A function that stays warm, so it remembers what it saw. */
export interface Observer {
  /** Looks, and says who leaks. */
  report(): Promise<{ readonly services: readonly Found[]; readonly text: string }>;
  /** Terminates what was idle for a second. */
  sweep(): Promise<void>;
}

const TIME_MS = 30_000;
const ATTEMPTS = 3;

/** Observes a server as a deployed function would. */
export function observe(server: PostgresServer): Observer {
  const settings = demandSettings('scenario', {
    databaseLabel: 'scenario',
    secretArn: 'the scenario',
    instances: [{ name: 'primary', host: server.host, port: server.port }],
    databaseName: 'postgres',
    sslMode: 'disable',
    idleTimeout: '1s',
    mode: 'enforce',
  });
  const publish: Publish = async (datapoints) => ({
    requests: 0,
    datapoints: datapoints.length,
    via: 'none',
    error: null,
  });
  const memory = newMemory(Date.now());
  const surroundings: Surroundings = {
    logins: () => ({
      own: { read: async () => ({ username: 'connection_reaper', password: PASSWORD }) },
      breakGlass: null,
    }),
    publish,
    series: { recall: async () => memory, keep: () => undefined },
    looks: lookKeeper(),
    log: logTo({ write: () => true }),
  };
  const ask = async (request: Request) => {
    for (let attempt = 1; ; attempt++) {
      const answer = await run(settings, request, surroundings, TIME_MS);
      if (answer.errors.length === 0) return answer;
      // A machine that is busy enough lets a login wait too long.
      if (attempt === ATTEMPTS) throw new Error(answer.errors.join('\n'));
    }
  };
  return {
    report: async () => {
      const { instances, text } = await ask({ action: 'report', looks: 2 });
      // Read as foreign data, because the answer of a report is JSON to whoever uses it.
      const [instance] = JSON.parse(JSON.stringify(instances)) as { readonly services?: readonly Found[] }[];
      return { services: instance?.services ?? [], text };
    },
    sweep: async () => {
      await ask({ action: 'sweep' });
    },
  };
}
