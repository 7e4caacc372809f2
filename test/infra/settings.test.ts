import { Duration } from 'aws-cdk-lib';
import { type IVpc, SubnetType } from 'aws-cdk-lib/aws-ec2';
import { Key } from 'aws-cdk-lib/aws-kms';
import { DatabaseInstance, DatabaseInstanceEngine, PostgresEngineVersion } from 'aws-cdk-lib/aws-rds';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, test } from 'vitest';
import { ConnectionReaper } from '../../infra/connection-reaper.js';
import type { ConnectionReaperProps } from '../../infra/connection-reaper-props.js';
import { withoutUndefined } from '../../infra/props/without-undefined.js';
import { SETTINGS_VARIABLE } from '../../lambda/contract/names.js';
import { parseSettings } from '../../lambda/input/settings.js';
import { aVpc } from './a-database.js';
import { aReaper, aStack, faultsOf, propertiesOf, resolved, SECRET_ARN } from './a-reaper.js';

describe('the settings in the environment', () => {
  test('hold only what was given, for the function to fill in', () => {
    expect(JSON.parse(settingsJson(aReaper()))).toEqual({ databaseLabel: 'orders', secretArn: SECRET_ARN });
  });

  test('carry every prop to the function, which reads them as they were meant', () => {
    const json = settingsJson(
      aReaper({
        instances: [
          { name: 'writer', host: 'writer.example' },
          { name: 'reader', host: 'reader.example', port: 6432 },
        ],
        databaseName: 'shop',
        sslMode: 'verify-full',
        sslRootCert: '/opt/rds.pem',
        mode: 'preview',
        reap: 'leaks',
        statements: 'off',
        idleTimeout: Duration.minutes(2),
        idleInTransactionTimeout: Duration.hours(2),
        pressure: [{ usedPercent: 90, idleTimeout: Duration.seconds(30) }],
        terminateAboveRoleLimit: true,
        rescueLogin: 'replication',
        breakGlassSecret: Secret.fromSecretCompleteArn(aStack().stack, 'BreakGlass', SECRET_ARN),
        keepPerApplication: 3,
        maxTerminationsPerRun: 50,
        rules: [
          {
            application: 'batch*',
            role: 'b',
            database: 'd',
            address: '10.0.0.0/8',
            idleTimeout: Duration.hours(1),
            keep: 2,
          },
          { application: 'psql', spare: true },
          { application: 'etl', terminateStateful: true },
        ],
        roleLimits: { checkout: 40 },
        maxApplications: 5,
        applicationNames: [{ match: 'web-*', name: 'web' }],
        metricsVia: 'emf',
      }),
    );
    expect(parseSettings(json)).toEqual({
      databaseLabel: 'orders',
      secretArn: SECRET_ARN,
      instances: [
        { name: 'writer', host: 'writer.example', port: 5432 },
        { name: 'reader', host: 'reader.example', port: 6432 },
      ],
      databaseName: 'shop',
      sslMode: 'verify-full',
      sslRootCert: '/opt/rds.pem',
      mode: 'preview',
      reap: 'leaks',
      statements: 'off',
      idleTimeout: 120,
      idleInTransactionTimeout: 7200,
      pressure: [{ usedPercent: 90, idleTimeout: 30 }],
      terminateAboveRoleLimit: true,
      rescueLogin: 'replication',
      breakGlassSecretArn: SECRET_ARN,
      keepPerApplication: 3,
      maxTerminationsPerRun: 50,
      rules: [
        { application: 'batch*', role: 'b', database: 'd', address: '10.0.0.0/8', idleTimeout: 3600, keep: 2 },
        { application: 'psql', spare: true },
        { application: 'etl', terminateStateful: true },
      ],
      roleLimits: { checkout: 40 },
      maxApplications: 5,
      applicationNames: [{ match: 'web-*', name: 'web' }],
      metricsVia: 'emf',
      iamAuthentication: false,
      reaperRole: 'connection_reaper',
    });
  });

  test('name a role in place of a secret where the login is by IAM', () => {
    const json = settingsJson(
      aReaper({
        iamAuthentication: true,
        reaperRole: 'reaper',
        databaseResourceId: 'db-ABC',
        instances: [{ name: 'primary', host: 'orders.abc.eu-central-1.rds.amazonaws.com' }],
      }),
    );
    expect(JSON.parse(json)).toEqual({
      databaseLabel: 'orders',
      iamAuthentication: true,
      reaperRole: 'reaper',
      instances: [{ name: 'primary', host: 'orders.abc.eu-central-1.rds.amazonaws.com' }],
    });
    expect(parseSettings(json)).toMatchObject({
      iamAuthentication: true,
      reaperRole: 'reaper',
      sslMode: 'verify-full',
    });
  });

  test('take the secret and the endpoint of a database of the same app', () => {
    const json = settingsJson(
      aReaper(({ stack, vpc }) => {
        const database = new DatabaseInstance(stack, 'Database', {
          engine: DatabaseInstanceEngine.postgres({ version: PostgresEngineVersion.VER_17 }),
          vpc,
          vpcSubnets: { subnets: vpc.privateSubnets },
        });
        const { hostname: host, port } = database.instanceEndpoint;
        return { ...withoutUndefined({ secret: database.secret }), instances: [{ name: 'primary', host, port }] };
      }),
    );
    expect(json).toMatch(
      /"secretArn":"\$\{DatabaseSecretAttachment\w+\}","instances":\[\{"name":"primary","host":"\$\{Database\w+\.Endpoint\.Address\}","port":\$\{Database\w+\.Endpoint\.Port\}\}\]\}$/,
    );
  });
});

describe('the props', () => {
  test('fails when given a name that no dimension takes', () => {
    expect(faultsFor({ databaseLabel: "o'rders" })).toEqual([
      expect.stringMatching(/^databaseLabel: expected a name of 1 to 64 letters/),
    ]);
  });

  test('fails when given a duration that is not whole seconds', () => {
    expect(faultsFor({ idleTimeout: Duration.millis(1500) })).toEqual([
      'idleTimeout: expected a Duration of whole seconds from 1 to 999999999, got 1.5',
    ]);
  });

  test.each<{ given: string; props: object; fault: string }>([
    { given: 'text for a duration', props: { idleTimeout: '5m' }, fault: 'idleTimeout: expected a Duration, such as ' },
    { given: 'text for the interval', props: { interval: '5m' }, fault: 'got "5m"' },
    { given: 'an object for a list', props: { rules: {} }, fault: 'rules: expected a list of rules, ' },
    {
      given: 'a rule with text for a duration',
      props: { rules: [{ role: 'a', idleTimeout: '1m' }] },
      fault: 'rules.0.idleTimeout: expected a Duration, such as ',
    },
    { given: 'an id for the VPC', props: { vpc: 'vpc-1' }, fault: 'vpc: expected a VPC (IVpc), got "vpc-1"' },
    {
      given: 'an ARN for the secret',
      props: { secret: SECRET_ARN },
      fault: 'secret: expected a secret (ISecret), got ',
    },
    {
      given: 'an ARN for a topic',
      props: { alarmTopic: 'arn:aws:sns:…' },
      fault: 'alarmTopic: expected a topic (ITopic)',
    },
    {
      given: 'text for yes',
      props: { interfaceEndpoints: 'true' },
      fault: 'interfaceEndpoints: expected true or false',
    },
    {
      given: 'a name for the database',
      props: { database: 'orders' },
      fault: 'database: expected a cluster or an instance',
    },
    {
      given: 'nothing for the database',
      props: { database: null },
      fault: 'database: expected a cluster or an instance',
    },
    {
      given: 'no security groups',
      props: { securityGroups: [] },
      fault: 'securityGroups: expected at least one security group',
    },
    {
      given: 'text for the limits',
      props: { roleLimits: 'a=1' },
      fault: 'roleLimits: expected an object of role names',
    },
  ])('fail without types when given $given', ({ props, fault }) => {
    expect(faultsFor(props)).toEqual([expect.stringContaining(fault)]);
  });

  test('fail for a construct of another kind, by its class', () => {
    expect(faultsFor(({ stack }) => ({ vpc: new Topic(stack, 'Topic') as unknown as IVpc }))).toEqual([
      expect.stringMatching(/^vpc: expected a VPC \(IVpc\), got a Topic\d*$/),
    ]);
  });

  test('fails when a key of the topics has no topic to encrypt', () => {
    const faults = faultsFor(({ stack }) => {
      const topic = new Topic(stack, 'OnCall');
      return { alarmTopic: topic, pageTopic: topic, topicEncryptionKey: new Key(stack, 'Key') };
    });
    expect(faults).toEqual([expect.stringMatching(/^topicEncryptionKey: has no effect with alarmTopic and pageTopic/)]);
  });

  test('fails when several are wrong, with every fault and the place at once', () => {
    const props = { maxApplications: 0, mode: 'watch' as 'preview', timeout: Duration.seconds(5) };
    expect(() => aReaper(props)).toThrow(
      expect.objectContaining({
        source: 'ConnectionReaper Orders/Reaper',
        faults: [
          expect.objectContaining({ path: 'mode', problem: 'expected "enforce" or "preview"', got: '"watch"' }),
          expect.objectContaining({ path: 'maxApplications' }),
          expect.objectContaining({ path: 'timeout' }),
        ],
      }),
    );
  });

  test('fails with the faults of every group at once', () => {
    const surroundings = aStack();
    const { stack, secret } = surroundings;
    const props = {
      databaseLabel: 'orders',
      secret,
      iamAuthentication: true,
      databaseResourceId: 'db-ABC',
      vpc: aVpc(stack),
      vpcSubnets: { subnetType: SubnetType.PUBLIC },
      securityGroups: [],
      idleTimeout: Duration.seconds(30),
      pressure: [{ usedPercent: 90, idleTimeout: Duration.minutes(1) }],
      timeout: Duration.minutes(2),
      pageTopic: new Topic(stack, 'OnCall'),
      alarms: { ConnectionsCritical: false, ReaperBlind: { datapointsToAlarm: 9 } },
      instances: [{ name: 'writer', host: 'writer.example' }],
    } as const;
    aReaper({ instances: props.instances }, surroundings);
    const paths = faultsOf(() => new ConnectionReaper(stack, 'Wrong', props)).map((fault) => fault.split(':')[0]);
    expect(paths).toEqual([
      'securityGroups',
      'pressure',
      'iamAuthentication',
      'timeout',
      'pageTopic',
      'alarms.ReaperBlind.datapointsToAlarm',
      'vpcSubnets',
      'secret',
    ]);
  });

  test('count as not given where they are undefined', () => {
    const props = { interval: undefined, timeout: undefined, alarms: undefined, idleTimeout: undefined };
    const { template } = aReaper(props as unknown as Partial<ConnectionReaperProps>);
    template.hasResourceProperties('AWS::Lambda::Function', { Timeout: 50 });
  });
});

describe("Lambda's limit of 4096 bytes", () => {
  /** `{"NODE_EXTRA_CA_CERTS":"…","REAPER_SETTINGS":"{\"databaseLabel\":…}"}` is what Lambda measures. */
  const measured = (reaper: ReturnType<typeof aReaper>) => {
    const [{ Environment } = {}] = propertiesOf(reaper.template, 'AWS::Lambda::Function');
    return JSON.stringify((Environment as { Variables: unknown }).Variables).length;
  };
  const someRoles = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`role${String(index).padStart(4, '0')}`, 10]));
  /** Each role costs `\"role0000\":10,`: 16 bytes. The first one has no comma, but the key `roleLimits`. */
  const room = () => 4096 - measured(aReaper({ roleLimits: someRoles(1) }));

  test('admits settings that just fit', () => {
    const more = Math.floor(room() / 16);
    const reaper = aReaper({ roleLimits: someRoles(1 + more) });
    expect(measured(reaper)).toBeGreaterThan(4096 - 16);
    expect(measured(reaper)).toBeLessThanOrEqual(4096);
  });

  test('fails when they are too large, and says by how much', () => {
    const more = Math.floor(room() / 16) + 1;
    const excess = more * 16 - room();
    expect(() => aReaper({ roleLimits: someRoles(1 + more) })).toThrow(
      `an environment of ${4096 + excess} bytes, ${excess} more than the 4096 that Lambda allows`,
    );
  });
});

function settingsJson({ template }: ReturnType<typeof aReaper>): string {
  const [{ Environment } = {}] = propertiesOf(template, 'AWS::Lambda::Function');
  return String(resolved((Environment as { Variables: Record<string, unknown> }).Variables[SETTINGS_VARIABLE]));
}

function faultsFor(props: Parameters<typeof aReaper>[0]): readonly string[] {
  return faultsOf(() => aReaper(props));
}
