import { Duration } from 'aws-cdk-lib';
import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { METRIC_ALARMS } from '../../infra/alarms/names.js';
import { METRICS } from '../../lambda/contract/metrics.js';
import { parseEvent } from '../../lambda/input/event.js';
import { aReaper, propertiesOf, resolved } from './a-reaper.js';

interface Widget {
  readonly type: string;
  readonly width: number;
  readonly x: number;
  readonly y: number;
  readonly properties: {
    readonly title?: string;
    readonly markdown?: string;
    readonly alarms?: readonly string[];
    readonly metrics?: readonly (readonly unknown[])[];
    readonly annotations?: { readonly horizontal: readonly { readonly value: number }[] };
  };
}

const TWO = ['writer', 'reader'].map((name) => ({
  name,
  host: `${name}.example`,
  dbInstanceIdentifier: `rds-${name}`,
}));

const ALL = { instances: TWO, alarms: { DatabaseConnections: { threshold: 180 } } };

const { template } = aReaper(ALL);

test('is named for the database', () => {
  template.hasResourceProperties('AWS::CloudWatch::Dashboard', { DashboardName: 'ConnectionReaper-orders' });
});

test('has a name that CloudWatch takes even where the database has dots', () => {
  aReaper({ databaseLabel: 'eu.orders' }).template.hasResourceProperties('AWS::CloudWatch::Dashboard', {
    DashboardName: 'ConnectionReaper-eu_orders',
  });
});

test('shows the state of every alarm, and first the one that pages', () => {
  const [page, others, ...rest] = widgetsOf(template).filter(({ type }) => type === 'alarm');
  expect(page?.properties.alarms).toEqual([expect.stringMatching(/^\$\{ReaperAlarmsConnectionsCritical\w+\.Arn\}$/)]);
  expect(others?.properties.alarms?.length).toBe(5 * 2 + 4);
  expect(page?.y).toBeLessThan(Number(others?.y));
  expect(rest).toEqual([]);
});

test('shows every metric that the function publishes', () => {
  const shown = JSON.stringify(widgetsOf(template).map(({ properties }) => properties.metrics));
  for (const [level, metrics] of Object.entries(METRICS)) {
    for (const metric of Object.keys(metrics)) {
      expect(shown).toContain(level === 'instance' ? `"${metric}","Database","orders"` : `MetricName=\\"${metric}\\"`);
    }
  }
});

test('shows 14 metrics of an instance and 1 of the function, beside what its searches find', () => {
  const shown = widgetsOf(template).flatMap(({ properties }) => properties.metrics ?? []);
  const named = shown
    .filter(([first]) => typeof first === 'string')
    .map((metric) => JSON.stringify(metric.filter((part) => typeof part === 'string')));
  // What is hidden, as part of a formula, is read all the same.
  expect(new Set(named).size).toBe(2 * 14 + 1);
});

test('shows every instance', () => {
  expect(graph('Slots used').metrics).toEqual([
    ['ConnectionReaper', 'SlotsUsedPercent', 'Database', 'orders', 'Instance', 'writer', expect.anything()],
    ['ConnectionReaper', 'SlotsUsedPercent', 'Database', 'orders', 'Instance', 'reader', expect.anything()],
  ]);
});

test('draws the usable slots of each instance as a line above its connections', () => {
  const metrics = graph('Connections against usable slots').metrics ?? [];
  const formulas = metrics.map(([first]) => first).filter((first) => typeof first === 'object');
  expect(formulas).toEqual([
    expect.objectContaining({ expression: 'connections0 + free0', label: 'writer usable slots' }),
    expect.objectContaining({ expression: 'connections1 + free1', label: 'reader usable slots' }),
  ]);
});

/** Each alarm's graph, with its threshold. */
const LINES: Readonly<Record<(typeof METRIC_ALARMS)[number], readonly [title: string, threshold: number]>> = {
  ServerFull: ['Server full', 1],
  SlotsNearlyFull: ['Slots used', 80],
  DatabaseConnections: ['Connections as RDS counts them', 180],
  ApplicationConnectionsHigh: ['Slots used by application', 50],
  LeakContinues: ['Leaks terminated by application', 1],
  RoleNearLimit: ['Connection limit used by role', 90],
  ReaperFailing: ['Failed runs', 1],
  ReaperNotRunning: ['Sweeps completed', 1],
  ReaperBlind: ['Unreadable or refused', 1],
};

describe.each(METRIC_ALARMS)('the graph of the alarm %s', (name) => {
  const [title, threshold] = LINES[name];

  test('has its line, once for all instances', () => {
    expect(graph(title).annotations?.horizontal.map(({ value }) => value)).toEqual([threshold]);
  });

  test('shows its metric, at the period that the threshold is meant for', () => {
    const minutes = 20;
    const alarms = {
      ...ALL.alarms,
      [name]: { ...(name === 'DatabaseConnections' && ALL.alarms[name]), period: Duration.minutes(minutes) },
    };
    const { metrics = [] } = graph(title, aReaper({ ...ALL, alarms }).template);
    expect(metrics.length).toBeGreaterThan(0);
    for (const metric of metrics) expect(JSON.stringify(metric)).toMatch(/"period":1200\b|, 1200\)/);
  });

  test('is there without it', () => {
    const { template: without } = aReaper({ ...ALL, alarms: { ...ALL.alarms, [name]: false } });
    expect(graph(title, without).annotations?.horizontal ?? []).toEqual([]);
    const [, others] = widgetsOf(without).filter(({ type }) => type === 'alarm');
    expect(JSON.stringify(others)).not.toContain(name);
  });
});

test("shows RDS's own count only where it is known what RDS calls an instance", () => {
  const { template: one } = aReaper({
    instances: [
      { name: 'writer', host: 'writer.example' },
      { name: 'reader', host: 'reader.example', dbInstanceIdentifier: 'rds-reader' },
    ],
  });
  expect(graph('Connections as RDS counts them', one).metrics?.map(([, , , id]) => id)).toEqual(['rds-reader']);
  const titles = widgetsOf(aReaper().template).map(({ properties }) => properties.title);
  expect(titles).not.toContain('Connections as RDS counts them');
});

test('is there without any alarm', () => {
  const none = Object.fromEntries(METRIC_ALARMS.map((name) => [name, false]));
  const { template: quiet } = aReaper({ alarms: { ...none, ConnectionsCritical: false } });
  const types = widgetsOf(quiet).map(({ type }) => type);
  expect(types).not.toContain('alarm');
  expect(types.length).toBeGreaterThan(10);
});

test('every row fits into the width of a dashboard', () => {
  for (const { x, width } of widgetsOf(template)) expect(x + width).toBeLessThanOrEqual(24);
});

test('prints commands that the function understands', () => {
  const markdown = widgetsOf(template)[0]?.properties.markdown ?? '';
  const payloads = [...markdown.matchAll(/--payload '([^']+)'/g)].map(([, payload]) => JSON.parse(String(payload)));
  expect(payloads.map((payload) => parseEvent(payload).action)).toEqual(['report']);
});

function widgetsOf(from: Template): readonly Widget[] {
  const [{ DashboardBody } = {}] = propertiesOf(from, 'AWS::CloudWatch::Dashboard');
  return JSON.parse(String(resolved(DashboardBody))).widgets;
}

function graph(title: string, from = template): Widget['properties'] {
  const found = widgetsOf(from).find(({ properties }) => properties.title === title);
  if (found === undefined) throw new Error(`no widget is titled ${title}`);
  return found.properties;
}
