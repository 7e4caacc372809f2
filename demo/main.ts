/** `npm run demo`: the main job, end to end, on this machine. */
import { Command } from 'commander';
import { type Audience, play, type Result } from './play.js';

const BAR_WIDTH = 40;

const { json } = new Command('demo')
  .description('Fills a real PostgreSQL with leaked connections and lets the deployed function sweep it.')
  .option('--json', 'print the result as one JSON document, and the progress on stderr')
  .parse()
  .opts<{ json?: boolean }>();

const audience = onStderr();
const result = await play(audience);
audience.end();
process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : describe(result));
process.exitCode = result.failures.length === 0 ? 0 : 1;

/** Writes steps as lines. On a terminal, progress is a bar in the line below; elsewhere it is not written. */
function onStderr(): Audience & { end(): void } {
  const { stderr } = process;
  const end = () => {
    if (stderr.isTTY) stderr.write('\r\x1b[K');
  };
  return {
    progress: (label, done, total) => {
      if (!stderr.isTTY) return;
      const filled = Math.round((BAR_WIDTH * done) / total);
      stderr.write(`\r  ${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)} ${label}\x1b[K`);
    },
    step: (text) => {
      end();
      stderr.write(`· ${text}\n`);
    },
    end,
  };
}

function describe(result: Result): string {
  const { sweep, recovered, survivors, roleLimit, cloudwatch, failures } = result;
  const leaked = sweep.instances[0]?.outcomes.filter(({ outcome }) => outcome === 'terminated').length;
  const held = [
    `${leaked} leaked connections are gone, verified by the server and by their clients`,
    `a client gets in again ${recovered.afterMs} ms after the sweep began`,
    `connection ${roleLimit.limit + 1} of ${roleLimit.role} is refused: FATAL ${roleLimit.refusedSqlState} too many connections for role "${roleLimit.role}"`,
    `${survivors.alive} of ${survivors.expected} healthy sessions are alive: a pool in use, busy ones, holders of a lock, a temporary table and a channel`,
    `CloudWatch took ${cloudwatch.datapoints} datapoints in ${cloudwatch.requests} request, namespace ${cloudwatch.namespaces.join()}`,
  ];
  const lines = failures.length === 0 ? held.map((text) => `✔ ${text}`) : failures.map((text) => `✘ ${text}`);
  return `\n${sweep.text}\n\n${lines.join('\n')}\n`;
}
