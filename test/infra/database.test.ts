import { App, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import {
  InstanceType,
  type ISecurityGroup,
  type ISubnet,
  type IVpc,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import {
  AuroraMysqlEngineVersion,
  ClusterInstance,
  DatabaseCluster,
  DatabaseClusterEngine,
  DatabaseClusterFromSnapshot,
  DatabaseInstanceReadReplica,
} from 'aws-cdk-lib/aws-rds';
import { describe, expect, test } from 'vitest';
import { ConnectionReaper } from '../../infra/connection-reaper.js';
import type { ConnectionReaperProps, ReaperDatabase } from '../../infra/connection-reaper-props.js';
import {
  AURORA,
  aCluster,
  anImportedCluster,
  anImportedInstance,
  anImportedVpc,
  anInstance,
  anInstanceWithManagedPassword,
  aReplica,
  aServerlessCluster,
  aVpc,
  DATABASE_GROUP,
  DATABASE_KINDS,
  type DatabaseKindName,
  importedSecret,
} from './a-database.js';
import {
  anApp,
  bare,
  propertiesOf,
  resolved,
  SECRET_ARN,
  SHIPPED_CONTEXT,
  settingsOf,
  statementsOf,
  sweeperOf,
} from './a-reaper.js';

/** What the one-line construct makes of a database. References are written `<LogicalId.Attribute>`. */
interface Taken {
  readonly label: string;
  /** Each as `name host:port`. */
  readonly instances: readonly string[];
  readonly group: string;
  readonly port: string | number;
  /** The secrets that the sweeping function may read; `Login` is its own. */
  readonly reads: readonly string[];
  /** Those that the bootstrap may read; none where there is no bootstrap. */
  readonly bootstrapReads: readonly string[];
  readonly identifiers: readonly string[];
}

const OWN = '<ReaperLogin>';
const OF_CLUSTER = { group: '<ClusterSecurityGroup.GroupId>', port: '<Cluster.Endpoint.Port>' };
const OF_INSTANCE = { group: '<InstanceSecurityGroup.GroupId>', port: '<Instance.Endpoint.Port>' };

const TAKEN: Readonly<Record<DatabaseKindName, Taken>> = {
  'a provisioned cluster': {
    label: 'Orders_Cluster',
    instances: ['writer', 'reader-a', 'reader-b'].map(
      (id) => `${id} <Cluster${id.replace('-', '')}.Endpoint.Address>:${OF_CLUSTER.port}`,
    ),
    ...OF_CLUSTER,
    reads: [OWN],
    bootstrapReads: ['<ClusterSecretAttachment>', OWN],
    identifiers: ['<Clusterwriter>', '<Clusterreadera>', '<Clusterreaderb>'],
  },
  'a Serverless v2 cluster': {
    label: 'Orders_Cluster',
    instances: [
      'writer <Clusterwriter.Endpoint.Address>:<Cluster.Endpoint.Port>',
      'reader <Clusterreader.Endpoint.Address>:<Cluster.Endpoint.Port>',
    ],
    ...OF_CLUSTER,
    reads: [OWN],
    bootstrapReads: ['<ClusterSecretAttachment>', OWN],
    identifiers: ['<Clusterwriter>', '<Clusterreader>'],
  },
  'an instance': {
    label: 'Orders_Instance',
    instances: ['primary <Instance.Endpoint.Address>:<Instance.Endpoint.Port>'],
    ...OF_INSTANCE,
    reads: [OWN],
    bootstrapReads: ['<InstanceSecretAttachment>', OWN],
    identifiers: ['<Instance>'],
  },
  'an instance whose password RDS manages': {
    label: 'Orders_Instance',
    instances: ['primary <Instance.Endpoint.Address>:<Instance.Endpoint.Port>'],
    ...OF_INSTANCE,
    reads: [OWN],
    bootstrapReads: ['<Instance.MasterUserSecret.SecretArn>', OWN],
    identifiers: ['<Instance>'],
  },
  'a read replica, with the login of its source': {
    label: 'Orders_Replica',
    instances: ['replica <Replica.Endpoint.Address>:<Replica.Endpoint.Port>'],
    group: '<ReplicaSecurityGroup.GroupId>',
    port: '<Replica.Endpoint.Port>',
    reads: ['<InstanceSecretAttachment>'],
    bootstrapReads: [],
    identifiers: ['<Replica>'],
  },
  'an imported cluster': {
    label: 'Orders_orders',
    instances: ['orders-1', 'orders-2'].map((id) => `${id} ${id}.abcdefghijkl.eu-central-1.rds.amazonaws.com:5433`),
    group: DATABASE_GROUP,
    port: 5433,
    reads: [OWN],
    bootstrapReads: [SECRET_ARN, OWN],
    identifiers: ['orders-1', 'orders-2'],
  },
  'an imported instance': {
    label: 'Orders_billing',
    instances: ['primary billing.abcdefghijkl.eu-central-1.rds.amazonaws.com:5433'],
    group: DATABASE_GROUP,
    port: 5433,
    reads: [SECRET_ARN],
    bootstrapReads: [],
    identifiers: ['billing'],
  },
};

describe.each(DATABASE_KINDS)('of $kind the one-line construct takes', ({ kind, make, beside }) => {
  const want = TAKEN[kind];
  const made = aReaperOf(make, beside);

  test('the name', () => {
    expect(made.reaper.databaseLabel).toBe(want.label);
  });

  test('every instance, with its own endpoint', () => {
    const { instances = [] } = settingsOf(made.template);
    expect(instances.map(({ name, host, port }) => `${name} ${host}:${port}`)).toEqual(want.instances);
    const identifiers = instances.map(({ name }) => made.reaper.dbInstanceIdentifiers[name]);
    expect(bare(made.stack.resolve(identifiers))).toEqual(want.identifiers);
  });

  test('the rules of both security groups, for the port of the database and no other', () => {
    const port = { IpProtocol: 'tcp', FromPort: want.port, ToPort: want.port };
    const ours = '<ReaperSecurityGroup.GroupId>';
    expect(rulesOf(made.template, 'AWS::EC2::SecurityGroupIngress')).toEqual([
      expect.objectContaining({ ...port, GroupId: want.group, SourceSecurityGroupId: ours }),
    ]);
    expect(rulesOf(made.template, 'AWS::EC2::SecurityGroupEgress')).toEqual([
      expect.objectContaining({ ...port, GroupId: ours, DestinationSecurityGroupId: want.group }),
    ]);
    const [own] = groupsOf(made.template, 'Connection Reaper of ');
    expect(own?.['SecurityGroupIngress']).toBeUndefined();
    expect(own?.['SecurityGroupEgress']).toEqual([
      expect.objectContaining({ IpProtocol: 'tcp', FromPort: 443, ToPort: 443, CidrIp: '0.0.0.0/0' }),
    ]);
  });

  test('the login', () => {
    expect(readsOf(made, 'ReaperRole')).toEqual(want.reads);
    expect(readsOf(made, 'ReaperBootstrapRole')).toEqual(want.bootstrapReads);
  });
});

test('may use the key of a password that RDS manages', () => {
  const made = aReaperOf(anInstanceWithManagedPassword);
  expect(statementsOf(made, 'ReaperBootstrapRole').map(bare)).toContainEqual(
    expect.objectContaining({ Action: 'kms:Decrypt', Resource: '<SecretKey.Arn>' }),
  );
  expect(statementsOf(made, 'ReaperRole')).not.toContainEqual(expect.objectContaining({ Action: 'kms:Decrypt' }));
});

describe('a login by IAM', () => {
  test.each([
    {
      of: 'a cluster',
      make: (stack: Stack) => aCluster(stack, { iamAuthentication: true }),
      resource: '<Cluster.DBClusterResourceId>',
    },
    {
      of: 'an instance',
      make: (stack: Stack) => anInstance(stack, { iamAuthentication: true }),
      resource: '<Instance.DbiResourceId>',
    },
    { of: 'a replica', make: aReplica, resource: '<Replica.DbiResourceId>' },
    { of: 'an imported cluster', make: anImportedCluster, resource: 'cluster-ABCDEFGHIJKLMNOPQRSTUVWXYZ' },
    { of: 'an imported instance', make: anImportedInstance, resource: 'db-ABCDEFGHIJKLMNOPQRSTUVWXYZ' },
  ])('is granted on the resource of $of, and needs no secret', ({ make, resource }) => {
    const made = aReaperOf(make, (stack) => ({
      vpc: anImportedVpc(stack),
      iamAuthentication: true,
      reaperRole: 'reaper',
    }));
    expect(statementsOf(made, 'ReaperRole').map(bare)).toContainEqual({
      Effect: 'Allow',
      Action: 'rds-db:connect',
      Resource: `arn:<AWS::Partition>:rds-db:<AWS::Region>:<AWS::AccountId>:dbuser:${resource}/reaper`,
    });
    expect(readsOf(made, 'ReaperRole')).toEqual([]);
    expect(propertiesOf(made.template, 'Custom::ConnectionReaperBootstrap')).toEqual([]);
    expect(settingsOf(made.template)).toMatchObject({ iamAuthentication: true, reaperRole: 'reaper' });
  });

  test('has its role made by the master user, where that is asked for', () => {
    const made = aReaperOf(
      (stack) => aCluster(stack, { iamAuthentication: true }),
      (stack) => ({ iamAuthentication: true, reaperRole: 'reaper', adminSecret: importedSecret(stack) }),
    );
    expect(readsOf(made, 'ReaperRole')).toEqual([]);
    expect(readsOf(made, 'ReaperBootstrapRole')).toEqual([SECRET_ARN]);
  });

  test.each([
    ['a cluster', (stack: Stack) => aCluster(stack)],
    ['an instance', (stack: Stack) => anInstance(stack, { iamAuthentication: false })],
  ])('fails when %s has it turned off', (_, make) => {
    expect(() => aReaperOf(make, () => ({ iamAuthentication: true, reaperRole: 'reaper' }))).toThrow(
      /- iamAuthentication: expected a database with iamAuthentication: true, got one without$/,
    );
  });

  test('turns it on where an instance leaves it open', () => {
    const { template } = aReaperOf(anInstance, () => ({ iamAuthentication: true, reaperRole: 'reaper' }));
    template.hasResourceProperties('AWS::RDS::DBInstance', { EnableIAMDatabaseAuthentication: true });
  });
});

test('the bootstrap waits for every instance, for the secret and for the rules', () => {
  const waits = (made: Made) => {
    const [{ DependsOn } = {}] = Object.values(made.template.findResources('Custom::ConnectionReaperBootstrap'));
    return (DependsOn as string[]).map((id) => bare(id));
  };
  expect(waits(aReaperOf(aCluster))).toEqual(
    expect.arrayContaining([
      'Clusterwriter',
      'Clusterreadera',
      'Clusterreaderb',
      'ClusterSecretAttachment',
      expect.stringMatching(/^ClusterSecurityGroupfromOrdersReaperSecurityGroup/),
      expect.stringMatching(/^ReaperSecurityGrouptoOrdersClusterSecurityGroup/),
    ]),
  );
  expect(waits(aReaperOf(anImportedCluster, (stack) => ({ vpc: anImportedVpc(stack) })))).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^DatabaseGroupfromOrdersReaperSecurityGroup/),
      expect.stringMatching(/^ReaperSecurityGrouptoOrdersDatabaseGroup/),
    ]),
  );
});

test('what is given beside the database counts', () => {
  const { template, reaper } = aReaperOf(aCluster, (stack) => ({
    databaseLabel: 'shop',
    instances: [{ name: 'only', host: 'shop-1.abcdefghijkl.eu-central-1.rds.amazonaws.com' }],
    secret: importedSecret(stack),
    vpc: anImportedVpc(stack),
  }));
  expect(reaper.databaseLabel).toBe('shop');
  expect(reaper.dbInstanceIdentifiers).toEqual({ only: 'shop-1' });
  expect(settingsOf(template)).toMatchObject({ secretArn: SECRET_ARN, instances: [{ name: 'only' }] });
  expect(propertiesOf(template, 'Custom::ConnectionReaperBootstrap')).toEqual([]);
  expect(subnetsOf(template)).toEqual(['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1']);
});

test("a replica logs in as its source's reaper, where there is one, since it has the roles of its source", () => {
  const stack = new Stack(anApp(), 'Orders');
  const source = anInstance(stack);
  new ConnectionReaper(stack, 'OfSource', { database: source });
  const database = new DatabaseInstanceReadReplica(stack, 'Replica', {
    sourceDatabaseInstance: source,
    vpc: source.vpc,
    instanceType: new InstanceType('r6g.large'),
  });
  new ConnectionReaper(stack, 'OfReplica', { database });
  const made = { template: Template.fromStack(stack) };
  expect(readsOf(made, 'OfReplicaRole')).toEqual(['<OfSourceLogin>']);
  expect(readsOf(made, 'OfSourceRole')).toEqual(['<OfSourceLogin>']);
});

test('a secret that was never given to the database is no login', () => {
  // CDK makes it only in apps without the feature flags of late.
  const stack = new Stack(new App({ builtinCloudFormationValidation: false }), 'Orders');
  const database = new DatabaseClusterFromSnapshot(stack, 'Restored', {
    engine: AURORA,
    vpc: aVpc(stack),
    snapshotIdentifier: 'orders-snapshot',
    writer: ClusterInstance.serverlessV2('writer'),
  });
  expect(database.secret).toBeDefined();
  expect(() => new ConnectionReaper(stack, 'Reaper', { database })).toThrow(/- secret: missing\. /);
});

test('names the instances of an imported cluster by their endpoints where it has no identifiers', () => {
  const { reaper } = aReaperOf(
    (stack) =>
      DatabaseCluster.fromDatabaseClusterAttributes(stack, 'Bare', {
        clusterIdentifier: 'orders',
        port: 5432,
        instanceEndpointAddresses: ['orders-1.abcdefghijkl.eu-central-1.rds.amazonaws.com', 'orders-2.example'],
      }),
    (stack) => ({ vpc: anImportedVpc(stack), secret: importedSecret(stack) }),
  );
  expect(reaper.instanceNames).toEqual(['orders-1', 'instance-2']);
  expect(reaper.dbInstanceIdentifiers).toEqual({ 'orders-1': 'orders-1' });
});

test('security groups of another stack get their rules here, so that there is no circle', () => {
  const app = anApp();
  const network = new Stack(app, 'Network');
  const vpc = aVpc(network);
  const own = new SecurityGroup(network, 'Own', { vpc, allowAllOutbound: false });
  const data = new Stack(app, 'Data');
  const database = anInstance(data, { vpc });
  const reaping = new Stack(app, 'Reaping');
  const securityGroups = [own as ISecurityGroup];
  new ConnectionReaper(reaping, 'Reaper', { database, securityGroups, interfaceEndpoints: true });
  expect(() => app.synth()).not.toThrow();
  const template = Template.fromStack(reaping);
  template.resourceCountIs('AWS::EC2::SecurityGroupEgress', 3);
  template.resourceCountIs('AWS::EC2::SecurityGroupIngress', 3);
});

test('only an endpoint of an instance names one', () => {
  const identifiers = [
    'shop-1.abcdefghijkl.eu-central-1.rds.amazonaws.com',
    'shop-1.abcdefghijkl.cn-north-1.rds.amazonaws.com.cn',
    'shop.cluster-abcdefghijkl.eu-central-1.rds.amazonaws.com',
    'db.example',
    '10.0.0.1',
  ].map((host) => {
    const { reaper } = aReaperOf(anInstance, () => ({ instances: [{ name: 'one', host }] }));
    return reaper.dbInstanceIdentifiers['one'];
  });
  expect(identifiers).toEqual(['shop-1', 'shop-1', undefined, undefined, undefined]);
});

test('a database of another stack needs nothing of the reaper, so that there is no circle', () => {
  const app = anApp();
  const stack = new Stack(app, 'Data');
  const cluster = aCluster(stack);
  const reaping = new Stack(app, 'Reaping');
  new ConnectionReaper(reaping, 'Reaper', { database: cluster });
  expect(() => app.synth()).not.toThrow();
  expect(stack.dependencies).toEqual([]);
  Template.fromStack(reaping).resourceCountIs('AWS::EC2::SecurityGroupIngress', 1);
});

test('a reaper in the scope of its database waits for the database, and not for itself', () => {
  const app = new App({ context: { ...SHIPPED_CONTEXT } });
  const stack = new Stack(app, 'Orders');
  const cluster = aCluster(stack);
  new ConnectionReaper(cluster, 'Reaper', { database: cluster });
  // CDK's validator looks for circles.
  expect(() => app.synth()).not.toThrow();
});

describe('the subnets', () => {
  const isolated = { vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED } };

  test('are those of the database, if there is a way out of them', () => {
    const { vpc, template } = withVpc((stack, vpc) => ({ database: aCluster(stack, { vpc }) }));
    expect(subnetsOf(template)).toEqual(refs(vpc.privateSubnets));
  });

  test('are others where the database is isolated and the function calls AWS', () => {
    const { vpc, template } = withVpc((stack, vpc) => ({ database: aCluster(stack, { vpc, ...isolated }) }));
    expect(subnetsOf(template)).toEqual(refs(vpc.privateSubnets));
  });

  test('are the isolated ones of the database where the function needs no way out', () => {
    const { vpc, template, warnings } = withVpc((stack, vpc) => ({
      database: aCluster(stack, { vpc, ...isolated, iamAuthentication: true }),
      iamAuthentication: true,
      reaperRole: 'reaper',
      metricsVia: 'emf',
    }));
    expect(subnetsOf(template)).toEqual(refs(vpc.isolatedSubnets));
    expect(warnings()).toEqual([]);
  });

  test('are the isolated ones of the database where the construct makes the way out', () => {
    const { vpc, template, warnings } = withVpc((stack, vpc) => ({
      database: anInstance(stack, { vpc, ...isolated }),
      interfaceEndpoints: true,
    }));
    expect(subnetsOf(template)).toEqual(refs(vpc.isolatedSubnets));
    expect(warnings()).toEqual([]);
  });

  test('are never public', () => {
    const { vpc, template } = withVpc((stack, vpc) => ({
      database: anInstance(stack, { vpc, vpcSubnets: { subnetType: SubnetType.PUBLIC } }),
    }));
    expect(subnetsOf(template)).toEqual(refs(vpc.privateSubnets));
  });

  test('may be public where nothing beyond the VPC is called', () => {
    const stack = new Stack(anApp(), 'Orders');
    const vpc = new Vpc(stack, 'Network', {
      subnetConfiguration: [{ name: 'public', subnetType: SubnetType.PUBLIC }],
    }) as IVpc;
    const database = anInstance(stack, { vpc, iamAuthentication: true, vpcSubnets: { subnetType: SubnetType.PUBLIC } });
    expect(() => new ConnectionReaper(stack, 'Reaper', { database })).toThrow(
      /- vpcSubnets: expected private subnets, got public ones, from which a function can't call Secrets Manager or CloudWatch/,
    );
    new ConnectionReaper(stack, 'ByIam', {
      database,
      iamAuthentication: true,
      reaperRole: 'reaper',
      metricsVia: 'emf',
    });
    expect(subnetsOf(Template.fromStack(stack))).toEqual(refs(vpc.publicSubnets));
  });

  test('are as they are given, and a warning says what to do where there is no way out', () => {
    const { vpc, template, warnings } = withVpc((stack, vpc) => ({ database: aCluster(stack, { vpc }), ...isolated }));
    expect(subnetsOf(template)).toEqual(refs(vpc.isolatedSubnets));
    expect(warnings()).toEqual([
      expect.stringMatching(/isolated subnets and calls Secrets Manager and CloudWatch: give /),
    ]);
  });
});

describe('an Aurora cluster that pauses by itself', () => {
  test('is kept awake by sweeps every minute, which synth says', () => {
    const { stack } = aReaperOf((stack) => aServerlessCluster(stack, 0));
    Annotations.fromStack(stack).hasWarning('*', Match.stringLikeRegexp('keeps it awake for ever.*trigger: "alarm"'));
  });

  test('is left asleep by an alarm, which starts the sweeps instead of time', () => {
    const { stack, template } = aReaperOf(
      (stack) => aServerlessCluster(stack, 0),
      () => ({ trigger: 'alarm', alarms: { DatabaseConnections: { threshold: 100 } } }),
    );
    expect(warningsOf(stack)).toEqual([]);
    template.resourceCountIs('AWS::Scheduler::Schedule', 0);
  });

  test('is another thing than a small one', () => {
    expect(warningsOf(aReaperOf((stack) => aServerlessCluster(stack, 0.5)).stack)).toEqual([]);
  });
});

describe('fails when', () => {
  test.each<{ when: string; make: (stack: Stack) => ConnectionReaperProps; fault: RegExp }>([
    {
      when: 'there is nothing',
      make: () => ({}),
      fault:
        /ConnectionReaper Orders\/Reaper can't be used:\n- secret: missing\. .*\n- databaseLabel: missing\n- vpc: missing$/,
    },
    {
      when: 'an imported database tells no VPC',
      make: (stack) => ({ database: anImportedCluster(stack) }),
      fault: /- vpc: missing\. An imported database does not tell its VPC, so set it\.$/,
    },
    {
      when: 'an imported cluster tells no instances',
      make: (stack) => ({
        database: DatabaseCluster.fromDatabaseClusterAttributes(stack, 'Bare', { clusterIdentifier: 'bare' }),
        vpc: anImportedVpc(stack),
        secret: importedSecret(stack),
      }),
      fault:
        /- instances: missing\. The imported cluster does not tell its instances\. Give instanceEndpointAddresses and port/,
    },
    {
      when: 'an imported database has no secret',
      make: (stack) => ({ database: anImportedInstance(stack), vpc: anImportedVpc(stack) }),
      fault: /- secret: missing\. Set secret, adminSecret or iamAuthentication: true\.$/,
    },
    {
      when: 'it is another engine',
      make: (stack) => ({
        database: new DatabaseCluster(stack, 'Mine', {
          engine: DatabaseClusterEngine.auroraMysql({ version: AuroraMysqlEngineVersion.VER_3_08_0 }),
          vpc: aVpc(stack),
          writer: ClusterInstance.serverlessV2('writer'),
        }),
      }),
      fault: /- database: expected PostgreSQL, got the engine family MYSQL$/,
    },
    {
      when: 'a replica is to have a role of its own',
      make: (stack) => ({ database: aReplica(stack), adminSecret: importedSecret(stack) }),
      fault: /- adminSecret: not supported on a replica, where no role can be made/,
    },
    {
      when: 'a replica is to limit roles, which it takes from its source',
      make: (stack) => ({ database: aReplica(stack), roleLimits: { checkout: 40 } }),
      fault: /- roleLimits: not supported on a replica/,
    },
    {
      when: 'a cluster is a replica of one elsewhere',
      make: (stack) => ({
        database: aCluster(stack, {
          replicationSourceIdentifier: 'arn:aws:rds:eu-central-1:123456789012:cluster:orders',
        }),
      }),
      fault: /- secret: missing\. /,
    },
    {
      when: 'a replica comes from elsewhere, whose login is not known',
      make: (stack) => ({
        database: new DatabaseInstanceReadReplica(stack, 'Replica', {
          sourceDatabaseInstance: anImportedInstance(stack),
          vpc: aVpc(stack),
          instanceType: new InstanceType('r6g.large'),
        }),
      }),
      fault: /- secret: missing\. /,
    },
  ])('$when', ({ make, fault }) => {
    const stack = new Stack(anApp(), 'Orders');
    const props = make(stack);
    expect(() => new ConnectionReaper(stack, 'Reaper', props)).toThrow(fault);
  });
});

type Made = ReturnType<typeof aReaperOf>;

function aReaperOf(
  make: (stack: Stack) => ReaperDatabase,
  beside: (stack: Stack) => Partial<ConnectionReaperProps> = () => ({}),
) {
  const stack = new Stack(anApp(), 'Orders');
  const reaper = new ConnectionReaper(stack, 'Reaper', { database: make(stack), ...beside(stack) });
  return { stack, reaper, template: Template.fromStack(stack) };
}

function withVpc(props: (stack: Stack, vpc: IVpc) => ConnectionReaperProps) {
  const stack = new Stack(anApp(), 'Orders');
  const vpc = aVpc(stack);
  new ConnectionReaper(stack, 'Reaper', props(stack, vpc));
  return { stack, vpc, template: Template.fromStack(stack), warnings: () => warningsOf(stack) };
}

function warningsOf(stack: Stack): readonly string[] {
  return Annotations.fromStack(stack)
    .findWarning('*', Match.stringLikeRegexp('connection-reaper:'))
    .map(({ entry }) => String(entry.data));
}

function rulesOf(template: Template, type: string): readonly unknown[] {
  return propertiesOf(template, type).map(bare);
}

function groupsOf(template: Template, description: string) {
  return propertiesOf(template, 'AWS::EC2::SecurityGroup').filter(({ GroupDescription }) =>
    String(GroupDescription).startsWith(description),
  );
}

function readsOf(made: Pick<Made, 'template'>, role: string): readonly unknown[] {
  return (statementsOf(made, role) as { Action: unknown; Resource: unknown }[])
    .filter(({ Action }) => Action === 'secretsmanager:GetSecretValue')
    .flatMap(({ Resource }) => Resource)
    .map(bare);
}

function subnetsOf(template: Template): unknown {
  return sweeperOf(template).VpcConfig.SubnetIds.map((id) => resolved(id));
}

function refs(subnets: readonly ISubnet[]): readonly unknown[] {
  return subnets.map((subnet) => resolved(Stack.of(subnet).resolve(subnet.subnetId)));
}
