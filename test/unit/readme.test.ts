import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DIMENSIONS, METRICS, NAMESPACE } from '../../lambda/contract/metrics.js';
import { parseEvent } from '../../lambda/input/event.js';
import { parseSettings } from '../../lambda/input/settings.js';

const readme = read('README.md');
const runbook = read('docs/runbook.md');

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

/** The rows of a table under a heading, as their cells. */
function table(heading: string, index = 0): readonly (readonly string[])[] {
  const section = readme.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const tables = section.match(/(?:^\|.*\n)+/gm) ?? [];
  return (tables[index] ?? '')
    .trim()
    .split('\n')
    .slice(2)
    .map((line) => line.slice(2, -2).split(' | '));
}

function codes(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}

describe('the README', () => {
  it('names every metric with its unit and dimensions, and no other', () => {
    const levels = table('Metrics').map(([dimensions = '', metrics = '']) => ({
      dimensions: codes(dimensions),
      metrics: [...metrics.matchAll(/((?:`\w+`(?:, )?)+) \((\w+)\)/g)].flatMap(([, names = '', unit]) =>
        codes(names).map((name) => [name, unit] as const),
      ),
    }));
    expect(levels.map(({ dimensions }) => dimensions)).toEqual(Object.values(DIMENSIONS));
    expect(levels.map(({ metrics }) => Object.fromEntries(metrics))).toEqual(Object.values(METRICS));
    expect(readme).toContain(`Namespace \`${NAMESPACE}\``);
  });

  it('names every setting, with its default', () => {
    const documented = Object.fromEntries(table('Settings').map(([name = '', value = '']) => [codes(name)[0], value]));
    const { databaseLabel: _, secretArn: __, ...defaults } = parseSettings('{"databaseLabel":"x","secretArn":"x"}');
    const none = { pressure: [], rules: [], roleLimits: {}, applicationNames: [] };
    expect(defaults).toEqual({
      ...none,
      mode: codes(documented['mode'] ?? '')[0],
      idleTimeout: 300,
      rescueLogin: codes(documented['rescueLogin'] ?? '')[0],
      terminateAboveRoleLimit: codes(documented['terminateAboveRoleLimit'] ?? '')[0] === 'true',
      keepPerApplication: Number(codes(documented['keepPerApplication'] ?? '')[0]),
      maxApplications: Number(codes(documented['maxApplications'] ?? '')[0]),
      sslMode: codes(documented['sslMode'] ?? '')[0],
      metricsVia: codes(documented['metricsVia'] ?? '')[0],
      iamAuthentication: codes(documented['iamAuthentication'] ?? '')[0] === 'true',
      reaperRole: codes(documented['reaperRole'] ?? '')[0],
    });
    expect(documented['idleTimeout']).toBe('`5m`');
    expect(Object.keys(none).map((name) => documented[name])).toEqual(['none', 'none', 'none', 'none']);
    const optional = [
      'breakGlassSecretArn',
      'idleInTransactionTimeout',
      'maxTerminationsPerRun',
      'instances',
      'databaseName',
      'sslRootCert',
    ];
    expect(Object.keys(documented).sort()).toEqual([...Object.keys(defaults), ...optional].sort());
  });

  it('names every key of cdk.json that is not a setting', () => {
    const settings = table('Settings').map(([name = '']) => codes(name)[0]);
    const schema = JSON.parse(read('infra/cdk-json/cdk.schema.json'));
    const { properties } = schema.properties.context.properties.databases.additionalProperties;
    const others = Object.keys(properties).filter((key) => key === 'secretArn' || !settings.includes(key));
    expect(
      table('Settings', 1)
        .map(([name = '']) => codes(name)[0])
        .sort(),
    ).toEqual(others.sort());
  });

  it('has a heading in the runbook for every alarm it names', () => {
    const alarms = table('Alarms').map(([name = '']) => codes(name)[0]);
    const headings = [...runbook.matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
    expect(headings).toEqual(alarms);
  });

  it('shows events that the function takes', () => {
    const events = [...`${readme}\n${runbook}`.matchAll(/\{"action":[^}]*\}/g)].map(([event]) => event);
    expect(events.length).toBeGreaterThan(5);
    for (const event of events) expect(() => parseEvent(JSON.parse(event))).not.toThrow();
  });
});
