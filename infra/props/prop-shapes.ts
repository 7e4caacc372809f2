import { Token } from 'aws-cdk-lib';
import { excerptOfName, nearMiss } from '../../lambda/input/faults.js';
import type { ConnectionReaperProps } from '../connection-reaper-props.js';
import { RESOURCE_ID } from '../functions/permissions.js';

/** What a prop must look like for the rest of the construct to read it. */
interface Shape {
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
}

/** Judged by other checks, which say more of it. */
const ELSEWHERE: Shape = { expected: 'anything', fits: () => true };

const DURATION: Shape = {
  expected: 'a Duration, such as Duration.minutes(5)',
  fits: (value) => typeof Object(value).toSeconds === 'function',
};

/** By what we use of it, since an app may have several copies of aws-cdk-lib, to which `instanceof` is blind. */
function construct(expected: string, ...attributes: readonly string[]): Shape {
  return { expected, fits: (value) => isObject(value) && attributes.some((attribute) => attribute in value) };
}

const SECRET = construct('a secret (ISecret)', 'secretArn');
const SECURITY_GROUP = construct('a security group (ISecurityGroup)', 'securityGroupId');
const TOPIC = construct('a topic (ITopic)', 'topicArn');

function list(expected: string, fits: Shape['fits'], least = 0): Shape {
  return {
    expected: `a list of ${expected}${least === 0 ? '' : `, ${least} or more`}`,
    fits: (value) => Array.isArray(value) && value.length >= least && value.every(fits),
  };
}

const WITH_PATIENCE = (value: unknown) =>
  isObject(value) && (!('idleTimeout' in value) || value.idleTimeout === undefined || DURATION.fits(value.idleTimeout));

const SHAPES: Readonly<Record<keyof ConnectionReaperProps, Shape>> = {
  database: construct(
    'a cluster or an instance of aws-cdk-lib/aws-rds (IDatabaseCluster, IDatabaseInstance)',
    'clusterIdentifier',
    'instanceIdentifier',
  ),
  databaseLabel: ELSEWHERE,
  secret: SECRET,
  adminSecret: SECRET,
  reaperRole: ELSEWHERE,
  iamAuthentication: ELSEWHERE,
  databaseResourceId: {
    expected: RESOURCE_ID.expected,
    fits: (value) => isText(value) && (Token.isUnresolved(value) || RESOURCE_ID.form.test(String(value))),
  },
  breakGlassSecret: SECRET,
  rescueLogin: ELSEWHERE,
  vpc: construct('a VPC (IVpc)', 'vpcId'),
  vpcSubnets: { expected: 'a selection of subnets (SubnetSelection)', fits: isObject },
  interfaceEndpoints: { expected: 'true or false', fits: (value) => typeof value === 'boolean' },
  securityGroups: list('security groups (ISecurityGroup)', SECURITY_GROUP.fits, 1),
  databaseSecurityGroup: SECURITY_GROUP,
  databasePort: ELSEWHERE,
  instances: list(
    'instances { name, host, port }',
    (value) => isObject(value) && 'host' in value && isText(value.host),
  ),
  databaseName: ELSEWHERE,
  sslMode: ELSEWHERE,
  sslRootCert: ELSEWHERE,
  mode: ELSEWHERE,
  idleTimeout: DURATION,
  idleInTransactionTimeout: DURATION,
  pressure: list('tiers { usedPercent, idleTimeout }, with a Duration', WITH_PATIENCE),
  keepPerApplication: ELSEWHERE,
  maxTerminationsPerRun: ELSEWHERE,
  rules: list('rules, with a Duration for idleTimeout', WITH_PATIENCE),
  roleLimits: { expected: 'an object of role names and their limits', fits: isObject },
  terminateAboveRoleLimit: ELSEWHERE,
  maxApplications: ELSEWHERE,
  applicationNames: list('{ match, name }', isObject),
  trigger: ELSEWHERE,
  interval: DURATION,
  timeout: DURATION,
  metricsVia: ELSEWHERE,
  logRetention: { expected: 'a number of days (RetentionDays)', fits: (value) => typeof value === 'number' },
  alarmTopic: TOPIC,
  pageTopic: TOPIC,
  topicEncryptionKey: construct('a KMS key (IKey)', 'keyArn'),
  alarms: ELSEWHERE,
  runbookUrl: ELSEWHERE,
};

/**
 * What TypeScript refuses in a literal, and lets pass from plain JavaScript or a variable: props that there are not, which
 * would be ignored, and values of another kind, which would fail far from here or have no effect.
 */
export function shapeFaults(given: ConnectionReaperProps): readonly string[] {
  return Object.entries(given).flatMap(([name, value]) => {
    if (!isProp(name))
      return [
        `${excerptOfName(name)}: unknown prop, ${nearMiss(name, Object.keys(SHAPES)) ?? `expected one of ${Object.keys(SHAPES).join(', ')}`}`,
      ];
    const { expected, fits } = SHAPES[name];
    return value === undefined || fits(value) ? [] : [`${name}: expected ${expected}, got ${excerpt(value)}`];
  });
}

function isProp(name: string): name is keyof ConnectionReaperProps {
  return Object.hasOwn(SHAPES, name);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' || Token.isUnresolved(value);
}

/** Constructs go in circles, and are told by their class. */
function excerpt(value: unknown): string {
  if (typeof value === 'function' || (isObject(value) && value.constructor !== Object)) {
    return `a ${value.constructor?.name ?? 'value'}`;
  }
  return Array.isArray(value) ? `a list of ${value.length}` : (JSON.stringify(value) ?? String(value)).slice(0, 80);
}
