import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type AwsStandIn, startAwsStandIn } from '../../demo/aws-stand-in.js';
import { type Deployment, synthesize } from '../../demo/deployment.js';
import { type LambdaProcess, startLambda } from '../../demo/lambda-process.js';
import type { Answer } from '../../lambda/report/answer.js';
import { aReaper, sweeperOf } from '../infra/a-reaper.js';
import { ENTRY, SECRET_ARN } from '../support/cdk-json.js';
import { startDatabase, type TestDatabase } from '../support/database.js';

/** Nobody listens there. */
const NOWHERE = 'http://127.0.0.1:9';

let database: TestDatabase;
let aws: AwsStandIn;
let deployment: Deployment | undefined;
let lambda: LambdaProcess | undefined;

beforeAll(async () => {
  database = await startDatabase();
});
afterAll(() => database[Symbol.asyncDispose]());

beforeEach(async () => {
  aws = await startAwsStandIn();
  aws.setSecret(SECRET_ARN, database.secret());
});
afterEach(async () => {
  await lambda?.stop();
  await deployment?.[Symbol.asyncDispose]();
  await aws.stop();
});

test('with metricsVia: log the metrics are lines of their own in the log, and CloudWatch is not called', async () => {
  deployment = await synthesize('orders', { ...ENTRY, metricsVia: 'emf' });
  lambda = startLambda({ ...deployment, handler: 'handler', awsEndpoint: aws.endpoint });
  const answer = (await lambda.invoke(deployment.scheduledEvent)) as Answer;

  expect(answer.metrics).toMatchObject({ requests: 0, via: 'emf' });
  expect(aws.requests().map(({ operation }) => operation)).toEqual(['GetSecretValue']);
  const lines = lambda.log().map((line) => JSON.parse(line));
  expect(lines.filter(({ _aws }) => _aws !== undefined)).toContainEqual(
    expect.objectContaining({
      _aws: {
        Timestamp: expect.any(Number),
        CloudWatchMetrics: [
          expect.objectContaining({ Namespace: 'ConnectionReaper', Dimensions: [['Database', 'Instance']] }),
        ],
      },
      Database: 'orders',
      Instance: 'primary',
      SweepsCompleted: 1,
    }),
  );
});

test('the variables that name interface endpoints lead the function to them', async () => {
  deployment = await synthesize('orders', ENTRY);
  const { Variables } = sweeperOf(aReaper({ interfaceEndpoints: true }).template).Environment;
  const names = Object.keys(Variables).filter((name) => name.startsWith('AWS_ENDPOINT_URL_'));
  const environment = {
    ...deployment.environment,
    ...Object.fromEntries(names.map((name) => [name, aws.endpoint])),
  };
  lambda = startLambda({ ...deployment, environment, handler: 'handler', awsEndpoint: NOWHERE });
  const answer = (await lambda.invoke(deployment.scheduledEvent)) as Answer;

  expect(answer.metrics).toMatchObject({ requests: 1, via: 'api' });
  expect(
    aws
      .requests()
      .map(({ operation }) => operation)
      .toSorted(),
  ).toEqual(['GetMetricData', 'GetMetricData', 'GetSecretValue', 'PutMetricData']);
});
