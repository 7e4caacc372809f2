/** `npm run demo`: the main job, end to end, on this machine. */
import { SingleBar } from 'cli-progress';
import { Command } from 'commander';
import { type Audience, play, type Result } from './play.js';

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

/** Steps as lines, progress as a bar on a terminal; elsewhere the steps alone. */
function onStderr(): Audience & { end(): void } {
  let bar: SingleBar | undefined;
  const end = () => {
    bar?.stop();
    bar = undefined;
  };
  return {
    progress: (label, done, total) => {
      if (bar?.getTotal() !== total) {
        end();
        bar = new SingleBar({
          format: '  {bar} {label}',
          clearOnComplete: true,
          hideCursor: true,
          stream: process.stderr,
        });
        bar.start(total, done, { label });
      } else bar.update(done, { label });
    },
    step: (text) => {
      end();
      process.stderr.write(`· ${text}\n`);
    },
    end,
  };
}

function describe(result: Result): string {
  const { sweep, recovered, survivors, roleLimit, cloudwatch, failures } = result;
  const leaked = sweep.instances[0]?.outcomes.filter(({ outcome }) => outcome === 'terminated').length;
  const held = [
    `${leaked} leaked backends are gone, verified by the server and by their clients`,
    `a client gets in again ${recovered.afterMs} ms after the sweep began`,
    `connection ${roleLimit.limit + 1} of ${roleLimit.role} is refused: FATAL ${roleLimit.refusedSqlState} too many connections for role "${roleLimit.role}"`,
    `${survivors.alive} of ${survivors.expected} healthy sessions are alive: a pool in use, busy ones, holders of a lock, a temporary table and a channel`,
    `CloudWatch took ${cloudwatch.datapoints} datapoints in ${cloudwatch.requests} request, namespace ${cloudwatch.namespaces.join()}`,
  ];
  const lines = failures.length === 0 ? held.map((text) => `✔ ${text}`) : failures.map((text) => `✘ ${text}`);
  return `\n${sweep.text}\n\n${lines.join('\n')}\n`;
}
