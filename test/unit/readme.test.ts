/** What the pages say about settings, metrics, alarms and events is what the code does. */
import { toJsonSchema } from '@valibot/to-json-schema';
import { describe, expect, it } from 'vitest';
import { METRIC_ALARMS } from '../../infra/alarms/names.js';
import { DIMENSIONS, METRICS, NAMESPACE } from '../../lambda/contract/metrics.js';
import { parseEvent } from '../../lambda/input/event.js';
import { parseSettings, settingsSchema } from '../../lambda/input/settings.js';
import { PAGES, read } from '../readme/commands.js';

/** The rows of every table under a heading, as their cells. */
function rows(path: string, ...headings: readonly string[]): readonly (readonly string[])[] {
  const sections = read(path).split(/^## /m);
  return headings.flatMap((heading) => {
    const section = sections.find((text) => text.startsWith(`${heading}\n`)) ?? '';
    const [own = ''] = section.split(/^### /m);
    return (own.match(/(?:^\|.*\n)+/gm) ?? []).flatMap((table) =>
      table
        .trim()
        .split('\n')
        .slice(2)
        .map((line) => line.slice(2, -2).split(' | ')),
    );
  });
}

function code(text = ''): string {
  return /`([^`]+)`/.exec(text)?.[1] ?? '';
}

describe('docs/settings.md', () => {
  const settings = rows('docs/settings.md', 'What the reaper does', 'How it logs in', 'What it publishes');
  const names = settings.map(([name]) => code(name));

  it('names every setting once, and no other', () => {
    const { properties = {} } = toJsonSchema(settingsSchema, { typeMode: 'input', errorMode: 'ignore' });
    const { databaseLabel: _, secretArn: __, ...documented } = properties;
    expect(names.toSorted()).toEqual(Object.keys(documented).toSorted());
  });

  it('has the defaults of the settings', () => {
    const {
      databaseLabel: _,
      secretArn: __,
      idleTimeout,
      ...defaults
    } = parseSettings('{"databaseLabel":"x","secretArn":"x"}');
    const documented = Object.fromEntries(settings.map(([name, value = '']) => [code(name), value]));
    expect([idleTimeout, documented['idleTimeout']]).toEqual([300, '`5m`']);
    for (const [name, value] of Object.entries(defaults)) {
      const text = typeof value === 'object' ? 'none' : `\`${value}\``;
      expect(documented[name], name).toBe(text);
    }
  });

  it('names every key of cdk.json that is not a setting', () => {
    const schema = JSON.parse(read('infra/cdk-json/cdk.schema.json'));
    const { properties } = schema.properties.context.properties.databases.additionalProperties;
    const others = Object.keys(properties).filter((key) => !names.includes(key));
    const documented = rows('docs/settings.md', 'The deployment').map(([name]) => code(name));
    expect(documented.toSorted()).toEqual(others.toSorted());
  });
});

describe('docs/metrics-and-alarms.md', () => {
  const page = read('docs/metrics-and-alarms.md');

  it('names every metric with its unit, every dimension and the namespace', () => {
    for (const units of Object.values(METRICS)) {
      for (const [name, unit] of Object.entries(units)) expect(page).toContain(`| \`${name}\` | ${unit} |`);
    }
    for (const names of Object.values(DIMENSIONS)) {
      expect(page).toContain(`(dimensions ${names.map((name) => `\`${name}\``).join(', ')}):`);
    }
    expect(page).toContain(`Namespace \`${NAMESPACE}\``);
  });

  it('names every alarm, in the order of the runbook, which has a heading for each', () => {
    const headings = [...read('docs/runbook.md').matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
    expect(headings).toEqual(['ConnectionsCritical', ...METRIC_ALARMS]);
    expect(rows('docs/metrics-and-alarms.md', 'Alarms').map(([name]) => code(name))).toEqual(headings);
  });
});

describe('the pages', () => {
  it('show events that the function takes', () => {
    const events = PAGES.flatMap((path) => read(path).match(/\{"action":[^}]*\}/g) ?? []);
    expect(new Set(events).size).toBeGreaterThan(5);
    for (const event of events) expect(() => parseEvent(JSON.parse(event))).not.toThrow();
  });

  it.each(['docs/settings.md', 'docs/clients.md'])('%s shows settings that the function takes', (path) => {
    const examples = [...read(path).matchAll(/^```json\n(.*?)^```$/gms)].map(([, json = '']) => json);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const settings = { databaseLabel: 'orders', secretArn: 'orders', ...JSON.parse(example) };
      expect(() => parseSettings(JSON.stringify(settings))).not.toThrow();
    }
  });
});
