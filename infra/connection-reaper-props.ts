import type { Duration } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IDatabaseCluster, IDatabaseInstance } from 'aws-cdk-lib/aws-rds';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { AlarmOverrides } from './alarms/overrides.js';

/** A database of CDK's RDS module, made in the same app or imported by its attributes. */
export type ReaperDatabase = IDatabaseCluster | IDatabaseInstance;

/** A PostgreSQL server to connect to: a writer, a reader, or the only one. */
export interface ReaperInstance {
  /** Its name in metrics, alarms and reports: 1 to 64 letters, digits, `.`, `_` or `-`. */
  readonly name: string;

  /** Its own endpoint. Not a reader endpoint, which leads to a random instance, nor a pooler. */
  readonly host: string;

  /** Its port. @default 5432 */
  readonly port?: number;

  /**
   * Its identifier in RDS, which the alarm on RDS's own metric needs.
   *
   * @default - the first label of `host`, where that is an endpoint of RDS; else none
   */
  readonly dbInstanceIdentifier?: string;
}

/**
 * What applies to some connections. The first rule that matches a connection applies. A rule needs at least one matcher, and
 * all its matchers must match.
 */
export interface ReaperRule {
  /** A glob on `application_name`; `(none)` is the name of the unnamed. @default - any application */
  readonly application?: string;

  /** A glob on the role. @default - any role */
  readonly role?: string;

  /** A glob on the database that the connection uses. @default - any database */
  readonly database?: string;

  /** A CIDR block that the client's address is in. @default - any address */
  readonly address?: string;

  /** Replaces `idleTimeout` for these connections. @default - `idleTimeout` of the construct */
  readonly idleTimeout?: Duration;

  /** Replaces `keepPerApplication` for these connections. @default - `keepPerApplication` of the construct */
  readonly keep?: number;

  /** Never terminate these connections. No other effect is allowed with it. @default - they are terminated like others */
  readonly spare?: true;

  /**
   * Also terminate connections that hold advisory locks, temporary tables, cursors or LISTEN channels.
   *
   * @default - those are spared
   */
  readonly terminateStateful?: true;
}

/** A shorter idle timeout while the server is fuller. */
export interface PressureTier {
  /** Applies from this percentage of the usable slots on. */
  readonly usedPercent: number;

  /** Replaces the construct's `idleTimeout`. */
  readonly idleTimeout: Duration;
}

/** Gives several applications one name, such as the pods of one deployment. */
export interface ApplicationNameRule {
  /** A glob on `application_name`. The first match applies. */
  readonly match: string;

  /** The name to count them under: printable ASCII. */
  readonly name: string;
}

/** Properties of a `ConnectionReaper`. Either `database` says where the database is, or the other props do. */
export interface ConnectionReaperProps {
  /**
   * The database: a PostgreSQL cluster, instance or read replica of CDK's RDS module. One that
   * is made in this app needs no other prop. One that is imported by its attributes does not tell its VPC, so set `vpc` too.
   *
   * From it come `databaseLabel`, `vpc`, `vpcSubnets`, the rules of both security groups, `instances` with all their
   * endpoints, `adminSecret`, and the resource that a login by IAM is granted on. Other props override them.
   *
   * @default - none: `databaseLabel`, `vpc` and a login are needed
   */
  readonly database?: ReaperDatabase;

  /**
   * What the database is called in metrics, alarms, the dashboard and reports: 1 to 64 letters, digits, `.`, `_` or `-`.
   * Each reaper in an account and region needs its own name, because the metrics of two would mix.
   *
   * @default - the name of the reaper's stack and the `database`, such as `Orders_Cluster`: the identifier of an imported
   * database, or the path of one made in this app. A longer text than 64 characters is cut, and ends in a hash
   */
  readonly databaseLabel?: string;

  /**
   * The login, as JSON with `username` and `password`, and with `host`, `port` and `dbname` where the props don't give
   * them. The function may read this secret and no other. The role is set up by hand, with `infra/grants.sql`.
   *
   * @default - one that the construct makes, with `adminSecret`; for a read replica that of its source's reaper, if that
   * was made before, else that of the source itself
   */
  readonly secret?: ISecret;

  /**
   * The login of the master user or of a superuser, as JSON with `username` and `password`: instead of `secret`. While the
   * stack is deployed, and again on each change of `roleLimits`, a function of its own logs in with it and sets up the
   * role `reaperRole`, with a password that the construct generates. The function that sweeps can't read it.
   *
   * Needs `instances`, which name the writer.
   *
   * @default - the secret of `database`, unless `secret` or `iamAuthentication` is given; else none: the role is set up by hand
   */
  readonly adminSecret?: ISecret;

  /**
   * The database role of the reaper, and the schema of its functions: 1 to 57 small letters, digits and `_`. A second
   * reaper on one server needs another. With `adminSecret` the deployment makes the role, and fails if a role of that name
   * exists and is not this reaper's. It has no effect with `secret`, which names the role itself.
   *
   * @default connection_reaper
   */
  readonly reaperRole?: string;

  /**
   * Log in as `reaperRole` with a token of IAM database authentication, which lasts 15 minutes, instead of a password. The
   * database must have IAM authentication turned on; TLS and the endpoint's real name are required. With `adminSecret` the
   * role is made on deployment, else by hand, with `infra/grants.sql`.
   *
   * Needs `instances`, and without `database` also `databaseResourceId`.
   *
   * @default false
   */
  readonly iamAuthentication?: boolean;

  /**
   * The resource that the reaper may log in to by IAM: `db-…` of an instance, `cluster-…` of an Aurora cluster.
   *
   * @default - that of `database`
   */
  readonly databaseResourceId?: string;

  /**
   * A second login. The reaper uses it only when a full server rejects the first one (SQLSTATE 53300), and logs that.
   *
   * @default - none
   */
  readonly breakGlassSecret?: ISecret;

  /**
   * `replication`: when every slot is taken, log in as a walsender, which `max_connections` does not count. The role then
   * needs REPLICATION (on RDS `rds_replication`), with which it may copy the whole cluster: a decision.
   *
   * @default off
   */
  readonly rescueLogin?: 'off' | 'replication';

  /** The VPC to run in: one that reaches the database. @default - that of `database`, if it was made in this app */
  readonly vpc?: IVpc;

  /**
   * The subnets of the VPC to run in. They need a way to Secrets Manager (unless no secret is read) and to CloudWatch
   * (unless `metricsVia` is `emf`): NAT, or endpoints in the VPC, be it those of `interfaceEndpoints`.
   *
   * @default - those of `database`, if they have such a way; else the VPC's private subnets with a way out, or its
   * isolated ones
   */
  readonly vpcSubnets?: SubnetSelection;

  /**
   * Make the interface endpoints that the function needs, in its subnets, open to it alone: of Secrets Manager (unless no
   * secret is read) and of CloudWatch (unless `metricsVia` is `emf`). They have no private
   * names, so that nobody else's way changes; leave this off where the VPC has endpoints or NAT, since each costs.
   *
   * @default false
   */
  readonly interfaceEndpoints?: boolean;

  /**
   * The function's security groups. Given ones are used as they are: unless the database's security group is known, they
   * get no rules.
   *
   * @default - a new one that lets out HTTPS, and PostgreSQL to the database
   */
  readonly securityGroups?: readonly ISecurityGroup[];

  /**
   * The database's security group: gets a rule that lets the function in, and the function's one that lets it out there.
   *
   * @default - those of `database`; without any, a new security group lets the function out to any address on the
   * database's ports, and letting it in is up to you
   */
  readonly databaseSecurityGroup?: ISecurityGroup;

  /** The port for the security group rules when the secret names the host. @default 5432 */
  readonly databasePort?: number;

  /**
   * The servers to connect to.
   *
   * @default - every instance of `database`; without one, a single server called `primary`, at the host and port in the
   * secret
   */
  readonly instances?: readonly ReaperInstance[];

  /** The database to log in to. @default - the one the secret names, else `postgres` */
  readonly databaseName?: string;

  /**
   * `verify-full` checks the server's certificate and host name; `disable` sends everything in the clear.
   *
   * @default verify-full
   */
  readonly sslMode?: 'verify-full' | 'disable';

  /**
   * The path, as the function sees it, of a PEM file with the certificate authorities to trust, such as one in a layer.
   *
   * @default - Amazon's, which come with the runtime, and the public ones of Node.js
   */
  readonly sslRootCert?: string;

  /** `preview` decides and reports everything and changes nothing. @default enforce */
  readonly mode?: 'enforce' | 'preview';

  /**
   * What sweeps terminate: everything that is idle too long, or with `leaks` only what the diagnosis calls a leak, as long
   * as slots are free.
   *
   * @default idle
   */
  readonly reap?: 'idle' | 'leaks';

  /** The reaper terminates connections that have been `idle` this long. @default Duration.minutes(5) */
  readonly idleTimeout?: Duration;

  /**
   * The reaper terminates connections that have been idle in a transaction this long, which rolls the transaction back.
   *
   * @default - it spares connections in a transaction
   */
  readonly idleInTransactionTimeout?: Duration;

  /** Shorter idle timeouts for a fuller server. They do not change the `idleTimeout` of a rule. @default - none */
  readonly pressure?: readonly PressureTier[];

  /** Never reduce an application below this many connections. @default 0 */
  readonly keepPerApplication?: number;

  /** The most connections that one sweep terminates. @default - no cap */
  readonly maxTerminationsPerRun?: number;

  /** Exceptions for some connections. @default - none */
  readonly rules?: readonly ReaperRule[];

  /**
   * The CONNECTION LIMIT of each of these roles. Each sweep corrects a role that has another limit.
   *
   * @default - no role's limit is touched
   */
  readonly roleLimits?: Readonly<Record<string, number>>;

  /** Also terminate idle connections above their role's declared limit, after 30 s. @default false */
  readonly terminateAboveRoleLimit?: boolean;

  /**
   * How many applications have metrics of their own at a time, 1 to 100; the rest share `(other)`. Each costs four metrics.
   * At most 20 new names an hour get metrics.
   *
   * @default 20
   */
  readonly maxApplications?: number;

  /** Rules that count several application names as one. @default - every `application_name` counts for itself */
  readonly applicationNames?: readonly ApplicationNameRule[];

  /**
   * What starts a sweep. `schedule` starts one every `interval`. `alarm` starts one when RDS's own metric of connections is in
   * ALARM, and one every `interval` while that lasts. Use `alarm` for Aurora Serverless that pauses without connections,
   * because each sweep wakes it. It needs `alarms: { DatabaseConnections: { threshold } }`.
   *
   * @default schedule
   */
  readonly trigger?: 'schedule' | 'alarm';

  /**
   * The time between two sweeps, and the period of the alarms: whole minutes, 1 to 30. With `alarm` the time between two
   * sweeps while the alarm lasts, 2 or more.
   *
   * @default Duration.minutes(1); Duration.minutes(5) with `alarm`
   */
  readonly interval?: Duration;

  /**
   * How long a sweep may take, of all instances together: 35 seconds or more and less than `interval`, so that a sweep
   * ends before the next one begins.
   *
   * @default Duration.seconds(50)
   */
  readonly timeout?: Duration;

  /**
   * Whether the reaper reads the last statements of suspects, without their literals. With `off` no text of a statement
   * leaves the server.
   *
   * @default redacted
   */
  readonly statements?: 'redacted' | 'off';

  /**
   * How metrics reach CloudWatch. `api` calls PutMetricData, which needs a route and a permission. `emf` writes them to the
   * function's log in the embedded metric format, which needs neither and is a little later.
   *
   * @default api
   */
  readonly metricsVia?: 'api' | 'emf';

  /** How long the function's log is kept. It records every terminated connection. @default RetentionDays.ONE_MONTH */
  readonly logRetention?: RetentionDays;

  /**
   * Where alarms and their recoveries go. A topic of this app that has a policy, such as that of `enforceSSL`, is told to let
   * CloudWatch publish for them. An imported one must already, and one with a customer key: else alarms notify nobody.
   *
   * @default - a new topic, with nobody subscribed to it
   */
  readonly alarmTopic?: ITopic;

  /**
   * Where the alarm `ConnectionsCritical` goes, which is in ALARM with those that can't wait for the morning. Like `alarmTopic` it must let
   * CloudWatch publish. It has no effect with `actions` of that alarm, which replace it.
   *
   * @default - a new topic, with nobody subscribed to it
   */
  readonly pageTopic?: ITopic;

  /**
   * The customer key that encrypts the topics which the construct makes. A key of this app is allowed to serve CloudWatch;
   * the policy of an imported one must already allow `cloudwatch.amazonaws.com` to `kms:Decrypt` and `kms:GenerateDataKey*`.
   *
   * @default - they are not encrypted. They hold numbers and names, and AWS's own key would keep CloudWatch out.
   */
  readonly topicEncryptionKey?: IKey;

  /**
   * What differs from the defaults of each alarm, by its name; `false` leaves it out.
   *
   * @default - every alarm as docs/metrics-and-alarms.md describes it
   */
  readonly alarms?: AlarmOverrides;

  /**
   * The address of your copy of the runbook: what goes in front of `#serverfull` at the end of an alarm's description. It
   * begins with `https://` or `http://`, and has 150 characters at most.
   *
   * @default - no address: each description names the heading in `docs/runbook.md` of this package
   */
  readonly runbookUrl?: string;
}
