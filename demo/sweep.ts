/** `npm run sweep`: the function's core against any server, for trying it before deploying anything. */
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { logTo } from '../lambda/aws/log.js';
import type { Publish } from '../lambda/aws/publish.js';
import { SWEEP_EVENT } from '../lambda/input/event.js';
import { InputError } from '../lambda/input/faults.js';
import { demandSettings, type SettingsInput } from '../lambda/input/settings.js';
import type { Datapoint } from '../lambda/report/metrics.js';
import { newMemory } from '../lambda/report/series.js';
import { lookKeeper, run } from '../lambda/run.js';

const TIME_MS = 50_000;

/** Each run is the first one, and all names are new. */
const NO_HISTORY = newMemory(Date.now());

/** What the URL and the options say, and where metrics go, which are not sent here. */
const WITHOUT_EFFECT = [
  'databaseLabel',
  'secretArn',
  'iamAuthentication',
  'reaperRole',
  'breakGlassSecretArn',
  'instances',
  'databaseName',
  'mode',
  'metricsVia',
];

interface Options {
  readonly url: URL;
  readonly enforce?: boolean;
  readonly settings?: Partial<SettingsInput>;
  readonly sslMode?: 'verify-full' | 'disable';
  readonly sslRootCert?: string;
  readonly idleTimeout?: string;
  readonly keepPerApplication?: number | string;
  readonly maxTerminations?: number | string;
  readonly spare?: readonly string[];
  readonly roleLimit?: Readonly<Record<string, number>>;
  readonly json?: boolean;
  readonly log?: boolean;
}

const command = new Command('sweep')
  .description('Looks at a PostgreSQL server as the deployed function does. Changes nothing unless --enforce is given.')
  .addOption(
    new Option('--url <url>', 'postgres://user:password@host:port/database')
      .env('DATABASE_URL')
      .argParser(postgresUrl)
      .makeOptionMandatory(),
  )
  .option('--enforce', 'terminate connections and set role limits')
  .option('--idle-timeout <duration>', 'terminate connections that are idle this long, such as 90s, 5m or 1h')
  .option('--keep-per-application <count>', 'never take an application below this many connections', number)
  .option('--max-terminations <count>', 'terminate no more connections than this', number)
  .option('--spare <application>', 'a glob of applications to leave alone (repeatable)', collect, [])
  .option('--role-limit <role=limit>', "a role's connection limit (repeatable)", roleLimit, {})
  .option(
    '--settings <file>',
    'a JSON file with more settings: those of docs/settings.md that no option here gives',
    settingsFile,
  )
  .addOption(new Option('--ssl-mode <mode>', 'how to connect').choices(['verify-full', 'disable']))
  .option('--ssl-root-cert <file>', 'a PEM file with the certificate authorities to trust')
  .option('--json', 'print the answer and the datapoints as one JSON document')
  .option('--log', 'print the audit log on stderr');

try {
  process.exitCode = await sweep(command.parse().opts<Options>());
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}

async function sweep(options: Options): Promise<number> {
  const { url, json, log } = options;
  const datapoints: Datapoint[] = [];
  const publish: Publish = async (published) => {
    datapoints.push(...published);
    return { requests: 0, datapoints: published.length, via: 'none', error: null };
  };
  const answer = await run(
    demandSettings('sweep', settingsOf(options)),
    SWEEP_EVENT,
    {
      logins: () => ({
        own: {
          read: async () => ({
            username: decodeURIComponent(url.username),
            password: decodeURIComponent(url.password),
          }),
        },
        breakGlass: null,
      }),
      publish,
      series: { recall: async () => NO_HISTORY, keep: () => undefined },
      looks: lookKeeper(),
      log: logTo(log === true ? process.stderr : { write: () => true }),
    },
    TIME_MS,
  );
  process.stdout.write(
    json === true
      ? `${JSON.stringify({ ...answer, datapoints }, null, 2)}\n`
      : `${answer.text}\n\n${describeMetrics(datapoints)}\n`,
  );
  return answer.errors.length === 0 ? 0 : 1;
}

/** The file first, then what the command line says of it. */
function settingsOf(given: Options): object {
  const {
    url,
    settings = {},
    enforce,
    sslMode,
    sslRootCert,
    idleTimeout,
    keepPerApplication,
    maxTerminations,
    roleLimit,
  } = given;
  const spared = (given.spare ?? []).map((application) => ({ application, spare: true }));
  // Only "disable" means the same here as to libpq; its other modes become the strictest, which is ours.
  const encryption = sslMode ?? (url.searchParams.get('sslmode') === 'disable' ? 'disable' : undefined);
  const defined = {
    sslMode: encryption,
    sslRootCert,
    idleTimeout,
    keepPerApplication,
    maxTerminationsPerRun: maxTerminations,
  };
  return {
    databaseLabel: labelOf(url),
    ...settings,
    ...Object.fromEntries(Object.entries(defined).filter(([, value]) => value !== undefined)),
    secretArn: 'the command line',
    // A URL writes an IPv6 address in brackets; a socket does not.
    instances: [
      {
        name: 'primary',
        host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: url.port === '' ? 5432 : Number(url.port),
      },
    ],
    databaseName: decodeURIComponent(url.pathname.slice(1)) || 'postgres',
    mode: enforce === true ? 'enforce' : 'preview',
    rules: [...spared, ...(settings.rules ?? [])],
    roleLimits: { ...settings.roleLimits, ...roleLimit },
  };
}

/** The report calls the server by its database; a label takes fewer characters than that. */
function labelOf(url: URL): string {
  const label = url.pathname.replace(/^[^A-Za-z0-9]+/, '').replace(/[^A-Za-z0-9_-]/g, '-');
  return label === '' ? 'postgres' : label.slice(0, 60);
}

function describeMetrics(datapoints: readonly Datapoint[]): string {
  return datapoints.length === 0 ? 'No metrics' : ['Metrics, not sent', ...datapoints.map(describe)].join('\n');
}

function describe({ metric, unit, dimensions, value }: Datapoint): string {
  const where = Object.entries(dimensions).map(([name, of]) => `${name}=${of}`);
  return `  ${metric.padEnd(20)} ${`${value}`.padStart(10)} ${unit.padEnd(8)} ${where.join(' ')}`;
}

function postgresUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const complete =
    url !== undefined && /^postgres(ql)?:$/.test(url.protocol) && url.hostname !== '' && url.username !== '';
  if (!complete || ![url.username, url.password, url.pathname].every(isPercentEncoded)) {
    // Not an error of commander's, which would quote the argument, and with it a password.
    throw new InputError('--url', [
      { problem: 'expected postgres://user:password@host:port/database, with odd characters as %XX' },
    ]);
  }
  return url;
}

function isPercentEncoded(text: string): boolean {
  return !/%(?![0-9a-f]{2})/i.test(text);
}

function roleLimit(text: string, limits: Readonly<Record<string, number>>): Record<string, number> {
  const [, role, limit] = /^(.+)=(\d+)$/.exec(text) ?? [];
  if (role === undefined) throw new InvalidArgumentError('expected role=limit, such as checkout=40');
  return { ...limits, [role]: Number(limit) };
}

function settingsFile(path: string): unknown {
  let settings: unknown;
  try {
    settings = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
  const idle = WITHOUT_EFFECT.filter((key) => Object.hasOwn(Object(settings), key));
  if (idle.length > 0) throw new InvalidArgumentError(`leave out what has no effect here: ${idle.join(', ')}`);
  return settings;
}

/** What isn't a number stays as it is, for the settings' schema to refuse by name. */
function number(text: string): number | string {
  return Number.isNaN(Number(text)) ? text : Number(text);
}

function collect(value: string, values: readonly string[]): readonly string[] {
  return [...values, value];
}
