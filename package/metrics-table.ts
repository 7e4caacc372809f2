/** The tables of metrics in docs/metrics-and-alarms.md. */
import { DIMENSIONS, METRICS, type MetricLevel, type MetricName } from '../lambda/contract/metrics.js';
import { markdownTable } from './generated-block.js';

const TITLES: Readonly<Record<MetricLevel, string>> = {
  instance: 'For each instance',
  application: 'For each application on an instance',
  role: 'For each role with a limit',
};

const MEANINGS: { readonly [Level in MetricLevel]: Readonly<Record<MetricName<Level>, string>> } = {
  instance: {
    SlotsUsedPercent: 'the share of the usable slots that are taken',
    SlotsFree: 'the usable slots that are free',
    Connections: 'all connections of clients',
    IdleConnections: 'the connections in state `idle`',
    IdleInTransactionConnections: 'the connections that are idle inside a transaction',
    LeakedConnections: 'the connections that the diagnosis calls leaked, counted before any termination',
    TerminatedConnections: 'the connections that the sweep terminated, verified gone',
    ReapableConnections: 'the connections that the policy chose: terminated in `enforce`, only counted in `preview`',
    RefusedTerminations: 'the terminations that the server refused',
    UnreadableConnections: "the connections whose state the reaper's login may not see, or the server does not track",
    ServerFull: '1 if no ordinary role can log in, or if the reaper itself could not, because the server was full',
    SweepsCompleted: '1 for each sweep that came to its end',
    OldestIdleSeconds: 'how long the longest idle connection has been idle',
  },
  application: {
    Connections: 'its connections',
    IdleConnections: 'its connections in state `idle`',
    TerminatedConnections: 'its connections that the sweep terminated, verified gone',
    TerminatedLeaks: 'of the terminated ones, those that the diagnosis calls leaked; published only if there are any',
    SlotsUsedPercent: 'the share of the usable slots that it holds',
  },
  role: {
    RoleLimitUsedPercent: "the share of the role's CONNECTION LIMIT that is used, on the fullest instance",
  },
};

/** Every metric by its level, with its unit and meaning. */
export function metricsTables(): string {
  return (Object.keys(METRICS) as MetricLevel[]).map(tableOf).join('\n\n');
}

function tableOf(level: MetricLevel): string {
  const meanings: Readonly<Record<string, string>> = MEANINGS[level];
  const rows = Object.entries(METRICS[level]).map(([name, unit]) => [`\`${name}\``, unit, meanings[name] ?? '']);
  const dimensions = DIMENSIONS[level].map((dimension) => `\`${dimension}\``).join(', ');
  return `${TITLES[level]} (dimensions ${dimensions}):\n\n${markdownTable([['metric', 'unit', 'meaning'], ...rows])}`;
}
