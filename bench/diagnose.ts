/**
 * `npm run bench:diagnose -- [--rounds <count>]`: how the diagnosis grows with the number of connections. Diagnosis, plan
 * and report of a snapshot with healthy pools and leaks, without a server. The table shows medians, and the ratio to ten
 * times fewer connections, which is 10 where it grows linearly. Exits with 1 when a ratio is more than 15.
 */
import { Command } from 'commander';
import { diagnose } from '../lambda/diagnosis/diagnose.js';
import { leakedConnections } from '../lambda/diagnosis/diagnosis.js';
import { lookAt } from '../lambda/diagnosis/looks.js';
import { parseEvent } from '../lambda/input/event.js';
import { planRun } from '../lambda/policy/plan.js';
import { policyOf } from '../lambda/policy/policy.js';
import type { Backend } from '../lambda/policy/snapshot.js';
import { answerOf } from '../lambda/report/answer.js';
import { aBackend, anInstanceResult, aServer, aSnapshot, someSettings } from '../test/support/builders.js';
import { count } from './count.js';

const SIZES = [100, 1_000, 10_000];
const MOST_RATIO = 15;

const { rounds } = new Command('diagnose')
  .option('--rounds <count>', 'of each size', count, 15)
  .parse()
  .opts<{ rounds: number }>();

const medians = SIZES.map((size) => {
  const connections = Array.from({ length: size }, (_, index) => connection(index, size));
  const times = Array.from({ length: rounds }, () => timed(connections)).toSorted((a, b) => a - b);
  return times[Math.floor(rounds / 2)] ?? Number.NaN;
});
process.stdout.write('connections        ms  ratio\n');
for (const [index, median] of medians.entries()) {
  const before = medians[index - 1];
  const ratio = before === undefined ? '-' : (median / before).toFixed(1);
  process.stdout.write(`${`${SIZES[index]}`.padStart(11)}${median.toFixed(1).padStart(10)}${ratio.padStart(7)}\n`);
}
if (medians.some((median, index) => median > MOST_RATIO * (medians[index - 1] ?? median))) process.exitCode = 1;

/** Diagnoses, plans and reports once, as a run does. */
function timed(connections: readonly Backend[]): number {
  const settings = someSettings();
  const request = parseEvent({ action: 'report' });
  const server = aServer({ maxConnections: connections.length + 10 });
  const snapshot = aSnapshot({ backends: connections, server });
  const began = performance.now();
  const policy = policyOf(settings, request);
  const looks = [lookAt(snapshot, policy.attribute, 0)];
  const diagnoses = diagnose(snapshot, policy.attribute, 'connection_reaper', looks);
  const { terminations, spared } = planRun(snapshot, policy, 'connection_reaper', leakedConnections(diagnoses));
  const outcomes = [
    ...terminations.map((backend) => ({ backend, outcome: 'reapable', reason: null }) as const),
    ...spared.map((one) => ({ ...one, outcome: 'spared' }) as const),
  ];
  const publication = { requests: 0, datapoints: 0, via: 'none', error: null } as const;
  answerOf(settings, request, policy, [anInstanceResult({ snapshot, diagnoses, looks, outcomes })], publication);
  return performance.now() - began;
}

/** One in five leaks; the others are pools of pods, in 40 services. */
function connection(index: number, size: number): Backend {
  const ageSeconds = size - index;
  const leaks = index % 5 === 0;
  const stateSeconds = leaks ? ageSeconds - 0.5 : 1 + (index % 60);
  return aBackend({
    applicationName: leaks ? `checkout-7d9f8b-x2k${index % 10}p` : `service${index % 40}-6bc5f7d9f8-x2k${index % 7}p`,
    clientAddr: `10.0.${index % 4}.${index % 200}`,
    role: `role_${index % 12}`,
    ageSeconds: Math.max(ageSeconds, stateSeconds),
    stateSeconds,
    statementSeconds: stateSeconds,
  });
}
