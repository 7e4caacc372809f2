import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { DatabaseInstance } from 'aws-cdk-lib/aws-rds';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, test } from 'vitest';
import { ConnectionReaperStack } from '../../infra/cdk-json/connection-reaper-stack.js';
import { parseDatabases } from '../../infra/cdk-json/database-entry.js';
import { ConnectionReaper } from '../../infra/connection-reaper.js';
import type { ConnectionReaperProps } from '../../infra/connection-reaper-props.js';
import { ADMIN_SECRET_VARIABLE, SETTINGS_VARIABLE } from '../../lambda/contract/names.js';
import { parseSettings } from '../../lambda/input/settings.js';
import { aCluster, anInstance, aReplica, aVpc } from './a-database.js';
import {
  anApp,
  aReaper,
  aStack,
  bare,
  faultsOf,
  resolved,
  SECRET_ARN,
  SHIPPED_CONTEXT,
  statementsOf,
} from './a-reaper.js';

const ADMIN_SECRET_ARN = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders/admin-a1B2c3';

/** A reaper that sets up its own role. */
function aBootstrappedReaper(props: Partial<ConnectionReaperProps> = {}) {
  return aReaper(({ stack }) => ({
    adminSecret: Secret.fromSecretCompleteArn(stack, 'Admin', ADMIN_SECRET_ARN),
    instances: [{ name: 'writer', host: 'writer.example' }],
    databaseSecurityGroup: SecurityGroup.fromSecurityGroupId(stack, 'Database', 'sg-0123456789abcdef0'),
    roleLimits: { checkout: 40 },
    ...props,
  }));
}

const TYPE = 'Custom::ConnectionReaperBootstrap';

interface Resource {
  readonly Type: string;
  readonly DependsOn?: readonly string[];
  readonly Properties: Readonly<Record<string, unknown>>;
}

/** The one resource of a type whose logical id begins so. */
function resource(template: Template, type: string, id: string): Resource & { readonly id: string } {
  const [found, ...others] = Object.entries(template.findResources(type)).filter(([name]) => name.startsWith(id));
  if (found === undefined || others.length > 0) throw new Error(`expected one ${type} called ${id}`);
  return { ...(found[1] as Resource), id: found[0] };
}

function environmentOf(template: Template, id: string): Record<string, string> {
  const { Properties } = resource(template, 'AWS::Lambda::Function', id);
  const { Variables } = resolved(Properties['Environment']) as { Variables: Record<string, string> };
  return Variables;
}

describe('with an admin secret', () => {
  const { template } = aBootstrappedReaper();
  const login = resource(template, 'AWS::SecretsManager::Secret', 'ReaperLogin');

  test('the construct makes a secret of its own, with a password that nobody chose', () => {
    expect(login.Properties['GenerateSecretString']).toEqual({
      SecretStringTemplate: '{"username":"connection_reaper"}',
      GenerateStringKey: 'password',
      PasswordLength: 40,
      ExcludePunctuation: true,
    });
  });

  test('the function that sweeps may read this secret and no other', () => {
    const reads = statementsOf({ template }, 'ReaperRole').filter((statement) =>
      JSON.stringify(statement).includes('secretsmanager'),
    );
    expect(reads).toEqual([{ Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: `\${${login.id}}` }]);
    expect(JSON.stringify(statementsOf({ template }, 'ReaperRole'))).not.toContain(ADMIN_SECRET_ARN);
    expect(environmentOf(template, 'ReaperFunction')).not.toHaveProperty(ADMIN_SECRET_VARIABLE);
    expect(parseSettings(environmentOf(template, 'ReaperFunction')[SETTINGS_VARIABLE]).secretArn).toBe(
      `\${${login.id}}`,
    );
  });

  test('the bootstrap may read both, write its log, and nothing else', () => {
    expect(statementsOf({ template }, 'ReaperBootstrapRole')).toEqual([
      {
        Effect: 'Allow',
        Action: 'secretsmanager:GetSecretValue',
        Resource: [ADMIN_SECRET_ARN, `\${${login.id}}`],
      },
      {
        Effect: 'Allow',
        Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: expect.stringMatching(/^\$\{ReaperBootstrapLog\w+\.Arn\}$/),
      },
      // Lambda, to place it into the VPC; never the function's own code.
      expect.objectContaining({ Effect: 'Allow', Resource: '*' }),
      expect.objectContaining({
        Effect: 'Deny',
        Resource: '*',
        Condition: {
          ArnEquals: { 'lambda:SourceFunctionArn': expect.stringMatching(/^\$\{ReaperBootstrapFunction\w+\.Arn\}$/) },
        },
      }),
    ]);
  });

  test('the bootstrap is of the same bundle, in the same network, with what concerns the role alone', () => {
    const sweeper = resource(template, 'AWS::Lambda::Function', 'ReaperFunction').Properties;
    const bootstrap = resource(template, 'AWS::Lambda::Function', 'ReaperBootstrapFunction').Properties;
    expect(bootstrap).toMatchObject({
      Handler: 'index.bootstrap',
      Code: sweeper['Code'],
      VpcConfig: sweeper['VpcConfig'],
      Runtime: sweeper['Runtime'],
    });
    const { [SETTINGS_VARIABLE]: settings, ...others } = environmentOf(template, 'ReaperBootstrapFunction');
    expect(others).toEqual({
      [ADMIN_SECRET_VARIABLE]: ADMIN_SECRET_ARN,
      NODE_EXTRA_CA_CERTS: '/var/runtime/ca-cert.pem',
    });
    expect(JSON.parse(settings ?? '')).toEqual({
      databaseLabel: 'orders',
      secretArn: `\${${login.id}}`,
      instances: [{ name: 'writer', host: 'writer.example' }],
      roleLimits: { checkout: 40 },
    });
  });

  test('the provider may run exactly this function, and write its own log', () => {
    expect(statementsOf({ template }, 'ReaperBootstrapProviderRole').map(bare)).toEqual([
      {
        Effect: 'Allow',
        Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        Resource: '<ReaperBootstrapProviderLog.Arn>',
      },
      {
        Effect: 'Allow',
        Action: ['lambda:GetFunction', 'lambda:InvokeFunction'],
        Resource: '<ReaperBootstrapFunction.Arn>',
      },
    ]);
    for (const { Properties } of Object.values(template.findResources('AWS::IAM::Role'))) {
      expect(Properties).not.toHaveProperty('ManagedPolicyArns');
    }
  });

  test('the provider waits longer than the bootstrap takes, and is in no VPC', () => {
    const bootstrap = resource(template, 'AWS::Lambda::Function', 'ReaperBootstrapFunction').Properties;
    const provider = resource(template, 'AWS::Lambda::Function', 'ReaperBootstrapProvider').Properties;
    // Lambda may have to bring the function back into its VPC before.
    expect(provider['Timeout']).toBeGreaterThan(Number(bootstrap['Timeout']) + 300);
    expect(provider).not.toHaveProperty('VpcConfig');
  });

  test('its logs are kept as long as that of the sweeps', () => {
    const { template } = aBootstrappedReaper({ logRetention: RetentionDays.ONE_YEAR });
    const logs = Object.values(template.findResources('AWS::Logs::LogGroup'));
    expect(logs.map(({ Properties }) => Properties.RetentionInDays)).toEqual([365, 365, 365]);
    for (const { Properties } of Object.values(template.findResources('AWS::Lambda::Function'))) {
      expect(Properties.LoggingConfig).toHaveProperty('LogGroup');
    }
  });

  test('it runs when the ways to the database are open, and before anything is scheduled', () => {
    const run = resource(template, TYPE, 'ReaperBootstrap');
    expect(run.DependsOn).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^DatabasefromOrdersReaperSecurityGroup/),
        expect.stringMatching(/^ReaperSecurityGroup\w{8}$/),
        expect.stringMatching(/^ReaperSecurityGrouptoOrdersDatabase/),
      ]),
    );
    expect(resource(template, 'AWS::Scheduler::Schedule', 'ReaperSchedule').DependsOn).toEqual([run.id]);
    expect(bare(run.Properties['ServiceToken'])).toBe('<ReaperBootstrapProviderFrameworkframeworkonEvent.Arn>');
  });

  test('it runs again when the code changes', () => {
    const { Properties } = resource(template, 'AWS::Lambda::Function', 'ReaperBootstrapFunction');
    const { S3Key } = Properties['Code'] as { readonly S3Key: string };
    expect(`${resource(template, TYPE, '').Properties['Code']}.zip`).toBe(S3Key);
  });

  test.each([
    ['a limit changes', { roleLimits: { checkout: 41 } }, false],
    ['a limit is added', { roleLimits: { checkout: 40, billing: 5 } }, false],
    ['a limit is dropped', { roleLimits: {} }, false],
    ['the role is another', { reaperRole: 'orders_reaper' }, false],
    ['an instance is added', { instances: [{ name: 'other', host: 'other.example' }] }, false],
    ['nothing changes', {}, true],
    ['only the policy changes', { keepPerApplication: 7 }, true],
  ] as const)('it runs again as it should when %s', (_, props, same) => {
    const before = resource(template, TYPE, '').Properties;
    const after = resource(aBootstrappedReaper(props).template, TYPE, '').Properties;
    if (same) expect(after).toEqual(before);
    else expect(after).not.toEqual(before);
  });

  test('it runs again when what a secret refers to changes, since it is given what the function is given', () => {
    expect(resolved(resource(template, TYPE, '').Properties['Environment'])).toEqual(
      environmentOf(template, 'ReaperBootstrapFunction'),
    );
  });

  test('an app may put it in an order with what it makes itself', () => {
    const made = aBootstrappedReaper();
    const [before, after] = [new Topic(made.stack, 'Before'), new Topic(made.stack, 'After')];
    if (made.reaper.bootstrap === undefined) throw new Error('expected a bootstrap');
    made.reaper.bootstrap.node.addDependency(before);
    after.node.addDependency(made.reaper.bootstrap);
    const run = resource(made.template, TYPE, 'ReaperBootstrap');
    expect(run.DependsOn).toContain(resource(made.template, 'AWS::SNS::Topic', 'Before').id);
    expect(resource(made.template, 'AWS::SNS::Topic', 'After').DependsOn).toEqual([run.id]);
    expect(made.reaper.secret?.node.path).toBe('Orders/Reaper/Login');
  });
});

test('the secret names the role that is given', () => {
  const { template } = aBootstrappedReaper({ reaperRole: 'orders_reaper' });
  const login = resource(template, 'AWS::SecretsManager::Secret', 'ReaperLogin').Properties['GenerateSecretString'];
  expect(login).toMatchObject({ SecretStringTemplate: '{"username":"orders_reaper"}' });
});

describe('the role of the reaper', () => {
  const HOST = { name: 'writer', host: 'writer.example' };

  test.each([['pg_reaper'], ['reaper_clone'], ['public'], ['Reaper'], ['a-b'], ['1a'], [''], ['x'.repeat(58)]])(
    'has another name than "%s"',
    (reaperRole) => {
      expect(faultsOf(() => aBootstrappedReaper({ reaperRole }))).toEqual([
        expect.stringMatching(/^reaperRole: expected a role name of 1 to 57 small letters, .*got /),
      ]);
    },
  );

  test.each(['x'.repeat(57), '_a1'])('may be called %s', (reaperRole) => {
    expect(faultsOf(() => aBootstrappedReaper({ reaperRole }))).toEqual([]);
  });

  test("has no effect where the login of a replica's source names the role", () => {
    const { stack } = aStack();
    expect(
      faultsOf(() => new ConnectionReaper(stack, 'Reaper', { database: aReplica(stack), reaperRole: 'orders_reaper' })),
    ).toEqual(["reaperRole: has no effect, since the login of the replica's source names the role. Remove it."]);
  });

  test.each([undefined, 'orders_reaper'])('has no limit of its own, by the name %s', (reaperRole) => {
    const role = reaperRole ?? 'connection_reaper';
    const fault = `roleLimits.${role}: limits the role of the reaper itself, which would lock it out. Remove it.`;
    const limited = { ...(reaperRole !== undefined && { reaperRole }), roleLimits: { [role]: 4 } };
    expect(faultsOf(() => aBootstrappedReaper(limited))).toEqual([fault]);
    const { secretArn: _, ...orders } = SHIPPED_CONTEXT.databases.orders;
    const login = { adminSecretArn: ADMIN_SECRET_ARN, instances: [HOST] };
    expect(faultsOf(() => parseDatabases({ orders: { ...orders, ...login, ...limited } }))).toEqual([
      `context.databases.orders.${fault}`,
    ]);
  });

  test('is not known where a secret names it, so that any role may have a limit', () => {
    expect(faultsOf(() => aReaper({ roleLimits: { connection_reaper: 4 } }))).toEqual([]);
  });

  test('is its own on the server, in whichever stacks the reapers are', () => {
    const app = anApp();
    const stack = new Stack(app, 'Data');
    const vpc = aVpc(stack);
    const [cluster, other] = [aCluster(stack, { vpc, iamAuthentication: true }), anInstance(stack, { vpc })];
    const made = (id: string, props: ConnectionReaperProps) =>
      faultsOf(() => new ConnectionReaper(new Stack(app, id), 'Reaper', props));
    expect(made('First', { database: cluster })).toEqual([]);
    expect(made('Other', { database: other })).toEqual([]);
    expect(made('Second', { database: cluster, databaseLabel: 'second' })).toEqual([
      'reaperRole: the role must be its own on that server, got connection_reaper, which First/Reaper has too. ' +
        'Set another reaperRole in one of the two.',
    ]);
    expect(made('Third', { database: cluster, reaperRole: 'third' })).toEqual([]);
    expect(made('Fourth', { database: cluster, iamAuthentication: true, reaperRole: 'third' })).toEqual([
      'reaperRole: the role must be its own on that server, got third, which Third/Reaper has too. ' +
        'Set another reaperRole in one of the two.',
    ]);
  });

  test('may be that of its source on a replica', () => {
    const { stack } = aStack();
    const replica = aReplica(stack);
    const source = stack.node.findChild('Instance') as DatabaseInstance;
    const ofSource = new ConnectionReaper(stack, 'OfSource', { database: source });
    const ofReplica = new ConnectionReaper(stack, 'OfReplica', { database: replica });
    expect(ofReplica.secret).toBe(ofSource.secret);
  });

  const { secretArn: _, ...ENTRY } = SHIPPED_CONTEXT.databases.orders;
  const entry = { ...ENTRY, adminSecretArn: ADMIN_SECRET_ARN, instances: [HOST] };
  const iam = {
    ...ENTRY,
    iamAuthentication: true,
    reaperRole: 'one',
    databaseResourceId: 'db-ABCDEFGHIJKL',
    instances: [HOST],
  };

  test.each([
    ['an admin secret', entry, { ...entry, instances: [{ ...HOST, host: 'alias.example' }] }, 'connection_reaper'],
    [
      'a host and port',
      entry,
      {
        ...entry,
        adminSecretArn: `${ADMIN_SECRET_ARN.slice(0, -1)}9`,
        instances: [{ ...HOST, host: 'WRITER.example' }],
      },
      'connection_reaper',
    ],
  ])('is its own among entries of cdk.json that share %s', (_, orders, billing, role) => {
    expect(faultsOf(() => parseDatabases({ orders, billing }))).toEqual([
      `context.databases.billing.reaperRole: the role must be its own on that server, got ${role}, which orders has too. ` +
        'Set another reaperRole in one of the two.',
    ]);
    expect(faultsOf(() => parseDatabases({ orders, billing: { ...billing, reaperRole: 'billing_reaper' } }))).toEqual(
      [],
    );
  });

  test('is its own among entries by IAM, and may be the same on another port', () => {
    expect(faultsOf(() => parseDatabases({ orders: iam, billing: iam }))).toEqual([
      expect.stringMatching(
        /^context\.databases\.billing\.reaperRole: .* got one, which orders has too\. Set another reaperRole/,
      ),
    ]);
    const elsewhere = { ...iam, instances: [{ ...HOST, port: 5433 }] };
    expect(faultsOf(() => parseDatabases({ orders: iam, billing: elsewhere }))).toEqual([]);
  });

  test('comes from an entry of cdk.json', () => {
    const [config] = parseDatabases({ orders: { ...entry, reaperRole: 'orders_reaper' } });
    if (config === undefined) throw new Error('no config');
    const template = Template.fromStack(new ConnectionReaperStack(anApp(), 'Stack', { config }));
    const login = resource(template, 'AWS::SecretsManager::Secret', 'ReaperLogin').Properties['GenerateSecretString'];
    expect(login).toMatchObject({ SecretStringTemplate: '{"username":"orders_reaper"}' });
  });
});

test('without one there is no bootstrap, and no secret but the given one', () => {
  const { reaper, template, secret } = aReaper();
  expect(reaper.bootstrap).toBeUndefined();
  expect(reaper.secret).toBe(secret);
  template.resourceCountIs(TYPE, 0);
  template.resourceCountIs('AWS::SecretsManager::Secret', 0);
});

test('an entry of cdk.json names the admin secret, and its key', () => {
  const { secretArn: _, ...orders } = SHIPPED_CONTEXT.databases.orders;
  const keyArn = 'arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000';
  const instances = [{ name: 'writer', host: 'writer.example' }];
  const [config] = parseDatabases({
    orders: { ...orders, adminSecretArn: ADMIN_SECRET_ARN, secretKeyArn: keyArn, instances },
  });
  if (config === undefined) throw new Error('no config');
  const { reaper } = new ConnectionReaperStack(anApp(), 'Stack', { config });
  expect(reaper.bootstrap).toBeDefined();
  expect(reaper.secret?.secretArn).not.toBe(SECRET_ARN);
});
