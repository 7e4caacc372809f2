import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type AwsStandIn, startAwsStandIn } from '../../demo/aws-stand-in.js';
import { type Deployment, synthesize } from '../../demo/deployment.js';
import { type LambdaProcess, startLambda } from '../../demo/lambda-process.js';
import type { Answer } from '../../lambda/report/answer.js';
import { aReaper, sweeperOf } from '../infra/a-reaper.js';
import { startDatabase, type TestDatabase } from '../support/database.js';
import { ENTRY, SECRET_ARN } from '../support/deployed.js';

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
