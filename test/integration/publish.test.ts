import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type AwsStandIn, startAwsStandIn } from '../../demo/aws-stand-in.js';
import { logTo } from '../../lambda/aws/log.js';
import { type Publish, publishByLog, publishTo } from '../../lambda/aws/publish.js';
import type { Datapoint } from '../../lambda/report/metrics.js';

let aws: AwsStandIn;
let lines: string[];
let publish: Publish;

beforeEach(async () => {
  aws = await startAwsStandIn();
  lines = [];
  const client = new CloudWatchClient({ ...aws.clientConfig, maxAttempts: 1 });
  publish = publishTo(client, logTo({ write: (line) => lines.push(line) }));
  return async () => {
    client.destroy();
    await aws.stop();
  };
});

afterEach(() => {
  lines = [];
});

function datapoints(count: number): readonly Datapoint[] {
  return Array.from({ length: count }, (_, index) => ({
    metric: 'Connections',
    unit: 'Count',
    dimensions: { Database: 'orders', Instance: 'primary', Application: `a${index}` },
    value: index,
  }));
}

it('makes as few requests as CloudWatch allows', async () => {
  expect(await publish(datapoints(2_500))).toEqual({ requests: 3, datapoints: 2_500, via: 'api', error: null });
  expect(aws.metrics()).toHaveLength(2_500);
  expect(await publish(datapoints(1_000))).toMatchObject({ requests: 1 });
  expect(await publish([])).toEqual({ requests: 0, datapoints: 0, via: 'none', error: null });
  expect(lines).toEqual([]);
});

it('logs what CloudWatch did not take, and only that', async () => {
  const publishing = publish(datapoints(2_500));
  // The first request is through before the second one is made.
  await vi.waitUntil(() => aws.requests().length > 0, { interval: 1 });
  aws.fail('PutMetricData', 'error500');
  expect(await publishing).toMatchObject({
    datapoints: 2_500,
    via: 'emf',
    error: expect.stringContaining('CloudWatch'),
  });
  const logged = lines.map((line) => JSON.parse(line).Application);
  const taken = aws.metrics().map(({ dimensions }) => dimensions['Application']);
  expect(new Set([...logged, ...taken]).size).toBe(2_500);
  expect(logged.length + taken.length).toBe(2_500);
});

it('logs all of it where the settings say so, and succeeds with that', async () => {
  const byLog = publishByLog(logTo({ write: (line) => lines.push(line) }));
  expect(await byLog(datapoints(3))).toEqual({ requests: 0, datapoints: 3, via: 'emf', error: null });
  expect(lines.map((line) => JSON.parse(line))).toMatchObject(
    datapoints(3).map(({ dimensions, value }) => ({ _aws: expect.anything(), ...dimensions, Connections: value })),
  );
  expect(await byLog([])).toEqual({ requests: 0, datapoints: 0, via: 'none', error: null });
});
