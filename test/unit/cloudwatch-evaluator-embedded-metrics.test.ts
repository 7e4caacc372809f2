import { expect, test } from 'vitest';
import { embeddedObservations } from '../support/cloudwatch/embedded-metrics.js';

const LINE = {
  _aws: {
    Timestamp: 1_700_000_000_000,
    CloudWatchMetrics: [
      { Namespace: 'Ns', Dimensions: [['Host'], []], Metrics: [{ Name: 'Used', Unit: 'Count' }, { Name: 'Free' }] },
    ],
  },
  Host: 'h',
  Used: 3,
  Free: 1,
};

test('a line is an observation of each metric, once for each dimension set', () => {
  const common = { timestamp: 1_700_000_000_000, namespace: 'Ns' };
  expect(embeddedObservations(LINE)).toEqual([
    { ...common, metricName: 'Used', dimensions: { Host: 'h' }, value: 3, unit: 'Count' },
    { ...common, metricName: 'Free', dimensions: { Host: 'h' }, value: 1, unit: 'None' },
    { ...common, metricName: 'Used', dimensions: {}, value: 3, unit: 'Count' },
    { ...common, metricName: 'Free', dimensions: {}, value: 1, unit: 'None' },
  ]);
});

test.each([
  ['it is wrapped in another document', { message: LINE }],
  ['a value is missing', { ...LINE, Used: undefined }],
  ['a value is no number', { ...LINE, Used: '3' }],
  ['the value of a dimension is missing', { ...LINE, Host: undefined }],
])('fails when %s', (_, line) => {
  expect(() => embeddedObservations(line)).toThrow();
});
