import { expect, test } from 'vitest';
import { METRICS } from '../../lambda/contract.js';
import { parseEvent } from '../../lambda/event.js';
import { aReaper, propertiesOf, resolved } from './a-reaper.js';

interface Widget {
  readonly type: string;
  readonly properties: {
    readonly title?: string;
    readonly markdown?: string;
    readonly alarms?: readonly string[];
    readonly metrics?: readonly (readonly unknown[])[];
    readonly annotations?: { readonly horizontal: readonly { readonly value: number }[] };
  };
}

const { template } = aReaper({
  instances: [
    { name: 'writer', host: 'writer.example' },
    { name: 'reader', host: 'reader.example' },
  ],
});

test('is named for the database', () => {
  template.hasResourceProperties('AWS::CloudWatch::Dashboard', { DashboardName: 'ConnectionReaper-orders' });
});

test('has a name that CloudWatch takes even where the database has dots', () => {
  aReaper({ databaseIdentifier: 'eu.orders' }).template.hasResourceProperties('AWS::CloudWatch::Dashboard', {
    DashboardName: 'ConnectionReaper-eu_orders',
  });
});

test('shows the state of every alarm', () => {
  const [status] = widgets().filter(({ type }) => type === 'alarm');
  expect(status?.properties.alarms?.length).toBe(Object.keys(template.findResources('AWS::CloudWatch::Alarm')).length);
});

test('shows every metric that the function publishes', () => {
  const shown = JSON.stringify(widgets().map(({ properties }) => properties.metrics));
  for (const [level, metrics] of Object.entries(METRICS)) {
    for (const metric of Object.keys(metrics)) {
      expect(shown).toContain(level === 'instance' ? `"${metric}","Database","orders"` : `MetricName=\\"${metric}\\"`);
    }
  }
});

test('shows every instance', () => {
  expect(graph('Slots used').metrics).toEqual([
    ['ConnectionReaper', 'SlotsUsedPercent', 'Database', 'orders', 'Instance', 'writer', expect.anything()],
    ['ConnectionReaper', 'SlotsUsedPercent', 'Database', 'orders', 'Instance', 'reader', expect.anything()],
  ]);
});

test.each([
  ['Slots used', 80],
  ['Slots used by application', 50],
  ['Connection limit used by role', 90],
])('draws the threshold of the alarm into "%s"', (title, value) => {
  expect(graph(title).annotations?.horizontal.map((line) => line.value)).toEqual([value]);
});

test('prints commands that the function understands', () => {
  const markdown = widgets()[0]?.properties.markdown ?? '';
  const payloads = [...markdown.matchAll(/--payload '([^']+)'/g)].map(([, payload]) => JSON.parse(String(payload)));
  expect(payloads.map((payload) => parseEvent(payload).action)).toEqual(['report', 'reap']);
});

function widgets(): readonly Widget[] {
  const [{ DashboardBody } = {}] = propertiesOf(template, 'AWS::CloudWatch::Dashboard');
  return JSON.parse(String(resolved(DashboardBody))).widgets;
}

function graph(title: string): Widget['properties'] {
  const found = widgets().find(({ properties }) => properties.title === title);
  if (found === undefined) throw new Error(`no widget is titled ${title}`);
  return found.properties;
}
