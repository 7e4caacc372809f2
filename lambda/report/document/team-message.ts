/** A message to the team that owns a suspect, to be pasted into a chat or a ticket. */
import { formatDuration } from '../../input/duration.js';
import { printable } from '../../input/printable.js';
import type { ServiceReport } from '../service-report.js';
import { VERDICT_WORDS } from './suspect.js';

/** Plain lines: the reader may never have heard of this tool. */
export function teamMessage(
  database: string,
  { usableSlots }: { readonly usableSlots: number },
  report: ServiceReport,
): string {
  const { service, verdict, connections, leaked, oldestIdleSeconds, reasons, statement, remedy, hosts, roles } = report;
  const oldest = oldestIdleSeconds === null ? '' : `, the oldest idle for ${formatDuration(oldestIdleSeconds)}`;
  return [
    `${service} holds ${connections} of the ${usableSlots} connections that the database ${database} can serve${oldest}.`,
    `Diagnosis: ${VERDICT_WORDS[verdict]}${leaked > 0 ? `, ${leaked} connections` : ''} (${report.certainty}).`,
    ...reasons,
    ...(statement === null
      ? []
      : [`The last statement of ${statement.connections} of its connections: ${statement.text}`]),
    ...(statement === null || Object.keys(statement.tags).length === 0
      ? []
      : [
          `Where it comes from: ${Object.entries(statement.tags)
            .map(([key, value]) => `${key} ${value}`)
            .join(', ')}`,
        ]),
    `Hosts: ${hosts
      .slice(0, 5)
      .map(({ address }) => address ?? 'Unix socket')
      .join(', ')}. ` + `Roles: ${roles.map(({ role }) => role).join(', ')}.`,
    ...remedy.fix,
  ]
    .map(printable)
    .join('\n');
}
