/**
 * What things of a template are called in the review. One that has no name here is an error: who reads the review must
 * know what is meant.
 */

/** By the beginning of a logical id, which CDK ends with a hash. */
const NAMES: Readonly<Record<string, string>> = {
  ReaperRole: 'the sweep',
  ReaperFunction: 'the sweep',
  ReaperBootstrapRole: 'the bootstrap',
  ReaperBootstrapFunction: 'the bootstrap',
  ReaperSchedulerRole: 'the schedule',
  ReaperBootstrapProviderRole: 'the provider',
  ReaperBootstrapProviderFrameworkframeworkonEvent: 'the provider',
  ReaperLog: 'the log of the sweep',
  ReaperBootstrapLog: 'the log of the bootstrap',
  ReaperBootstrapProviderLog: 'the log of the provider',
  ReaperDeadLetters: 'the dead letters',
  ReaperAlarmTopic: 'the topic of the alarms',
  ReaperPageTopic: 'the topic of the page',
  Tickets: 'a given topic that has a policy',
  OnCall: 'a given topic that has a policy',
  ReaperLogin: "the reaper's own secret",
  GivenSecret: 'the given secret',
  BreakGlassSecret: 'the break-glass secret',
  ClusterSecret: 'the admin secret',
  ClusterSecretAttachment: 'the admin secret',
  InstanceSecretAttachment: "the source's secret, the master user's",
  SecretKey: 'the key of the secret',
  TopicKey: 'the key of the topics',
  ReaperSecurityGroup: 'the functions',
  GivenGroup: 'the functions',
  ClusterSecurityGroup: 'the database',
  ReplicaSecurityGroup: 'the database',
  ReaperEndpointsSecretsManager: 'the endpoint of Secrets Manager',
  ReaperEndpointsSecretsManagerSecurityGroup: 'the endpoint of Secrets Manager',
  ReaperEndpointsCloudWatch: 'the endpoint of CloudWatch',
  ReaperEndpointsCloudWatchSecurityGroup: 'the endpoint of CloudWatch',
};

/** What is no reference alone. */
const PATTERNS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^\*$/, 'everything'],
  [/^0\.0\.0\.0\/0$/, 'any IPv4 address'],
  [/^arn:.*:dbuser:<Cluster\.DBClusterResourceId>\/reaper$/, 'the database, as `reaperRole`'],
  [/^arn:.*:secret:orders\/reaper-\?{6}$/, 'the secret of that name'],
  [/^Service:lambda\.amazonaws\.com$/, 'Lambda'],
  [/^Service:scheduler\.amazonaws\.com$/, 'EventBridge Scheduler'],
  [/^Service:(lambda\.alarms\.)?cloudwatch\.amazonaws\.com$/, 'CloudWatch'],
  [/^AWS:\*$/, 'everybody'],
  [/^<ReaperAlarms(SlotsNearlyFull|DatabaseConnections|SweepAgain)(writer|reader[ab]|primary|replica)\.Arn>$/, '`$1`'],
  [/^tcp 443$/, 'TCP 443'],
  [/^tcp (5432|<(Cluster|Replica)\.Endpoint\.Port>)$/, "TCP, the database's port"],
];

/**
 * What a reference, a principal, an address or a port is called.
 *
 * @throws Error for what has no name.
 */
export function nameOf(text: string): string {
  const [, id = ''] = /^<(\w+)(?:\.\w+)?>$/.exec(text) ?? [];
  const name = Object.hasOwn(NAMES, id) ? NAMES[id] : undefined;
  if (name !== undefined) return name;
  const found = PATTERNS.find(([pattern]) => pattern.test(text));
  if (found !== undefined) return text.replace(...found);
  throw new Error(`the security review has no name for ${text}: give it one in ${import.meta.url.split('/').at(-1)}`);
}
