/** Where the time of one sweep goes: what `sweep-probe.mjs` saw in its process, and what the server logged meanwhile. */
import { fileURLToPath } from 'node:url';

/** The environment variables with which the process of the deployed bundle is watched. */
export function watched(postgresPort: number): Readonly<Record<string, string>> {
  const probe = fileURLToPath(new URL('sweep-probe.mjs', import.meta.url));
  return { NODE_OPTIONS: `--import=${probe}`, PROBE_POSTGRES_PORT: `${postgresPort}` };
}

interface Watched {
  readonly steps: readonly { readonly what: string; readonly start: number; readonly end: number }[];
  readonly total: number;
}

/**
 * Describes the last sweep of a watched process.
 *
 * @param serverLog what the server logged meanwhile, with `log_min_duration_statement = 0`
 */
export function profileOf(processLog: readonly string[], serverLog: string): string {
  const last = processLog.findLast((line) => line.startsWith('{"steps":'));
  if (last === undefined) throw new Error('the watched process wrote no profile');
  const { steps, total }: Watched = JSON.parse(last);
  const inOrder = steps.toSorted((a, b) => a.start - b.start);
  return [
    '   at ms   took ms',
    ...inOrder.map(({ what, start, end }) => `${milliseconds(start)}${milliseconds(end - start, 10)}   ${what}`),
    `${milliseconds(total)}             the answer`,
    'by the log of the server',
    ...serverTimes(serverLog),
  ].join('\n');
}

function serverTimes(log: string): readonly string[] {
  const logged = log.matchAll(/duration: ([\d.]+) ms {2}(\w+)[^:]*:\s+(.*)/g);
  return [...logged].map(([, ms, phase, text]) => `${milliseconds(Number(ms), 18)}   ${phase}: ${text?.slice(0, 60)}`);
}

function milliseconds(value: number, width = 8): string {
  return value.toFixed(1).padStart(width);
}
