import { describe, expect, test } from 'vitest';
import { deployedBy, type Template } from '../../infra/cost/deployed.js';
import { PRICES } from '../../infra/cost/prices.js';
import { costReport } from '../../infra/cost/report.js';
import { costLine, costText } from '../../infra/cost/text.js';

type Resources = Template['Resources'];

const SETTINGS = { databaseLabel: 'orders', secretArn: 'arn:aws:secretsmanager:x' };

/** A metric that an alarm reads, by `MetricStat`. */
function metricStat(id: string, name: string, Period = 60) {
  const Dimensions = [{ Name: 'Instance', Value: 'primary' }];
  return { Id: id, MetricStat: { Metric: { Namespace: 'ConnectionReaper', MetricName: name, Dimensions }, Period } };
}

function insights(schema: string) {
  return {
    Id: 'q',
    Period: 60,
    Expression: `SELECT MAX("x") FROM SCHEMA(${schema}) WHERE "Database" = 'orders'`,
  };
}

const BY_APPLICATION = '"ConnectionReaper", "Database", "Instance", "Application"';
const BY_ROLE = '"ConnectionReaper", "Database", "Role"';

describe('alarms', () => {
  test.each<{ alarm: string; properties: object; metrics: number; analyzed: number }>([
    {
      alarm: 'on one metric costs one metric',
      properties: { Namespace: 'AWS/Lambda', MetricName: 'Errors', Period: 60 },
      metrics: 1,
      analyzed: 0,
    },
    {
      alarm: 'on a formula costs each metric in it',
      properties: { Metrics: [{ Id: 'e', Expression: 'a + b' }, metricStat('a', 'A'), metricStat('b', 'B')] },
      metrics: 2,
      analyzed: 0,
    },
    {
      alarm: 'over applications costs a metric for each of them on each instance, and for (other)',
      properties: { Metrics: [insights(BY_APPLICATION)] },
      metrics: 0,
      analyzed: 3 * 2,
    },
    {
      alarm: 'over roles costs a metric for each of them',
      properties: { Metrics: [insights(BY_ROLE)] },
      metrics: 0,
      analyzed: 7,
    },
    {
      alarm: 'on a query and a metric costs both',
      properties: { Metrics: [{ Id: 'e', Expression: 'a + q' }, metricStat('a', 'A'), insights(BY_ROLE)] },
      metrics: 1,
      analyzed: 7,
    },
  ])('an alarm $alarm', ({ properties, metrics, analyzed }) => {
    const report = costReport(
      aTemplate({ Alarm: { Type: 'AWS::CloudWatch::Alarm', Properties: { ...properties } } }, ofMany),
      { applications: 9, otherRoles: 7 },
    );
    expect(quantitiesOf(report)).toMatchObject({
      ...(metrics > 0 && { 'alarms, by the metrics they name': metrics }),
      ...(analyzed > 0 && { 'alarms over applications and roles': analyzed }),
    });
    expect(report.items.filter(({ price }) => price === 'alarmMetric').length).toBe(metrics > 0 ? 1 : 0);
    expect(report.items.filter(({ price }) => price === 'analyzedMetric').length).toBe(analyzed > 0 ? 1 : 0);
  });
});

const ofMany = {
  instances: [
    { name: 'writer', host: 'writer.example' },
    { name: 'reader', host: 'reader.example' },
  ],
  maxApplications: 2,
};

test('composite alarms, secrets and interface endpoints in each zone have their prices', () => {
  const report = costReport(aTemplate(EVERYTHING));
  expect(quantitiesOf(report)).toMatchObject({
    'composite alarms': 1,
    secrets: 1,
    'interface endpoints': (2 + 3) * 730,
  });
  expect(report.items.find(({ item }) => item === 'composite alarms')?.usd).toBeCloseTo(0.5, 9);
  expect(report.items.find(({ item }) => item === 'interface endpoints')?.usd).toBeCloseTo(5 * 7.3, 9);
});

test('every unit price is that of the table, and every price in the table is one of an item', () => {
  const { items } = costReport(aTemplate(EVERYTHING));
  for (const { quantity, price, usd } of items) {
    expect(usd).toBeCloseTo((quantity * PRICES[price].usd) / PRICES[price].per, 10);
  }
  expect([...new Set(items.map(({ price }) => price))].toSorted()).toEqual(Object.keys(PRICES).toSorted());
});

test('without a schedule there is neither a sweep nor a metric, but what is there all the time', () => {
  const { Schedule: _, ...others } = aTemplate(EVERYTHING).Resources;
  const report = costReport({ Resources: others });
  expect(report.items.map(({ item }) => item)).toEqual([
    'alarms, by the metrics they name',
    'composite alarms',
    'dashboards',
    'secrets',
    'interface endpoints',
  ]);
  expect(report.hasSchedule).toBe(false);
  expect(report.atMost.usd).toBe(report.usd);
  expect(costLine(report)).toBe('orders: about 41 USD a month while nothing sweeps (npm run cost says more)');
  expect(costText(report)).toContain('There is no schedule, so no sweeps are counted');
});

test('a function that logs in by IAM reads no secret', () => {
  const { secretArn: _, ...settings } = SETTINGS;
  const iam = { ...settings, iamAuthentication: true, reaperRole: 'reaper', instances: ofMany.instances };
  const template = {
    Resources: { ...aTemplate().Resources, Function: aFunction({ REAPER_SETTINGS: JSON.stringify(iam) }) },
  };
  expect(quantitiesOf(costReport(template))).not.toHaveProperty('secret: reads');
});

test('settings are read with references in the place of names and ports', () => {
  const joined = {
    'Fn::Join': [
      '',
      [
        '{"databaseLabel":"orders","secretArn":"',
        { Ref: 'Secret' },
        '","instances":[{"name":"writer","host":"',
        { 'Fn::GetAtt': ['Cluster', 'Endpoint.Address'] },
        '","port":',
        { 'Fn::GetAtt': ['Cluster', 'Endpoint.Port'] },
        '},{"name":"reader","host":"reader.example"}]}',
      ],
    ],
  };
  const template = { Resources: { ...aTemplate().Resources, Function: aFunction({ REAPER_SETTINGS: joined }) } };
  expect(deployedBy(template)).toMatchObject({ database: 'orders', instances: 2 });
});

describe('what has no known price is said to have none', () => {
  test.each<{ what: string; resource: Resources[string] }>([
    { what: 'a type that no reaper has', resource: { Type: 'AWS::CloudWatch::InsightRule' } },
    { what: 'another priced type', resource: { Type: 'AWS::KMS::Key' } },
    { what: 'a custom resource that is not known', resource: { Type: 'Custom::Something' } },
    {
      what: 'an alarm of high resolution',
      resource: anAlarm({ Namespace: 'ConnectionReaper', MetricName: 'Connections', Period: 10 }),
    },
    { what: 'a formula of high resolution', resource: anAlarm({ Metrics: [metricStat('a', 'A', 10)] }) },
    {
      what: 'an alarm on anomalies',
      resource: anAlarm({ Metrics: [metricStat('a', 'A'), { Id: 'b', Expression: 'ANOMALY_DETECTION_BAND(a, 2)' }] }),
    },
    {
      what: 'a query over metrics of others',
      resource: anAlarm({ Metrics: [insights('"AWS/RDS", "DBInstanceIdentifier"')] }),
    },
    { what: 'an alarm on PromQL', resource: anAlarm({ EvaluationCriteria: { PromQLCriteria: { Query: 'up' } } }) },
    { what: 'a function of nobody knows what', resource: { Type: 'AWS::Lambda::Function', Properties: {} } },
    {
      what: 'a schedule that is no rate',
      resource: { Type: 'AWS::Scheduler::Schedule', Properties: { ScheduleExpression: 'cron(0 * * * ? *)' } },
    },
    {
      what: 'a schedule that is turned off',
      resource: {
        Type: 'AWS::Scheduler::Schedule',
        Properties: { ScheduleExpression: 'rate(1 minute)', State: 'DISABLED' },
      },
    },
    { what: 'a gateway endpoint', resource: { Type: 'AWS::EC2::VPCEndpoint', Properties: { ServiceName: 's3' } } },
  ])('$what', ({ resource }) => {
    const template = aTemplate({ Unknown: resource });
    const report = costReport(template);
    expect(report.notPriced).toEqual([{ id: 'Unknown', type: resource.Type }]);
    expect(report.usd).toBe(costReport(aTemplate()).usd);
    expect(costLine(report)).toContain(' and 1 resource of unknown price ');
    expect(costText(report)).toContain(`not priced: ${resource.Type}, Unknown`);
  });

  test('a function of the other architecture, which then is not there at all', () => {
    const x86 = { ...aFunction().Properties, Architectures: ['x86_64'] };
    const template = aTemplate({ Function: { Type: 'AWS::Lambda::Function', Properties: x86 } });
    expect(() => costReport(template)).toThrow('got one with 0 functions that have REAPER_SETTINGS, and 1 schedules');
  });
});

test('functions that only a deployment invokes are free', () => {
  const template = aTemplate({
    Bootstrap: aFunction({ REAPER_SETTINGS: JSON.stringify(SETTINGS), REAPER_ADMIN_SECRET: 'arn' }),
    Provider: { Type: 'AWS::Lambda::Function', Properties: { Handler: 'framework.onEvent' } },
    DatabaseRole: {
      Type: 'Custom::ConnectionReaperBootstrap',
      Properties: { ServiceToken: { 'Fn::GetAtt': ['Provider', 'Arn'] } },
    },
  });
  expect(costReport(template).notPriced).toEqual([]);
  expect(costReport(template).usd).toBe(costReport(aTemplate()).usd);
});

test('the log that is kept is that of the function which sweeps', () => {
  const bootstraps = { Type: 'AWS::Logs::LogGroup', Properties: { RetentionInDays: 3653 } };
  expect(deployedBy(aTemplate({ BootstrapLog: bootstraps })).logRetentionDays).toBe(30);
});

test('a sweep makes a request for each thousand of its metrics, and none where they go through the log', () => {
  const instances = numbered(40).map((number) => ({ name: `reader-${number}`, host: 'reader.example' }));
  const requests = (settings: object) => quantitiesOf(costReport(aTemplate({}, settings)))['PutMetricData'];
  expect(requests({})).toBe(43_800);
  // 40 instances with 11 metrics of their own and 4 of each of 5 applications.
  expect(requests({ instances })).toBe(2 * 43_800);
  expect(requests({ metricsVia: 'emf' })).toBeUndefined();
});

test('a change that nobody would see on a bill is not shown', () => {
  const report = costReport(aTemplate());
  const unseen = { ...report, changes: [...report.changes, { change: 'next to nothing', usd: -0.001 }] };
  expect(costText(unseen)).toContain('one instance more');
  expect(costText(unseen)).not.toContain('next to nothing');
});

test.each([
  { of: 'two functions', second: aFunction(), found: '2 functions that have REAPER_SETTINGS, and 1 schedules' },
  {
    of: 'two schedules',
    second: { Type: 'AWS::Scheduler::Schedule', Properties: { ScheduleExpression: 'rate(5 minutes)' } },
    found: '1 functions that have REAPER_SETTINGS, and 2 schedules',
  },
])('fails when the template is that of more than one reaper: $of', ({ second, found }) => {
  expect(() => costReport(aTemplate({ Second: second }))).toThrow(
    `expected the template of one reaper, got one with ${found}`,
  );
});

/** One of each priced resource. */
const EVERYTHING: Resources = {
  Alarm: anAlarm({ Namespace: 'ConnectionReaper', MetricName: 'Connections', Period: 60 }),
  ByApplication: anAlarm({ Metrics: [insights(BY_APPLICATION)] }),
  ConnectionsCritical: { Type: 'AWS::CloudWatch::CompositeAlarm' },
  Dashboard: { Type: 'AWS::CloudWatch::Dashboard' },
  Secret: { Type: 'AWS::SecretsManager::Secret' },
  SecretsManager: anEndpoint('secretsmanager', 2),
  CloudWatch: anEndpoint('monitoring', 3),
};

/** The least template of a reaper, with other resources. */
function aTemplate(others: Resources = {}, settings: object = {}): Template {
  return {
    Resources: {
      Function: aFunction({ REAPER_SETTINGS: JSON.stringify({ ...SETTINGS, ...settings }) }),
      Log: { Type: 'AWS::Logs::LogGroup', Properties: { RetentionInDays: 30 } },
      Schedule: { Type: 'AWS::Scheduler::Schedule', Properties: { ScheduleExpression: 'rate(1 minute)' } },
      ...others,
    },
  };
}

function aFunction(Variables: object = { REAPER_SETTINGS: JSON.stringify(SETTINGS) }) {
  return {
    Type: 'AWS::Lambda::Function',
    Properties: {
      MemorySize: 256,
      Architectures: ['arm64'],
      Environment: { Variables },
      VpcConfig: { SubnetIds: ['subnet-1'] },
      LoggingConfig: { LogGroup: { Ref: 'Log' } },
    },
  };
}

function anAlarm(Properties: Record<string, unknown>): Resources[string] {
  return { Type: 'AWS::CloudWatch::Alarm', Properties };
}

function anEndpoint(service: string, zones: number): Resources[string] {
  const ServiceName = { 'Fn::Join': ['', ['com.amazonaws.', { Ref: 'AWS::Region' }, `.${service}`]] };
  const SubnetIds = numbered(zones).map((zone) => `subnet-${zone}`);
  return { Type: 'AWS::EC2::VPCEndpoint', Properties: { VpcEndpointType: 'Interface', ServiceName, SubnetIds } };
}

function quantitiesOf({ items }: ReturnType<typeof costReport>): Readonly<Record<string, number>> {
  return Object.fromEntries(items.map(({ item, quantity }) => [item, quantity]));
}

function numbered(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}
