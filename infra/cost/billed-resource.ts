import * as v from 'valibot';
import { ADMIN_SECRET_VARIABLE, SETTINGS_VARIABLE } from '../../lambda/contract/names.js';
import { parseSettings, type Settings } from '../../lambda/input/settings.js';
import { type DeployedAlarm, readAlarm } from './deployed-alarm.js';

/** What one resource of a template is, in the eyes of a bill. */
export type BilledPart =
  | { readonly kind: 'free' | 'bootstrap' | 'compositeAlarm' | 'dashboard' | 'secret' }
  | { readonly kind: 'sweeper'; readonly sweeper: Sweeper }
  | { readonly kind: 'schedule'; readonly minutes: number }
  | { readonly kind: 'log'; readonly retentionDays: number | null }
  | { readonly kind: 'alarm'; readonly alarm: DeployedAlarm }
  /** An interface endpoint, in as many availability zones. */
  | { readonly kind: 'endpoint'; readonly zones: number };

/** The function that sweeps. */
export interface Sweeper {
  readonly settings: Settings;
  readonly memoryMb: number;
  /** The availability zones that it is in: one a subnet. */
  readonly zones: number;
  /** The logical id of its log group. */
  readonly logId: string;
}

/** What costs nothing, or too little to be seen on a bill. */
export const FREE_PART = { kind: 'free' } as const satisfies BilledPart;

/**
 * What costs nothing by being there. Of what is charged by use, topics and the queue of dead letters are used so seldom
 * that a month comes to less than a cent.
 */
const FREE: ReadonlySet<string> = new Set([
  'AWS::CDK::Metadata',
  'AWS::EC2::SecurityGroup',
  'AWS::EC2::SecurityGroupEgress',
  'AWS::EC2::SecurityGroupIngress',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::Lambda::Permission',
  'AWS::SNS::Topic',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::Queue',
  'AWS::SQS::QueuePolicy',
  'Custom::ConnectionReaperBootstrap',
]);

/**
 * Reads one resource.
 *
 * @returns `null` for what has no price here: another type, or one that is not as our resources are and may cost more.
 */
export function readResource(type: string, properties: object): BilledPart | null {
  switch (type) {
    case 'AWS::Lambda::Function':
      return readFunction(properties);
    case 'AWS::Scheduler::Schedule':
      return readSchedule(properties);
    case 'AWS::Logs::LogGroup':
      return readLogGroup(properties);
    case 'AWS::EC2::VPCEndpoint':
      return readEndpoint(properties);
    case 'AWS::CloudWatch::Alarm': {
      const alarm = readAlarm(properties);
      return alarm && { kind: 'alarm', alarm };
    }
    case 'AWS::CloudWatch::CompositeAlarm':
      return { kind: 'compositeAlarm' };
    case 'AWS::CloudWatch::Dashboard':
      return { kind: 'dashboard' };
    case 'AWS::SecretsManager::Secret':
      return { kind: 'secret' };
    default:
      return FREE.has(type) ? FREE_PART : null;
  }
}

const reaperFunction = v.object({
  MemorySize: v.number(),
  Architectures: v.tuple([v.literal('arm64')]),
  Environment: v.object({
    Variables: v.object({ [SETTINGS_VARIABLE]: v.unknown(), [ADMIN_SECRET_VARIABLE]: v.optional(v.unknown()) }),
  }),
  VpcConfig: v.object({ SubnetIds: v.array(v.unknown()) }),
  LoggingConfig: v.object({ LogGroup: v.object({ Ref: v.string() }) }),
});

function readFunction(properties: object): BilledPart | null {
  const checked = v.safeParse(reaperFunction, properties);
  if (!checked.success) return null;
  const { MemorySize, Environment, VpcConfig, LoggingConfig } = checked.output;
  // It runs while the stack is deployed, and never else.
  if (Environment.Variables[ADMIN_SECRET_VARIABLE] !== undefined) return { kind: 'bootstrap' };
  return {
    kind: 'sweeper',
    sweeper: {
      settings: parseSettings(textOf(Environment.Variables[SETTINGS_VARIABLE])),
      memoryMb: MemorySize,
      zones: VpcConfig.SubnetIds.length,
      logId: LoggingConfig.LogGroup.Ref,
    },
  };
}

const schedule = v.object({
  ScheduleExpression: v.pipe(v.string(), v.regex(/^rate\(\d+ minutes?\)$/)),
  State: v.optional(v.literal('ENABLED')),
});

function readSchedule(properties: object): BilledPart | null {
  const checked = v.safeParse(schedule, properties);
  return checked.success ? { kind: 'schedule', minutes: Number(/\d+/.exec(checked.output.ScheduleExpression)) } : null;
}

const logGroup = v.object({ RetentionInDays: v.optional(v.number()) });

function readLogGroup(properties: object): BilledPart | null {
  const checked = v.safeParse(logGroup, properties);
  return checked.success ? { kind: 'log', retentionDays: checked.output.RetentionInDays ?? null } : null;
}

const interfaceEndpoint = v.object({
  VpcEndpointType: v.literal('Interface'),
  SubnetIds: v.array(v.unknown()),
});

function readEndpoint(properties: object): BilledPart | null {
  const checked = v.safeParse(interfaceEndpoint, properties);
  return checked.success ? { kind: 'endpoint', zones: checked.output.SubnetIds.length } : null;
}

/**
 * A text of a template. A number stands for what only the deployment knows, since that may be a port, and a number can
 * take the place of a name as well.
 */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const joined = v.safeParse(v.object({ 'Fn::Join': v.tuple([v.string(), v.array(v.unknown())]) }), value);
  if (!joined.success) return '5432';
  const [separator, parts] = joined.output['Fn::Join'];
  return parts.map(textOf).join(separator);
}
