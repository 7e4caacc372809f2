import { expect, it } from 'vitest';
import { emfLines } from '../../lambda/report/emf.js';
import { datapointsOf } from '../../lambda/report/metrics.js';
import { newMemory } from '../../lambda/report/series.js';
import { anInstanceResult, aRole, aSnapshot, backends } from '../support/builders.js';

it('writes one line for each set of dimension values, with the metrics at its root', () => {
  const primary = { Database: 'orders', Instance: 'primary' };
  const lines = emfLines(
    [
      { metric: 'Connections', unit: 'Count', dimensions: primary, value: 7 },
      { metric: 'Connections', unit: 'Count', dimensions: { ...primary, Application: 'a' }, value: 5 },
      { metric: 'SlotsUsedPercent', unit: 'Percent', dimensions: primary, value: 7.5 },
    ],
    new Date(1_700_000_000_000),
  );
  expect(lines).toEqual([
    {
      _aws: {
        Timestamp: 1_700_000_000_000,
        CloudWatchMetrics: [
          {
            Namespace: 'ConnectionReaper',
            Dimensions: [['Database', 'Instance']],
            Metrics: [
              { Name: 'Connections', Unit: 'Count' },
              { Name: 'SlotsUsedPercent', Unit: 'Percent' },
            ],
          },
        ],
      },
      Database: 'orders',
      Instance: 'primary',
      Connections: 7,
      SlotsUsedPercent: 7.5,
    },
    expect.objectContaining({ Application: 'a', Connections: 5 }),
  ]);
});

it('keeps within the limits of the format, at the longest names and the most metrics that a run can have', () => {
  const longest = 'ü'.repeat(31);
  const seen = backends(2, { applicationName: '"'.repeat(63), role: longest });
  const { datapoints } = datapointsOf(
    [
      anInstanceResult({
        instance: 'i'.repeat(64),
        snapshot: aSnapshot({ backends: seen, roles: [aRole(longest, 1)] }),
        outcomes: seen.map((backend) => ({ backend, outcome: 'terminated', reason: null })),
      }),
    ],
    {
      database: 'd'.repeat(64),
      maxApplications: 100,
      declaredApplications: [],
      attribute: () => '"'.repeat(255),
      declaredRoles: [longest],
      isSweep: true,
    },
    newMemory(0),
    0,
  );
  const lines = emfLines(datapoints, new Date());
  expect(lines).toHaveLength(3);
  for (const line of lines) {
    const { CloudWatchMetrics } = line['_aws'] as { CloudWatchMetrics: readonly Directive[] };
    const [{ Dimensions: [keys = []] = [], Metrics = [] } = {}] = CloudWatchMetrics;
    const names = Metrics.map(({ Name }) => Name);
    expect(names.length).toBeLessThanOrEqual(100);
    expect(new Set([...names, ...keys]).size).toBe(names.length + keys.length);
    expect(names.map((name) => typeof line[name])).toEqual(names.map(() => 'number'));
    expect(keys.length).toBeLessThanOrEqual(30);
    for (const key of keys) expect(line[key]).toMatch(/^[ -~]{1,1024}$/);
    expect(JSON.stringify(line).length).toBeLessThan(4_096);
  }
});

interface Directive {
  readonly Dimensions?: readonly (readonly string[])[];
  readonly Metrics?: readonly { readonly Name: string }[];
}
