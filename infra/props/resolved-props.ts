import type { Duration } from 'aws-cdk-lib';
import type { IConnectable, ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Settings, SettingsInput } from '../../lambda/input/settings.js';
import type { AlarmOverrides } from '../alarms/overrides.js';
import type { ReaperInstance } from '../connection-reaper-props.js';
import type { IamLogin } from '../functions/permissions.js';
import type { DatabaseFacts } from '../placement/database.js';

/** Settings of the function. The name of the database is missing only while faults are collected. */
export type EnvironmentSettings = Omit<SettingsInput, 'databaseLabel'> & { readonly databaseLabel: string | undefined };

/** A secret, as far as its ARN is known before any construct exists. */
type SecretReference = Pick<ISecret, 'secretArn'>;

/** Props or an entry of `cdk.json` in one form: the names of props, the defaults filled in, idle timeouts in seconds. */
export interface ParsedProps
  extends Omit<Settings, 'databaseLabel' | 'secretArn' | 'breakGlassSecretArn' | 'instances'> {
  readonly databaseLabel?: string | undefined;
  readonly instances?: readonly ReaperInstance[] | undefined;
  readonly secret?: SecretReference | undefined;
  readonly adminSecret?: SecretReference | undefined;
  readonly breakGlassSecret?: SecretReference | undefined;
  readonly databaseResourceId?: string | undefined;
  readonly databasePort?: number | undefined;
  readonly interfaceEndpoints?: boolean | undefined;
  readonly trigger: 'schedule' | 'alarm';
  readonly interval: Duration;
  readonly timeout: Duration;
  readonly alarms?: AlarmOverrides | undefined;
  readonly runbookUrl?: string | undefined;
  readonly alarmTopic?: unknown;
  readonly pageTopic?: unknown;
  readonly topicEncryptionKey?: unknown;
  /** Only of props. */
  readonly facts?: DatabaseFacts | undefined;
  /** What the function gets. A secret that the construct makes is still missing in it. */
  readonly settings: EnvironmentSettings;
}

/** What a reaper is made of: checked, and complete. */
export interface ResolvedProps extends ParsedProps {
  readonly databaseLabel: string;
  readonly vpc: IVpc;
  readonly vpcSubnets?: SubnetSelection | undefined;
  readonly securityGroups?: readonly ISecurityGroup[] | undefined;
  /** The database's side of the security group rules; `undefined` where it is not known. */
  readonly peer: IConnectable | undefined;
  readonly secret?: ISecret | undefined;
  readonly adminSecret?: ISecret | undefined;
  readonly breakGlassSecret?: ISecret | undefined;
  readonly logRetention: RetentionDays;
  readonly alarmTopic?: ITopic | undefined;
  readonly pageTopic?: ITopic | undefined;
  readonly topicEncryptionKey?: IKey | undefined;
}

/** The login by IAM; `undefined` where it is by password. */
export function iamLoginOf({ iamAuthentication, reaperRole, databaseResourceId }: ParsedProps): IamLogin | undefined {
  if (!iamAuthentication || databaseResourceId === undefined) return undefined;
  return { user: reaperRole, resourceId: databaseResourceId };
}

/** Whether any function of the construct reads a secret. */
export function readsSecrets({ secret, adminSecret, breakGlassSecret }: ParsedProps): boolean {
  return [secret, adminSecret, breakGlassSecret].some((one) => one !== undefined);
}

/** Whether the function publishes by CloudWatch's API. */
export function callsCloudWatch({ metricsVia }: ParsedProps): boolean {
  return metricsVia === 'api';
}
