/** The page docs/verdicts.md: what was found in the scenarios, and what a report says for each verdict. */
import { confusionMatrix, misses, type Row } from './judge.js';
import type { Played } from './play.js';

const HEADER = `# What a report says, verdict by verdict

Here you see a real block of a report for each verdict, and how often the reaper was right. What the verdicts mean:
[diagnosis.md](diagnosis.md).

\`npm run test:diagnosis -- --markdown docs/verdicts.md\` wrote this page. It plays scenarios with real clients on a real
server, and compares each verdict with the expected one.

## Expected and found

A row is the expected verdict, a column is what the report said. A cell counts services.`;

/** Lines of a report belong to a suspect until the next blank one. */
const LONGEST_LINE = 120;

/** Writes the page. */
export function verdictsPage(outcomes: readonly { readonly played: Played; readonly rows: readonly Row[] }[]): string {
  const rows = outcomes.flatMap((outcome) => outcome.rows);
  const wrong = misses(rows);
  const examples = new Map<string, { readonly played: Played; readonly service: string }>();
  for (const { played, rows: own } of outcomes) {
    for (const { found, fault, service } of own) {
      if (fault === null && !examples.has(found) && blockOf(played, found) !== null)
        examples.set(found, { played, service });
    }
  }
  return [
    HEADER,
    '',
    confusionMatrix(rows),
    '',
    wrong.length === 0 ? 'No verdict was wrong.' : 'Wrong:',
    ...(wrong.length === 0 ? [] : ['', ...wrong.map((line) => `- ${line}`)]),
    ...[...examples]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([verdict, { played }]) => [
        '',
        `## ${verdict.replaceAll('_', ' ')}`,
        '',
        `Scenario: ${played.scenario.name}.`,
        '',
        '```text',
        ...(blockOf(played, verdict) ?? []).map((line) =>
          line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE - 1)}…` : line,
        ),
        '```',
      ]),
    '',
  ].join('\n');
}

/** The block of the first suspect with this verdict, or the line about healthy services that names it. */
function blockOf({ found, text }: Played, verdict: string): readonly string[] | null {
  const lines = text.split('\n');
  const service = found.find((one) => one.verdict === verdict)?.service;
  if (service === undefined) return null;
  const start = lines.findIndex((line) => /^\d+\. /.test(line) && line.includes(` · ${service} · `));
  const from = start === -1 ? lines.findIndex((line) => line.startsWith('Healthy: ')) : start;
  if (from === -1) return null;
  const rest = lines.slice(from);
  const end = rest.findIndex((line, index) => index > 0 && (line === '' || line.startsWith('primary · ')));
  return end === -1 ? rest : rest.slice(0, end);
}
