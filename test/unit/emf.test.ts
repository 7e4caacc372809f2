import { expect, it } from 'vitest';
import { emfLines } from '../../lambda/emf.js';

it('writes one line for each set of dimension values, with the metrics at its root', () => {
  const primary = { Database: 'orders', Instance: 'primary' };
  const lines = emfLines(
    [
      { metric: 'Backends', unit: 'Count', dimensions: primary, value: 7 },
      { metric: 'Backends', unit: 'Count', dimensions: { ...primary, Application: 'a' }, value: 5 },
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
              { Name: 'Backends', Unit: 'Count' },
              { Name: 'SlotsUsedPercent', Unit: 'Percent' },
            ],
          },
        ],
      },
      Database: 'orders',
      Instance: 'primary',
      Backends: 7,
      SlotsUsedPercent: 7.5,
    },
    expect.objectContaining({ Application: 'a', Backends: 5 }),
  ]);
});
