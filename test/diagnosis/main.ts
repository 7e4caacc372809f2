/**
 * `npm run test:diagnosis`: what the report says about real clients, in scenarios that mix leaks and healthy pools. Prints
 * each scenario, a matrix of expected and found verdicts, and every miss. It needs Linux and Debian's packages: scenarios
 * whose clients are not installed are skipped, and named.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { type AgingServer, FAKETIME, faketimeLibrary, startAgingServer } from './aging-server.js';
import { clientPrograms, missingPackages, packagesOf } from './client-programs.js';
import { confusionMatrix, judge, misses, passes, type Row } from './judge.js';
import { verdictsPage } from './page.js';
import { endClients, type Played, play } from './play.js';
import type { Scenario } from './scenario.js';
import { SCENARIOS } from './scenarios.js';

interface Options {
  readonly quick?: boolean;
  readonly only?: string;
  readonly evidence?: boolean;
  readonly markdown?: string;
  readonly json?: string;
}

/** Each has a server of its own. */
const LANES = 2;
const MAX_CONNECTIONS = 100;

/** Of the evidence of a scenario. */
const MOST_ROWS = 8;

const options = new Command('test:diagnosis')
  .description('Checks what the report says about real clients, in scenarios that mix leaks and healthy pools.')
  .option('--quick', 'only the subset that takes less than three minutes')
  .option('--only <pattern>', 'only scenarios whose name matches this regular expression')
  .option('--evidence', 'print what PostgreSQL showed in each scenario')
  .option('--markdown <file>', 'write the page docs/verdicts.md')
  .option('--json <file>', 'write everything that was found')
  .parse()
  .opts<Options>();

/** A scenario and what came of it: found verdicts, or why it could not be played. */
type Outcome = { readonly scenario: Scenario; readonly seconds: number } & (
  | { readonly played: Played; readonly rows: readonly Row[] }
  | { readonly error: unknown }
);

const folder = mkdtempSync(join(tmpdir(), 'diagnosis-'));
// The server and PgBouncer run as another account, which has to pass through.
chmodSync(folder, 0o711);
process.env['TMPDIR'] = folder;
process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interrupted = true;
    endClients();
  });
}

process.exit(await main());

async function main(): Promise<number> {
  const { quick, only } = options;
  const wanted = SCENARIOS.filter((one) =>
    only === undefined ? quick !== true || one.quick : new RegExp(only).test(one.name),
  );
  const { playable, skipped } = await sortOut(wanted);
  const started = performance.now();
  const outcomes = await playAll(playable);
  const seconds = Math.round((performance.now() - started) / 1_000);
  const rows = outcomes.flatMap((outcome) => ('rows' in outcome ? outcome.rows : []));
  const failed = outcomes.flatMap((outcome) => ('error' in outcome ? [`not played: ${outcome.scenario.name}`] : []));
  const wrong = [...misses(rows), ...failed];
  print('', confusionMatrix(rows), '', ...wrong, ...skipped);
  print('', `${outcomes.length} scenarios with ${rows.length} services in ${seconds} s: ${wrong.length} misses`);
  if (skipped.length > 0) print(`${skipped.length} scenarios SKIPPED, because packages are missing`);
  if (options.json !== undefined) await writeFile(options.json, JSON.stringify(outcomes, null, 2));
  if (options.markdown !== undefined)
    await writeFile(options.markdown, verdictsPage(outcomes.filter((outcome) => 'played' in outcome)));
  return passes(rows) && failed.length === 0 && outcomes.length > 0 && !interrupted ? 0 : 1;
}

/** Which scenarios can be played with what is installed, and a line about each of the others. */
async function sortOut(wanted: readonly Scenario[]): Promise<{ playable: Scenario[]; skipped: string[] }> {
  const packagesFor = ({ services, poolers }: Scenario) => [
    FAKETIME,
    ...(poolers === undefined ? [] : ['pgbouncer']),
    ...services.flatMap(({ client }) => packagesOf(client)),
  ];
  const missing = await missingPackages(wanted.flatMap(packagesFor));
  const lacking = (scenario: Scenario) => [...new Set(packagesFor(scenario).filter((name) => missing.has(name)))];
  return {
    playable: wanted.filter((scenario) => lacking(scenario).length === 0),
    skipped: wanted
      .filter((scenario) => lacking(scenario).length > 0)
      .map((scenario) => `SKIPPED: ${scenario.name}: install ${lacking(scenario).join(', ')}`),
  };
}

async function playAll(scenarios: readonly Scenario[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const program = clientPrograms(mkdtempSync(join(folder, 'clients-')));
  const waiting = [...scenarios];
  const lane = async () => {
    let server: AgingServer | undefined;
    let size = 0;
    for (let scenario = waiting.shift(); scenario !== undefined && !interrupted; scenario = waiting.shift()) {
      const { maxConnections = MAX_CONNECTIONS } = scenario;
      const since = performance.now();
      const passed = () => Math.round((performance.now() - since) / 100) / 10;
      try {
        if (size !== maxConnections) {
          await server?.[Symbol.asyncDispose]();
          server = undefined;
        }
        server ??= await startAgingServer(faketimeLibrary(), maxConnections);
        size = maxConnections;
        const played = await play(scenario, server, program);
        outcomes.push({ scenario, played, rows: judge(played), seconds: passed() });
      } catch (error) {
        outcomes.push({ scenario, error, seconds: passed() });
        // Whatever is left on it must not be in the next scenario.
        await Promise.resolve(server?.[Symbol.asyncDispose]()).catch(() => undefined);
        server = undefined;
      }
      announce(outcomes.at(-1));
    }
    await server?.[Symbol.asyncDispose]();
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return outcomes.sort((a, b) => scenarios.indexOf(a.scenario) - scenarios.indexOf(b.scenario));
}

function announce(outcome: Outcome | undefined): void {
  if (outcome === undefined) return;
  const { scenario, seconds } = outcome;
  if ('error' in outcome) {
    print(
      `FAILED ${scenario.name} (${seconds} s): ${outcome.error instanceof Error ? outcome.error.stack : outcome.error}`,
    );
    return;
  }
  const wrong = misses(outcome.rows);
  print(
    `${wrong.length === 0 ? 'ok    ' : 'MISSED'} ${scenario.name} (${seconds} s)`,
    ...wrong.map((line) => `       ${line}`),
  );
  if (options.evidence !== true) return;
  const { evidence, found } = outcome.played;
  for (const { service, verdict, certainty, connections, leaked, statement } of found) {
    print(`         ${service}: ${verdict}, ${certainty}, ${leaked} of ${connections}: ${statement?.text}`);
  }
  for (const { app, role, address, connections, inTransaction, chain, statement } of evidence.slice(0, MOST_ROWS)) {
    print(`         ${app}|${role}|${address}: ${connections}, in tx ${inTransaction}, chain ${chain}: ${statement}`);
  }
  if (evidence.length > MOST_ROWS) print(`         and ${evidence.length - MOST_ROWS} more`);
}

/** The matrix, the misses and, for each verdict, the report of the first scenario in which it was found. */
function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
