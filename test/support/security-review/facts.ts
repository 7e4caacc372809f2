/**
 * Reads from a template who may do what, who may connect to whom, and what is kept. References stay as they are, written
 * `<LogicalId.Attribute>`: what they mean is said elsewhere.
 *
 * A type of resource or a form of a rule that is not known here is an error, so that none is left out of the review.
 */
import { bare } from '../../infra/a-reaper.js';
import { list, permission, type Statement, statements } from './statements.js';

/** A rule of a security group: one side of a way. */
export interface Path {
  readonly kind: 'path';
  readonly side: 'out' | 'in';
  /** Security groups, or a block of addresses. */
  readonly from: string;
  readonly to: string;
  readonly port: string;
}

/** Something of which there is more to say than what its policies say. */
export interface Thing {
  readonly kind:
    | 'security group'
    | 'log'
    | 'queue'
    | 'secret'
    | 'function outside of the VPC'
    | 'log of Lambda'
    | 'other';
  readonly id: string;
  /** For how many days it is kept; `null`: for ever. */
  readonly days?: number | null;
  /** Whether it stays when the stack goes. */
  readonly stays?: boolean;
  /** What it is otherwise, to tell a change of it. */
  readonly content?: string;
}

/** What a template says, piece by piece. */
export type Fact = Statement | Path | Thing;

interface Resource {
  readonly Type: string;
  readonly DeletionPolicy?: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}

type Properties = Readonly<Record<string, unknown>>;

/** What has no bearing on rights, ways and logs by itself. */
const WITHOUT_BEARING = new Set([
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::CompositeAlarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::Scheduler::Schedule',
  'AWS::SNS::Topic',
  'Custom::ConnectionReaperBootstrap',
]);

/** @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html */
const DEFAULT_QUEUE_SECONDS = 345_600;

/** Everything that a template says. */
function factsOf(template: object): readonly Fact[] {
  const { Resources } = template as { readonly Resources: Readonly<Record<string, Resource>> };
  return Object.entries(Resources).flatMap(([logicalId, resource]) => {
    const id = String(bare({ Ref: logicalId }));
    return factsOfResource(id, resource, (bare(resource.Properties) ?? {}) as Properties);
  });
}

/** What the second of two templates says beyond the first. */
export function addedFacts(before: object, after: object): readonly Fact[] {
  const known = new Set(factsOf(before).map((fact) => JSON.stringify(fact)));
  return factsOf(after).filter((fact) => !known.has(JSON.stringify(fact)));
}

function factsOfResource(id: string, { Type, DeletionPolicy }: Resource, properties: Properties): readonly Fact[] {
  switch (Type) {
    case 'AWS::IAM::Role':
      if (list(properties['ManagedPolicyArns']).length > 0) {
        throw new Error(`the security review doesn't know what the managed policies of ${id} allow: write them out`);
      }
      return [
        ...statements('trust', properties['AssumeRolePolicyDocument'], { resource: id }),
        ...list(properties['Policies']).flatMap((policy) =>
          statements('role', (policy as Properties)['PolicyDocument'], { who: id }),
        ),
      ];
    case 'AWS::IAM::Policy':
      return list(properties['Roles']).flatMap((role) =>
        statements('role', properties['PolicyDocument'], { who: String(role) }),
      );
    case 'AWS::SNS::TopicPolicy':
    case 'AWS::SQS::QueuePolicy': {
      const [of] = list(properties['Topics'] ?? properties['Queues']);
      return statements(of as `<${string}>`, properties['PolicyDocument']);
    }
    case 'AWS::KMS::Key':
      return statements(id as `<${string}>`, properties['KeyPolicy'], { resource: id });
    case 'AWS::EC2::VPCEndpoint':
      return statements(id as `<${string}>`, properties['PolicyDocument']);
    case 'AWS::Lambda::Permission':
      return [permission(properties)];
    case 'AWS::EC2::SecurityGroup':
      return [
        { kind: 'security group', id },
        ...list(properties['SecurityGroupEgress']).flatMap((rule) => path('out', id, rule)),
        ...list(properties['SecurityGroupIngress']).flatMap((rule) => path('in', id, rule)),
      ];
    case 'AWS::EC2::SecurityGroupEgress':
      return path('out', String(properties['GroupId']), properties);
    case 'AWS::EC2::SecurityGroupIngress':
      return path('in', String(properties['GroupId']), properties);
    case 'AWS::Logs::LogGroup':
      return [
        {
          kind: 'log',
          id,
          days: Number(properties['RetentionInDays'] ?? 0) || null,
          stays: DeletionPolicy === 'Retain',
        },
      ];
    case 'AWS::SQS::Queue':
      return [
        { kind: 'queue', id, days: Number(properties['MessageRetentionPeriod'] ?? DEFAULT_QUEUE_SECONDS) / 86_400 },
      ];
    case 'AWS::SecretsManager::Secret':
      return [{ kind: 'secret', id, days: null, stays: DeletionPolicy === 'Retain' }];
    case 'AWS::Lambda::Function':
      return [
        ...('VpcConfig' in properties ? [] : [{ kind: 'function outside of the VPC', id } as const]),
        ...('LoggingConfig' in properties ? [] : [{ kind: 'log of Lambda', id, days: null, stays: true } as const]),
      ];
    default:
      if (WITHOUT_BEARING.has(Type)) return [];
      return [{ kind: 'other', id, content: JSON.stringify({ Type, ...properties }) }];
  }
}

/** What CDK writes into a group that lets nothing out, since an empty list would let everything out. */
const NOTHING = '255.255.255.255/32';

function path(side: Path['side'], group: string, rule: unknown): readonly Path[] {
  const {
    GroupId: _,
    Description: __,
    CidrIp,
    DestinationSecurityGroupId,
    SourceSecurityGroupId,
    ...ports
  } = rule as Properties;
  if (CidrIp === NOTHING) return [];
  const own = withoutAttribute(group);
  const peer = withoutAttribute(String(CidrIp ?? DestinationSecurityGroupId ?? SourceSecurityGroupId));
  const { IpProtocol, FromPort, ToPort } = ports;
  const port = FromPort === ToPort ? `${IpProtocol} ${FromPort}` : `${IpProtocol} ${FromPort}-${ToPort}`;
  return [{ kind: 'path', side, port, ...(side === 'out' ? { from: own, to: peer } : { from: peer, to: own }) }];
}

function withoutAttribute(reference: string): string {
  return reference.replace(/^(<\w+)\.\w+>$/, '$1>');
}
