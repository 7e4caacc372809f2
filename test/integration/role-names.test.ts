import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AwsStandIn, startAwsStandIn } from '../../demo/aws-stand-in.js';
import { type Deployment, synthesize } from '../../demo/deployment.js';
import { startLambda } from '../../demo/lambda-process.js';
import type { Answer } from '../../lambda/report/answer.js';
import { loginOf, PASSWORD, startDatabase, type TestDatabase } from '../support/database.js';
import { ENTRY, SECRET_ARN } from '../support/deployed.js';

/** Names that every object of JavaScript knows, one way or another. */
const LIMITS = { constructor: 7, ['__proto__']: 8, toString: 9 };
const ROLES = Object.keys(LIMITS);

let database: TestDatabase;
let deployment: Deployment;
let aws: AwsStandIn;

beforeAll(async () => {
  [database, aws, deployment] = await Promise.all([
    startDatabase(),
    startAwsStandIn(),
    synthesize('constructor', {
      ...ENTRY,
      roleLimits: LIMITS,
      terminateAboveRoleLimit: true,
    }),
  ]);
  await database.admin.query(ROLES.map((role) => `create role "${role}" login password '${PASSWORD}';`).join(''));
  await database.limitRoles(ROLES);
});

afterAll(async () => {
  await deployment?.[Symbol.asyncDispose]();
  await aws?.stop();
  await database?.[Symbol.asyncDispose]();
});

it.each([
  ['the function that the grants made', () => loginOf()],
  ['ALTER ROLE', () => ({ username: database.server.superuser.user, password: database.server.superuser.password })],
])('limits hold for roles by any name, set by %s', async (_, login) => {
  aws.setSecret(SECRET_ARN, database.secret(login()));
  await database.admin.query(ROLES.map((role) => `alter role "${role}" connection limit -1;`).join(''));
  const sessions = await Promise.all(ROLES.map((role) => database.connect(role, { application_name: role })));
  await using lambda = startLambda({ ...deployment, handler: 'handler', awsEndpoint: aws.endpoint });
  const answer = (await lambda.invoke(deployment.scheduledEvent)) as Answer;
  expect(answer.errors).toEqual([]);
  const { rows } = await database.admin.query<{ role: string; limit: number }>(
    'select rolname as role, rolconnlimit as limit from pg_roles where rolname = any ($1)',
    [ROLES],
  );
  expect(Object.fromEntries(rows.map(({ role, limit }) => [role, limit]))).toEqual(LIMITS);
  const changed = Object.entries(LIMITS).map(([role, to]) => ({ role, from: null, to, outcome: 'changed' }));
  expect(answer.instances[0]?.roleLimits).toMatchObject(changed);
  expect(answer.instances[0]?.applications.filter(({ name }) => ROLES.includes(name))).toHaveLength(ROLES.length);
  for (const { role, to } of changed) {
    expect(answer.text).toContain(`${role}: none -> ${to} (changed)`);
    const used = aws.metrics().findLast(({ dimensions }) => dimensions['Role'] === role);
    expect(used).toMatchObject({ metricName: 'RoleLimitUsedPercent', value: Math.round(10_000 / to) / 100 });
  }
  await Promise.all(sessions.map((session) => session.end()));
});
