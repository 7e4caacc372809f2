import { SecretValue, type Stack } from 'aws-cdk-lib';
import { type ISecurityGroup, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Credentials, type DatabaseClusterProps } from 'aws-cdk-lib/aws-rds';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Topic } from 'aws-cdk-lib/aws-sns';
import type { ConnectionReaperProps } from '../../../infra/connection-reaper-props.js';
import { aCluster, anImportedVpc, aReplica } from '../../infra/a-database.js';

/** A choice in the props of which some right, path or log depends. */
export interface Option {
  /** As the review calls it. */
  readonly name: string;
  /** The options that it comes on top of; none for the construct of one line. */
  readonly beside: readonly Option[];
  /** Makes what the construct is given, and says how it is. */
  readonly props: (stack: Stack) => ConnectionReaperProps;
}

/** `new ConnectionReaper(this, 'Reaper', { database: cluster })`. */
export const ONE_LINE: Option = { name: 'one line', beside: [], props: (stack) => ({ database: aDatabase(stack) }) };

const secret: Option = {
  name: '`secret`',
  beside: [],
  props: (stack) => ({ database: aDatabase(stack), secret: aSecret(stack, 'GivenSecret') }),
};

const iamAuthentication: Option = {
  name: '`iamAuthentication`',
  beside: [],
  props: (stack) => ({ database: anIamDatabase(stack), iamAuthentication: true, reaperRole: 'reaper' }),
};

const metricsViaLog: Option = {
  name: "`metricsVia: 'emf'`",
  beside: [],
  props: (stack) => ({ database: aDatabase(stack), metricsVia: 'emf' }),
};

const databaseConnections: Option = {
  name: '`alarms: { DatabaseConnections }`',
  beside: [],
  props: (stack) => ({ database: aDatabase(stack), alarms: { DatabaseConnections: { threshold: 100 } } }),
};

/** Every option of which some right, path or log depends. */
export const OPTIONS: readonly Option[] = [
  secret,
  iamAuthentication,
  {
    name: '`adminSecret` beside `iamAuthentication`',
    beside: [iamAuthentication],
    props: (stack) => {
      const database = anIamDatabase(stack);
      return {
        database,
        iamAuthentication: true,
        reaperRole: 'reaper',
        ...(database.secret && { adminSecret: database.secret }),
      };
    },
  },
  {
    name: 'a read replica whose source has no reaper',
    beside: [],
    // By the name of the cluster, so that what goes by names is the same.
    props: (stack) => ({ database: aReplica(stack), databaseLabel: 'Orders-Cluster' }),
  },
  metricsViaLog,
  {
    name: "`iamAuthentication` and `metricsVia: 'emf'` together",
    beside: [iamAuthentication, metricsViaLog],
    props: (stack) => ({
      database: anIamDatabase(stack),
      iamAuthentication: true,
      reaperRole: 'reaper',
      metricsVia: 'emf',
    }),
  },
  {
    name: '`interfaceEndpoints`',
    beside: [],
    props: (stack) => ({ database: aDatabase(stack), interfaceEndpoints: true }),
  },
  {
    name: '`breakGlassSecret`',
    beside: [],
    props: (stack) => ({ database: aDatabase(stack), breakGlassSecret: aSecret(stack, 'BreakGlassSecret') }),
  },
  {
    name: 'a customer key on the secret',
    beside: [],
    props: (stack) => {
      const encryptionKey = new Key(stack, 'SecretKey');
      return {
        database: aDatabase(stack, { credentials: Credentials.fromGeneratedSecret('postgres', { encryptionKey }) }),
      };
    },
  },
  {
    name: 'a customer key on the secret',
    beside: [secret],
    props: (stack) => ({
      database: aDatabase(stack),
      secret: aSecret(stack, 'GivenSecret', new Key(stack, 'SecretKey')),
    }),
  },
  {
    name: 'a secret known by its name alone',
    beside: [secret],
    props: (stack) => ({
      database: aDatabase(stack),
      secret: Secret.fromSecretNameV2(stack, 'GivenSecret', 'orders/reaper'),
    }),
  },
  {
    name: '`topicEncryptionKey`',
    beside: [],
    props: (stack) => ({ database: aDatabase(stack), topicEncryptionKey: new Key(stack, 'TopicKey') }),
  },
  {
    name: '`alarmTopic` and `pageTopic`',
    beside: [],
    props: (stack) => ({
      database: aDatabase(stack),
      alarmTopic: new Topic(stack, 'Tickets', { enforceSSL: true }),
      pageTopic: new Topic(stack, 'OnCall', { enforceSSL: true }),
    }),
  },
  databaseConnections,
  {
    name: "`trigger: 'alarm'`",
    beside: [databaseConnections],
    props: (stack) => ({
      database: aDatabase(stack),
      trigger: 'alarm',
      alarms: { DatabaseConnections: { threshold: 100 } },
    }),
  },
  {
    name: '`alarms: { SlotsNearlyFull: false }`',
    beside: [],
    props: (stack) => ({ database: aDatabase(stack), alarms: { SlotsNearlyFull: false } }),
  },
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
      databaseLabel: 'Orders-Cluster',
      vpc: anImportedVpc(stack),
      secret: aSecret(stack, 'GivenSecret'),
    }),
  },
];

/** In a VPC that takes no time to synthesize. */
function aDatabase(stack: Stack, props: Partial<DatabaseClusterProps> = {}) {
  return aCluster(stack, { vpc: anImportedVpc(stack), ...props });
}

function anIamDatabase(stack: Stack) {
  return aDatabase(stack, { iamAuthentication: true });
}

/** Not a generated one, for which cdk-nag would demand a rotation that is not the construct's to make. */
function aSecret(stack: Stack, id: string, encryptionKey?: Key): ISecret {
  return new Secret(stack, id, {
    secretObjectValue: { username: SecretValue.unsafePlainText('reaper') },
    ...(encryptionKey && { encryptionKey }),
  }) as ISecret;
}
