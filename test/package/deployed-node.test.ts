import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type AwsStandIn, startAwsStandIn } from '../../demo/aws-stand-in.js';
import { type Deployment, synthesize } from '../../demo/deployment.js';
import { type LambdaProcess, startLambda } from '../../demo/lambda-process.js';
import type { Answer } from '../../lambda/report/answer.js';
import { aReaper, sweeperOf } from '../infra/a-reaper.js';
import { aCertificateBy, anAuthority, installCertificate } from '../support/certificates.js';
import { PASSWORD, startDatabase, type TestDatabase } from '../support/database.js';
import { SECRET_ARN, VPC } from '../support/deployed.js';
import { fetchNode } from '../support/fetch-node.js';

/** No server listens there. */
const NOWHERE = 'http://127.0.0.1:9';

let folder: string;
let authorityFile: string;
let deployment: Deployment;
let node: string;
let database: TestDatabase;
let aws: AwsStandIn;
let lambda: LambdaProcess | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deployed-node-'));
  // The server may run as another account, which has to pass through.
  chmodSync(folder, 0o711);
  deployment = await synthesize('orders', {
    secretArn: SECRET_ARN,
    vpc: VPC,
    idleTimeout: '1s',
  });
  const authority = await anAuthority('Amazon');
  authorityFile = join(folder, 'authority.pem');
  writeFileSync(authorityFile, authority.cert);
  const certificate = installCertificate(folder, await aCertificateBy(authority));
  [node, database] = await Promise.all([fetchNode(deployment.nodeMajor), startDatabase(certificate)]);
}, 300_000);

afterAll(async () => {
  await database?.[Symbol.asyncDispose]();
  await deployment?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

beforeEach(async () => {
  aws = await startAwsStandIn();
  const { host, port } = database.server;
  aws.setSecret(SECRET_ARN, JSON.stringify({ username: 'connection_reaper', password: PASSWORD, host, port }));
});

afterEach(async () => {
  await lambda?.stop();
  await aws.stop();
});

/** The deployed bundle, which also tells what it runs on. */
function deploy(environment: Readonly<Record<string, string>>, awsEndpoint = aws.endpoint): LambdaProcess {
  const bundlePath = join(folder, 'index.mjs');
  writeFileSync(
    bundlePath,
    `import { handler as deployed } from ${JSON.stringify(pathToFileURL(deployment.bundlePath).href)};
    export const handler = async (...call) => ({ answer: await deployed(...call), version: process.version });`,
  );
  lambda = startLambda({ ...deployment, bundlePath, handler: 'handler', environment, awsEndpoint, node });
  return lambda;
}

describe('the bundle, on the Node.js that the template names', () => {
  test('sweeps over TLS what is idle and publishes it, without a warning', async () => {
    // Of what the template sets, the one thing that only the runtime of Lambda has.
    expect(deployment.environment).toHaveProperty('NODE_EXTRA_CA_CERTS', '/var/runtime/ca-cert.pem');
    const { invoke, log } = deploy({ ...deployment.environment, NODE_EXTRA_CA_CERTS: authorityFile });
    const leaked = await database.leak(5, 'checkout');
    await database.idleFor(1);

    const { answer, version } = (await invoke(deployment.scheduledEvent)) as { answer: Answer; version: string };

    expect(version.split('.')[0]).toBe(`v${deployment.nodeMajor}`);
    expect(answer.errors).toEqual([]);
    expect(await database.alive(leaked)).toEqual([false, false, false, false, false]);
    expect(aws.metrics()).toContainEqual(
      expect.objectContaining({
        metricName: 'TerminatedConnections',
        dimensions: { Database: 'orders', Instance: 'primary', Application: 'checkout' },
        value: 5,
      }),
    );
    expect(log().filter((line) => !line.startsWith('{'))).toEqual([]);
  });

  test('reaches AWS by the interface endpoints that the template names', async () => {
    const { Variables } = sweeperOf(aReaper({ interfaceEndpoints: true }).template).Environment;
    const names = Object.keys(Variables).filter((name) => name.startsWith('AWS_ENDPOINT_URL_'));
    const endpoints = Object.fromEntries(names.map((name) => [name, aws.endpoint]));
    const environment = { ...deployment.environment, ...endpoints, NODE_EXTRA_CA_CERTS: authorityFile };
    const { answer } = (await deploy(environment, NOWHERE).invoke(deployment.scheduledEvent)) as { answer: Answer };

    expect(answer.metrics).toMatchObject({ requests: 1, via: 'api' });
    const operations = aws.requests().map(({ operation }) => operation);
    expect(operations.toSorted()).toEqual(['GetMetricData', 'GetMetricData', 'GetSecretValue', 'PutMetricData']);
  });

  test("trusts no other authority than the runtime's, and still starts where that file is missing", async () => {
    const { invoke, log } = deploy(deployment.environment);
    await expect(invoke({ action: 'report' })).rejects.toThrow("no authority that is trusted here signed the server's");
    expect(log()[0]).toContain('ca-cert.pem');
  });
});
