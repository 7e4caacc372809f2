/** Why each row of the security review is there. */
import type { Fact } from './facts.js';

export const NETWORK_INTERFACES = [
  'AssignPrivateIpAddresses',
  'CreateNetworkInterface',
  'DeleteNetworkInterface',
  'DescribeNetworkInterfaces',
  'DescribeSubnets',
  'UnassignPrivateIpAddresses',
].map((action) => `ec2:${action}`);

const LOGIN = 'its login to the database';
const PLACING =
  'Lambda uses the role to place the function into its VPC; AWS documents all resources, because the interfaces do not exist yet';
const NOT_BY_CODE = 'only Lambda needs them; the code of the function must not use them';
const LINES = 'its log lines; Lambda sends them, not through the VPC; the function can create no other log';
const NAMESPACE = 'its metrics; AWS cannot limit this action to resources, so the namespace limits it';
const READS_METRICS =
  'to learn, after a cold start, which applications and roles have metrics already; AWS cannot limit this action to resources or a namespace';
const ENDPOINT = 'the endpoint lets only this role through, for what the role may do';
const SETS_UP = 'to create the role as the administrator, set its password, and prove that it can log in';
const DATABASE = 'to log in, with TLS by default; both security groups have a rule';
const NOT_IN_CLEAR = 'nothing is sent without TLS';

/** By `who may`, `who may on` where that differs, and always so for a wildcard. The rows are in this order. */
const REASONS: Readonly<Record<string, string>> = {
  'ReaperRole secretsmanager:GetSecretValue': LOGIN,
  'ReaperRole secretsmanager:GetSecretValue on BreakGlassSecret':
    'another login, for a full server that rejects its own',
  'ReaperRole secretsmanager:GetSecretValue on secret:orders/reaper-??????': `${LOGIN}; AWS adds six characters to a name; a full ARN is exact`,
  'ReaperRole rds-db:connect': LOGIN,
  'ReaperRole kms:Decrypt': 'the secret is encrypted with this key',
  'ReaperRole cloudwatch:PutMetricData on *': NAMESPACE,
  'ReaperRole cloudwatch:GetMetricData on *': READS_METRICS,
  'ReaperRole sqs:SendMessage': 'Lambda uses the role to hand over the events of runs that failed',
  ...forEach('ReaperRole', ['logs:CreateLogStream', 'logs:PutLogEvents'], LINES),
  ...onEverything('ReaperRole'),
  'ReaperBootstrapRole secretsmanager:GetSecretValue': SETS_UP,
  'ReaperBootstrapRole rds-db:connect': 'to prove that the role can log in',
  'ReaperBootstrapRole kms:Decrypt': 'the secret is encrypted with this key',
  ...forEach('ReaperBootstrapRole', ['logs:CreateLogStream', 'logs:PutLogEvents'], LINES),
  ...onEverything('ReaperBootstrapRole'),
  'ReaperSchedulerRole lambda:InvokeFunction': 'to start the sweeps',
  'ReaperSchedulerRole sqs:SendMessage': 'to hand over the sweeps that Lambda did not accept',
  'ReaperBootstrapProviderRole lambda:InvokeFunction': 'to run the bootstrap on deployment',
  'ReaperBootstrapProviderRole lambda:GetFunction':
    'to wait until a function that was not used for a long time is ready again',
  ...forEach('ReaperBootstrapProviderRole', ['logs:CreateLogStream', 'logs:PutLogEvents'], LINES),
  'lambda.amazonaws.com sts:AssumeRole': 'Lambda runs the function',
  'scheduler.amazonaws.com sts:AssumeRole': 'EventBridge Scheduler starts the sweeps',
  'lambda.alarms.cloudwatch.amazonaws.com lambda:InvokeFunction': 'a sweep at once when there are many connections',
  'cloudwatch.amazonaws.com sns:Publish': 'to notify of alarms',
  'cloudwatch.amazonaws.com kms:Decrypt': 'an alarm that cannot use the key of its topic notifies nobody',
  'cloudwatch.amazonaws.com kms:GenerateDataKey*': 'the same reason; SNS documents this form for services that publish',
  '* never sqs:*': NOT_IN_CLEAR,
  '* never sns:Publish': NOT_IN_CLEAR,
  'ReaperSecurityGroup connect by tcp 443 on 0.0.0.0/0':
    'Secrets Manager and CloudWatch have no fixed addresses; NAT or endpoints of the VPC lead to them',
  'ReaperSecurityGroup connect by tcp 5432 on 0.0.0.0/0':
    'the security group of the database is unknown; set `databaseSecurityGroup`',
  'ReaperSecurityGroup connect by tcp <Cluster.Endpoint.Port> on ClusterSecurityGroup': DATABASE,
  'ReaperSecurityGroup connect by tcp <Replica.Endpoint.Port> on ReplicaSecurityGroup': DATABASE,
  'GivenGroup connect by tcp <Cluster.Endpoint.Port> on ClusterSecurityGroup': DATABASE,
  'ReaperSecurityGroup connect by tcp 443 on ReaperEndpointsSecretsManagerSecurityGroup': 'to read the secret',
  'ReaperSecurityGroup connect by tcp 443 on ReaperEndpointsCloudWatchSecurityGroup':
    'to publish the metrics and to read their names',
  'ReaperBootstrapProviderFrameworkframeworkonEvent connect on all outside of the VPC':
    'it calls the bootstrap and answers CloudFormation; it has no login to any database',
  'ReaperLog keep':
    'which connections were terminated and which limits set: application, role, database, client address; of a failed run the report, with statements without literals; no secret',
  'ReaperBootstrapLog keep': 'which privileges the role got',
  'ReaperBootstrapProviderLog keep': 'when it ran, and nothing of its input',
  'ReaperDeadLetters keep': 'the event of a run that failed, and the start of its error; no role here may read them',
  'ReaperLogin keep':
    'the password of the role, 40 random characters; not rotated, because that needs the admin secret',
};

/** @throws Error for a row without a reason. */
export function reasonOf({ who, may, on, only }: Fact): string {
  const keys = [`${who} ${may} on ${on}`, ...(/[*?]/.test(on) || may.startsWith('connect') ? [] : [`${who} ${may}`])];
  const key = keys.find((one) => Object.hasOwn(REASONS, one));
  if (key === undefined) {
    throw new Error(`the security review has no reason for "${keys[0]}". Remove it, or give the reason in reasons.ts.`);
  }
  return only.startsWith('through ') ? ENDPOINT : (REASONS[key] ?? '');
}

/** Where a row stands: those of the same `who` and action are together. */
export function placeOf({ who, may, on }: Fact): number {
  const keys = Object.keys(REASONS);
  return Math.max(keys.indexOf(`${who} ${may} on ${on}`), keys.indexOf(`${who} ${may}`));
}

function forEach(who: string, actions: readonly string[], why: string) {
  return Object.fromEntries(actions.map((action) => [`${who} ${action}`, why]));
}

function onEverything(who: string) {
  return {
    ...Object.fromEntries(NETWORK_INTERFACES.map((action) => [`${who} ${action} on *`, PLACING])),
    ...Object.fromEntries(NETWORK_INTERFACES.map((action) => [`${who} never ${action} on *`, NOT_BY_CODE])),
  };
}
