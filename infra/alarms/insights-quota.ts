/** Warns at synth before CloudWatch's quota of alarms on Metrics Insights queries is used up. */
import { Annotations, Aspects, Stack } from 'aws-cdk-lib';
import { CfnAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct, IConstruct } from 'constructs';

/**
 * By default, for an account and region.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html
 */
const QUOTA = 200;

/**
 * 80 % of the quota. The app does not know the alarms of others in the account. And while a database is renamed,
 * CloudFormation makes its new alarms before it deletes the old ones.
 */
const MOST = 160;

/** How many such alarms each app makes, by account and region. An environment that has been warned of is taken out. */
const COUNTS = new WeakMap<IConstruct, Map<string, number>>();

/** Warns once for each account and region. It counts when the app is synthesized, since only then all alarms are made. */
export function watchInsightsQuota(alarms: Construct): void {
  Aspects.of(alarms).add({
    visit: (node) => {
      if (node === alarms) warnOfQuota(alarms);
    },
  });
}

function warnOfQuota(alarms: Construct): void {
  const { root } = alarms.node;
  const counts = COUNTS.get(root) ?? countByEnvironment(root);
  COUNTS.set(root, counts);
  const { environment } = Stack.of(alarms);
  const count = counts.get(environment) ?? 0;
  if (count <= MOST) return;
  counts.delete(environment);
  Annotations.of(alarms).addWarningV2(
    'connection-reaper:insightsAlarms',
    `This app makes ${count} alarms on Metrics Insights queries in ${environment.replace('aws://', '')}. CloudWatch's ` +
      `default quota is ${QUOTA} for an account and region, and this warning starts above ${MOST}, because other apps and ` +
      'replaced alarms count too. Leave out alarms where you can do without (alarms: { ApplicationConnectionsHigh: ' +
      'false, LeakContinues: false, RoleNearLimit: false }), or ask AWS for a higher quota and acknowledge this',
  );
}

function countByEnvironment(root: IConstruct): Map<string, number> {
  const counts = new Map<string, number>();
  for (const alarm of root.node.findAll()) {
    if (!(alarm instanceof CfnAlarm && queriesInsights(alarm))) continue;
    const { environment } = Stack.of(alarm);
    counts.set(environment, (counts.get(environment) ?? 0) + 1);
  }
  return counts;
}

function queriesInsights(alarm: CfnAlarm): boolean {
  const queries: readonly CfnAlarm.MetricDataQueryProperty[] = Stack.of(alarm).resolve(alarm.metrics) ?? [];
  return queries.some(({ expression }) => /^\s*select\s/i.test(expression ?? ''));
}
