import { once } from 'node:events';
import { request } from 'node:http';
import {
  CloudWatchClient,
  ListMetricsCommand,
  type MetricDatum,
  PutMetricDataCommand,
  type PutMetricDataCommandInput,
  type StandardUnit,
} from '@aws-sdk/client-cloudwatch';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AwsStandIn, startAwsStandIn } from '../../demo/aws-stand-in.js';

const DAY_MS = 24 * 60 * 60 * 1000;

let aws: AwsStandIn;
let cloudWatch: CloudWatchClient;
let secretsManager: SecretsManagerClient;

beforeEach(async () => {
  aws = await startAwsStandIn();
  cloudWatch = new CloudWatchClient({ ...aws.clientConfig, maxAttempts: 1 });
  secretsManager = new SecretsManagerClient({ ...aws.clientConfig, maxAttempts: 1 });
});

afterEach(async () => {
  cloudWatch.destroy();
  secretsManager.destroy();
  await aws.stop();
});

function aDatum(overrides: Partial<MetricDatum> = {}): MetricDatum {
  return { MetricName: 'Connections', Value: 1, ...overrides };
}

function withDimension(name: string, value: string): MetricDatum {
  return aDatum({ Dimensions: [{ Name: name, Value: value }] });
}

function withDimensions(count: number): MetricDatum {
  return aDatum({ Dimensions: Array.from({ length: count }, (_, index) => ({ Name: `d${index}`, Value: 'v' })) });
}

function ago(milliseconds: number): MetricDatum {
  return aDatum({ Timestamp: new Date(Date.now() - milliseconds) });
}

async function put(data: readonly MetricDatum[], overrides: Partial<PutMetricDataCommandInput> = {}): Promise<void> {
  await cloudWatch.send(new PutMetricDataCommand({ Namespace: 'Test', MetricData: [...data], ...overrides }));
}

describe('PutMetricData', () => {
  it('records what was published', async () => {
    await put([
      aDatum({ Value: 7, Unit: 'Percent', Dimensions: [{ Name: 'Database', Value: 'orders' }] }),
      aDatum({ Value: 3 }),
    ]);
    const unnamed = {
      timestamp: expect.any(Number),
      namespace: 'Test',
      metricName: 'Connections',
      dimensions: {},
      unit: 'None',
    };
    expect(aws.metrics()).toEqual([
      { ...unnamed, dimensions: { Database: 'orders' }, value: 7, unit: 'Percent' },
      { ...unnamed, value: 3 },
    ]);
    expect(aws.requests()).toEqual([{ operation: 'PutMetricData', status: 200 }]);
  });

  it('accepts a thousand metrics, zipped by the SDK', async () => {
    await put(Array.from({ length: 1000 }, (_, index) => aDatum({ Value: index })));
    expect(aws.metrics()).toHaveLength(1000);
    expect(aws.metrics().at(-1)?.value).toBe(999);
  });

  it.each<[string, MetricDatum]>([
    ['30 dimensions', withDimensions(30)],
    ['a dimension value of 1024 characters', withDimension('n', 'v'.repeat(1024))],
    ['a dimension value that begins with a colon', withDimension('n', ':v')],
    ['a dimension value with spaces and signs', withDimension('n', ' psql (admin) ~')],
    ['a dimension name of 255 characters', withDimension('n'.repeat(255), 'v')],
    ['a metric name of 255 characters', aDatum({ MetricName: 'm'.repeat(255) })],
    ['zero', aDatum({ Value: 0 })],
    ['the smallest value', aDatum({ Value: -(2 ** 360) })],
    ['the largest value', aDatum({ Value: 2 ** 360 })],
    ['a timestamp two weeks old, but for a minute', ago(14 * DAY_MS - 60_000)],
    ['a timestamp almost two hours ahead', ago(-2 * 60 * 60 * 1000 + 60_000)],
  ])('accepts %s', async (_, datum) => {
    await put([datum]);
    expect(aws.metrics()).not.toEqual([]);
  });

  const value = 'InvalidParameterValueException';
  const missing = 'MissingRequiredParameterException';

  it.each<[string, MetricDatum, string, RegExp]>([
    ['31 dimensions', withDimensions(31), value, /Dimensions must not have a size greater than 30/],
    ['an empty dimension value', withDimension('n', ''), value, /Dimensions.member.1.Value must be longer/],
    ['a blank dimension value', withDimension('n', '  '), value, /Dimensions.member.1.Value .* not whitespace/],
    ['a dimension value that is not ASCII', withDimension('n', 'Zażółć'), value, /member.1.Value must hold ASCII/],
    ['a control character in a dimension value', withDimension('n', 'a\tb'), value, /member.1.Value must hold ASCII/],
    ['a DEL in a dimension value', withDimension('n', 'a\x7f'), value, /member.1.Value must hold ASCII/],
    ['a dimension value of 1025 characters', withDimension('n', 'v'.repeat(1025)), value, /shorter than 1025/],
    ['an empty dimension name', withDimension('', 'v'), value, /Dimensions.member.1.Name must be longer/],
    ['a blank dimension name', withDimension(' ', 'v'), value, /Dimensions.member.1.Name .* not whitespace/],
    ['a dimension name of 256 characters', withDimension('n'.repeat(256), 'v'), value, /shorter than 256/],
    ['a dimension name that begins with a colon', withDimension(':n', 'v'), value, /value :n for parameter/],
    ['a dimension name that is not ASCII', withDimension('é', 'v'), value, /member.1.Name must hold ASCII/],
    [
      'a dimension name used twice',
      aDatum({
        Dimensions: [
          { Name: 'n', Value: 'a' },
          { Name: 'n', Value: 'b' },
        ],
      }),
      value,
      /same dimension name twice/,
    ],
    [
      'a dimension without value',
      aDatum({ Dimensions: [{ Name: 'n', Value: undefined }] }),
      missing,
      /Value is required/,
    ],
    [
      'a dimension without name',
      aDatum({ Dimensions: [{ Name: undefined, Value: 'v' }] }),
      missing,
      /Name is required/,
    ],
    ['no metric name', aDatum({ MetricName: undefined }), missing, /MetricName is required/],
    ['an empty metric name', aDatum({ MetricName: '' }), value, /MetricName must be longer/],
    ['a metric name of 256 characters', aDatum({ MetricName: 'm'.repeat(256) }), value, /MetricName must be shorter/],
    ['NaN', aDatum({ Value: Number.NaN }), value, /value NaN for parameter MetricData.member.1.Value/],
    ['Infinity', aDatum({ Value: Number.POSITIVE_INFINITY }), value, /value Infinity for/],
    ['-Infinity', aDatum({ Value: Number.NEGATIVE_INFINITY }), value, /value -Infinity for/],
    ['a value too large', aDatum({ Value: 2 ** 361 }), value, /for parameter MetricData.member.1.Value is invalid/],
    ['a value too small', aDatum({ Value: -(2 ** 361) }), value, /for parameter MetricData.member.1.Value is invalid/],
    ['no value', aDatum({ Value: undefined }), missing, /MetricData.member.1.Value is required/],
    ['values, which it does not know', aDatum({ Values: [1] }), value, /Values is not known to this stand-in/],
    ['an unknown unit', aDatum({ Unit: 'Backends' as StandardUnit }), value, /Unit must be a value in the set/],
    ['a timestamp over two weeks old', ago(14 * DAY_MS + 60_000), value, /within the past two weeks/],
    ['a timestamp over two hours ahead', ago(-2 * 60 * 60 * 1000 - 60_000), value, /two hours in the future/],
  ])('refuses %s, and with it the whole request', async (_, datum, error, message) => {
    await expect(put([datum, aDatum()])).rejects.toMatchObject({
      name: error,
      message: expect.stringMatching(message),
      $metadata: { httpStatusCode: 400 },
    });
    expect(aws.metrics()).toEqual([]);
    expect(aws.requests()).toEqual([{ operation: 'PutMetricData', status: 400, code: error }]);
  });

  it.each<[string, Partial<PutMetricDataCommandInput>, string]>([
    ['no namespace', { Namespace: undefined }, missing],
    ['an empty namespace', { Namespace: '' }, value],
    ['a blank namespace', { Namespace: ' ' }, value],
    ['a namespace of 256 characters', { Namespace: 'n'.repeat(256) }, value],
    ['a namespace that is not ASCII', { Namespace: 'é' }, value],
    ['a namespace of AWS', { Namespace: 'AWS/RDS' }, value],
    ['a namespace that begins with a colon', { Namespace: ':n' }, value],
    ['no metrics', { MetricData: undefined }, missing],
    ['an empty list of metrics', { MetricData: [] }, missing],
    ['1001 metrics', { MetricData: Array.from({ length: 1001 }, () => aDatum()) }, value],
    ['metrics of an entity, which it does not know', { EntityMetricData: [] }, value],
  ])('refuses %s', async (_, overrides, error) => {
    await expect(put([aDatum()], overrides)).rejects.toMatchObject({ name: error });
    expect(aws.metrics()).toEqual([]);
  });

  it('refuses a body over a megabyte, however well it zips', async () => {
    const data = Array.from({ length: 1000 }, () => withDimension('n', 'v'.repeat(1024)));
    await expect(put(data)).rejects.toMatchObject({
      name: 'RequestEntityTooLarge',
      $metadata: { httpStatusCode: 413 },
    });
    expect(aws.metrics()).toEqual([]);
  });

  it('tells all that is wrong', async () => {
    const faulty = put([withDimension('n', ''), aDatum({ Value: Number.NaN })]);
    await expect(faulty).rejects.toThrow(/member\.1\.Dimensions[^\n]*\n[^\n]*member\.2\.Value/);
  });
});

describe('GetSecretValue', () => {
  const arn = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:orders-AbCdEf';
  const read = async (secretId = arn): Promise<string | undefined> => {
    const { SecretString } = await secretsManager.send(new GetSecretValueCommand({ SecretId: secretId }));
    return SecretString;
  };

  it('hands out a secret as it was last set, and counts', async () => {
    aws.setSecret(arn, 'first');
    expect(await read()).toBe('first');
    aws.setSecret(arn, 'second');
    expect(await read()).toBe('second');
    expect(aws.secretReads(arn)).toBe(2);
  });

  it('refuses a secret that does not exist', async () => {
    await expect(read()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    expect(aws.secretReads(arn)).toBe(0);
  });

  it('fails as often as told', async () => {
    aws.setSecret(arn, 'value');
    aws.fail('GetSecretValue', 'denied', 1);
    await expect(read()).rejects.toMatchObject({ name: 'AccessDeniedException' });
    expect(await read()).toBe('value');
  });
});

describe('any operation', () => {
  it.each([
    ['throttle', { name: 'Throttling' }],
    ['denied', { name: 'AccessDenied' }],
    ['error500', { name: 'InternalServiceFault', Type: 'Receiver', $metadata: { httpStatusCode: 500 } }],
  ] as const)('can be made to fail: %s', async (failure, error) => {
    aws.fail('PutMetricData', failure);
    await expect(put([aDatum()])).rejects.toMatchObject(error);
    aws.fail('PutMetricData', undefined);
    await put([aDatum()]);
    expect(aws.metrics()).toHaveLength(1);
  });

  it('is retried by the SDK when throttled', async () => {
    const patient = new CloudWatchClient(aws.clientConfig);
    aws.fail('PutMetricData', 'throttle', 1);
    await patient.send(new PutMetricDataCommand({ Namespace: 'Test', MetricData: [aDatum()] }));
    patient.destroy();
    expect(aws.requests().map(({ status }) => status)).toEqual([400, 200]);
  });

  it('can be made to hang, until the stand-in stops', async () => {
    aws.fail('PutMetricData', 'hang');
    const hanging = put([aDatum()]).catch((error: unknown) => error);
    expect(await Promise.race([hanging, new Promise((resolve) => setTimeout(resolve, 100, 'silence'))])).toBe(
      'silence',
    );
    await aws.stop();
    expect(await hanging).toBeInstanceOf(Error);
  });

  it('is refused when unknown', async () => {
    await expect(cloudWatch.send(new ListMetricsCommand())).rejects.toMatchObject({
      name: 'UnknownOperationException',
    });
    expect(aws.requests()).toEqual([{ operation: 'unknown', status: 404, code: 'UnknownOperationException' }]);
  });

  const signature = `SignedHeaders=host, Signature=${'0'.repeat(64)}`;

  it.each([
    ['without a signature', {}],
    ['when signed in another way', { authorization: 'Bearer token' }],
    [
      'when signed for another service',
      { authorization: `AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/logs/aws4_request, ${signature}` },
    ],
  ])('is refused %s', async (_, headers) => {
    const sent = request(aws.endpoint, {
      method: 'POST',
      headers: { ...headers, 'x-amz-target': 'GraniteServiceVersion20100801.PutMetricData' },
    });
    sent.end(JSON.stringify({ Namespace: 'Test', MetricData: [aDatum()] }));
    const [response] = await once(sent, 'response');
    response.resume();
    expect(response.statusCode).toBe(403);
    expect(aws.metrics()).toEqual([]);
  });
});
