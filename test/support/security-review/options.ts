import { SecretValue, type Stack } from 'aws-cdk-lib';
import { type ISecurityGroup, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Credentials, type DatabaseClusterProps } from 'aws-cdk-lib/aws-rds';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { ConnectionReaperProps } from '../../../infra/connection-reaper-props.js';
import { aCluster, anImportedVpc, aReplica } from '../../infra/a-database.js';

/** A choice in the props that some permission, connection or log depends on. */
export interface Option {
  /** As the review calls it. */
  readonly name: string;
  /** The options that it comes on top of; none for the construct of one line. */
  readonly beside: readonly Option[];
  /** Makes the props, and what they name, in a stack. */
  readonly props: (stack: Stack) => ConnectionReaperProps;
}

type PropsBesideDatabase = (stack: Stack) => ConnectionReaperProps;

/** `new ConnectionReaper(this, 'Reaper', { database: cluster })`. */
export const ONE_LINE = option('one line', () => ({}));

const secret = option('`secret`', (stack) => ({ secret: aSecret(stack, 'GivenSecret') }));
const iamAuthentication: Option = { ...option('`iamAuthentication`', () => ({})), props: withIam };
const metricsViaLog = option("`metricsVia: 'emf'`", () => ({ metricsVia: 'emf' }));
const DATABASE_CONNECTIONS = { alarms: { DatabaseConnections: { threshold: 100 } } };
const databaseConnections = option('`alarms: { DatabaseConnections }`', () => DATABASE_CONNECTIONS);

/** Every option that some permission, connection or log depends on. */
export const OPTIONS: readonly Option[] = [
  secret,
  iamAuthentication,
  {
    name: '`adminSecret` and `iamAuthentication` together',
    beside: [iamAuthentication],
    props: (stack) => {
      const props = withIam(stack);
      return { ...props, ...(props.database.secret && { adminSecret: props.database.secret }) };
    },
  },
  {
    name: 'a read replica whose source has no reaper',
    beside: [],
    // The label is the cluster's, so that names which contain it are the same.
    props: (stack) => ({ database: aReplica(stack), databaseLabel: 'Orders_Cluster' }),
  },
  metricsViaLog,
  {
    name: "`iamAuthentication` and `metricsVia: 'emf'` together",
    beside: [iamAuthentication, metricsViaLog],
    props: (stack) => ({ ...withIam(stack), metricsVia: 'emf' }),
  },
  option('`interfaceEndpoints`', () => ({ interfaceEndpoints: true })),
  option('`breakGlassSecret`', (stack) => ({ breakGlassSecret: aSecret(stack, 'BreakGlassSecret') })),
  {
    name: 'a customer key on the secret',
    beside: [],
    props: (stack) => {
      const encryptionKey = new Key(stack, 'SecretKey');
      const credentials = Credentials.fromGeneratedSecret('postgres', { encryptionKey });
      return { database: aDatabase(stack, { credentials }) };
    },
  },
  option(
    'a customer key on the secret',
    (stack) => ({ secret: aSecret(stack, 'GivenSecret', new Key(stack, 'SecretKey')) }),
    secret,
  ),
  option(
    'a secret known by its name alone',
    (stack) => ({ secret: Secret.fromSecretNameV2(stack, 'GivenSecret', 'orders/reaper') }),
    secret,
  ),
  option('`topicEncryptionKey`', (stack) => ({ topicEncryptionKey: new Key(stack, 'TopicKey') })),
  option('`alarmTopic` and `pageTopic`', (stack) => ({
    alarmTopic: new Topic(stack, 'Tickets', { enforceSSL: true }),
    pageTopic: new Topic(stack, 'OnCall', { enforceSSL: true }),
  })),
  databaseConnections,
  option("`trigger: 'alarm'`", () => ({ trigger: 'alarm', ...DATABASE_CONNECTIONS }), databaseConnections),
  option('`alarms: { SlotsNearlyFull: false }`', () => ({ alarms: { SlotsNearlyFull: false } })),
  {
    name: '`securityGroups`',
    beside: [],
    props: (stack) => {
      const database = aDatabase(stack);
      const group = new SecurityGroup(stack, 'GivenGroup', { vpc: database.vpc, allowAllOutbound: false });
      return { database, securityGroups: [group as ISecurityGroup] };
    },
  },
  {
    name: 'a database whose security group is not known',
    beside: [secret],
    props: (stack) => ({
      databaseLabel: 'Orders_Cluster',
      vpc: anImportedVpc(stack),
      secret: aSecret(stack, 'GivenSecret'),
    }),
  },
];

/** The construct of a cluster, with these props too. */
function option(name: string, props: PropsBesideDatabase, ...beside: readonly Option[]): Option {
  return { name, beside, props: (stack) => ({ database: aDatabase(stack), ...props(stack) }) };
}

/** In a VPC that takes no time to synthesize. */
function aDatabase(stack: Stack, props: Partial<DatabaseClusterProps> = {}) {
  return aCluster(stack, { vpc: anImportedVpc(stack), ...props });
}

function withIam(stack: Stack) {
  return { database: aDatabase(stack, { iamAuthentication: true }), iamAuthentication: true, reaperRole: 'reaper' };
}

/** Not a generated one: for that, cdk-nag would demand a rotation, which is not the construct's task. */
function aSecret(stack: Stack, id: string, encryptionKey?: Key): ISecret {
  return new Secret(stack, id, {
    secretObjectValue: { username: SecretValue.unsafePlainText('reaper') },
    ...(encryptionKey && { encryptionKey }),
  }) as ISecret;
}
