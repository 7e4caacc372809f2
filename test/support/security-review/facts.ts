/**
 * Reads from a template who may do what, who may connect to whom, and what is kept. Names stay as the template has them:
 * logical ids without their hashes, and ARNs of the stack's own account and region without that beginning.
 */
import { isDeepStrictEqual } from 'node:util';
import { bare } from '../../infra/a-reaper.js';

/** One row of the review: one action on one resource, one side of a connection, or one thing that is kept. */
export interface Fact {
  readonly who: string;
  readonly may: string;
  /** A resource, an address, or how long something is kept. */
  readonly on: string;
  /** The conditions; empty without any. */
  readonly only: string;
}

/** A template, as far as the review reads it. */
export interface Resources {
  readonly Resources: Readonly<Record<string, Resource>>;
}

interface Resource {
  readonly Type: string;
  readonly DeletionPolicy?: string;
  readonly Properties?: Properties;
}

type Properties = Readonly<Record<string, unknown>>;

/** These types neither allow, connect nor keep anything by themselves. */
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

/** CDK writes this address into a group that lets nothing out, because an empty list would let everything out. */
const NOTHING = '255.255.255.255/32';

/**
 * The facts that the second of two templates adds to the first.
 *
 * @throws Error for a type of resource, or a form of a statement, that this file does not know.
 */
export function addedFacts(before: Resources, after: Resources): readonly Fact[] {
  const known = new Set(changedFacts(before, after).map((fact) => JSON.stringify(fact)));
  return changedFacts(after, before).filter((fact) => !known.has(JSON.stringify(fact)));
}

function changedFacts(template: Resources, other: Resources): readonly Fact[] {
  return Object.entries(template.Resources)
    .filter(([id, resource]) => !isDeepStrictEqual(resource, other.Resources[id]))
    .flatMap(([id, resource]) => factsOf(nameOf(bare({ Ref: id })), bare(resource) as Resource));
}

function factsOf(id: string, { Type, DeletionPolicy = '', Properties: properties = {} }: Resource): readonly Fact[] {
  const keep = (on: string): Fact => ({
    who: id,
    may: 'keep',
    on,
    only: DeletionPolicy === 'Retain' ? 'retained' : '',
  });
  switch (Type) {
    case 'AWS::IAM::Role':
      return [
        ...list(properties['ManagedPolicyArns']).map((arn) => ({ who: id, may: 'use', on: nameOf(arn), only: '' })),
        ...statements(properties['AssumeRolePolicyDocument'], { on: id }),
        ...list(properties['Policies']).flatMap((policy) =>
          statements((policy as Properties)['PolicyDocument'], { who: id }),
        ),
      ];
    case 'AWS::IAM::Policy':
      return list(properties['Roles']).flatMap((role) =>
        statements(properties['PolicyDocument'], { who: nameOf(role) }),
      );
    case 'AWS::SNS::TopicPolicy':
    case 'AWS::SQS::QueuePolicy':
      return statements(properties['PolicyDocument']);
    case 'AWS::KMS::Key':
      return statements(properties['KeyPolicy'], { on: id });
    case 'AWS::EC2::VPCEndpoint':
      return statements(properties['PolicyDocument'], { through: id });
    case 'AWS::Lambda::Permission':
      return [permission(properties)];
    case 'AWS::EC2::SecurityGroup':
      return [
        ...list(properties['SecurityGroupEgress']).flatMap((rule) => connection('out', id, rule as Properties)),
        ...list(properties['SecurityGroupIngress']).flatMap((rule) => connection('in', id, rule as Properties)),
      ];
    case 'AWS::EC2::SecurityGroupEgress':
      return connection('out', nameOf(properties['GroupId']), properties);
    case 'AWS::EC2::SecurityGroupIngress':
      return connection('in', nameOf(properties['GroupId']), properties);
    case 'AWS::Logs::LogGroup':
      return [keep('RetentionInDays' in properties ? `${properties['RetentionInDays']} days` : 'for ever')];
    case 'AWS::SQS::Queue':
      return [keep(`${Number(properties['MessageRetentionPeriod'] ?? DEFAULT_QUEUE_SECONDS) / 86_400} days`)];
    case 'AWS::SecretsManager::Secret':
      return [keep('no longer than the stack')];
    case 'AWS::Lambda::Function':
      return [
        ...('VpcConfig' in properties ? [] : [{ who: id, may: 'connect', on: 'all outside of the VPC', only: '' }]),
        ...('LoggingConfig' in properties ? [] : [keep('in a log of Lambda, for ever')]),
      ];
    default:
      if (WITHOUT_BEARING.has(Type)) return [];
      throw new Error(`the security review does not know ${Type} (${id}). Teach facts.ts what it allows.`);
  }
}

/** What a policy leaves out: the role that has it, the resource that it is of, or the endpoint that it is of. */
interface Implied {
  readonly who?: string;
  readonly on?: string;
  readonly through?: string;
}

function statements(document: unknown, { who, on, through }: Implied = {}): readonly Fact[] {
  const { Statement } = document as { readonly Statement: readonly Properties[] };
  return Statement.flatMap(({ Sid: _, Effect, Principal, Action, Resource, Condition, ...others }) => {
    if (Object.keys(others).length > 0) throw new Error(`the security review does not know ${Object.keys(others)}`);
    const whos = who === undefined ? principals(Principal, conditions(Condition)) : [who];
    const resources = on === undefined ? list(Resource).map(nameOf) : [on];
    const only = [
      ...(through === undefined ? [] : [`through ${through}`]),
      ...conditions(Condition).flatMap(([test, value]) => (test === ONE_PRINCIPAL ? [] : [`${test} ${value}`])),
    ].join(', ');
    return whos.flatMap((name) =>
      list(Action).flatMap((action) =>
        resources.map((resource) => ({
          who: name,
          may: `${Effect === 'Deny' ? 'never ' : ''}${action}`,
          on: resource,
          only,
        })),
      ),
    );
  });
}

/** Who may invoke a function. */
function permission({ Principal, Action, FunctionName, SourceAccount, SourceArn, ...others }: Properties): Fact {
  if (Object.keys(others).length > 0) throw new Error(`the security review does not know ${Object.keys(others)}`);
  const only = [
    ...list(SourceAccount).map((account) => `aws:SourceAccount ${nameOf(account)}`),
    ...list(SourceArn).map((arn) => `aws:SourceArn ${nameOf(arn)}`),
  ].join(', ');
  return { who: String(Principal), may: String(Action), on: nameOf(FunctionName), only };
}

/** A statement for everybody with this condition is for one principal. */
const ONE_PRINCIPAL = 'ArnEquals aws:PrincipalArn';

type Condition = readonly [test: string, value: string];

function principals(principal: unknown, tests: readonly Condition[]): readonly string[] {
  const one = tests.find(([test]) => test === ONE_PRINCIPAL);
  if (one !== undefined) return [one[1]];
  if (typeof principal === 'string') return [principal];
  return Object.values(principal ?? {}).flatMap((names) => list(names).map(nameOf));
}

function conditions(condition: unknown): readonly Condition[] {
  return Object.entries((condition ?? {}) as Readonly<Record<string, Properties>>).flatMap(([operator, tests]) =>
    Object.entries(tests).map(
      ([key, values]): Condition => [`${operator} ${key}`, list(values).map(nameOf).join(' or ')],
    ),
  );
}

function connection(side: 'out' | 'in', group: string, rule: Properties): readonly Fact[] {
  if (rule['CidrIp'] === NOTHING) return [];
  const { CidrIp, CidrIpv6, DestinationSecurityGroupId, SourceSecurityGroupId, IpProtocol, FromPort, ToPort } = rule;
  const peer = nameOf(CidrIp ?? CidrIpv6 ?? DestinationSecurityGroupId ?? SourceSecurityGroupId);
  const may = `connect by ${IpProtocol} ${FromPort}${FromPort === ToPort ? '' : `-${ToPort}`}`;
  const [who, on] = side === 'out' ? [group, peer] : [peer, group];
  return [{ who, may, on, only: `rule ${side}` }];
}

function nameOf(reference: unknown): string {
  return String(reference)
    .replace(/^arn:<AWS::Partition>:[\w-]+:<AWS::Region>:<AWS::AccountId>:/, '')
    .replace(/^<(\w+)(?:\.\w+)?>$/, '$1');
}

/** One or several, as templates write them. */
function list(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
