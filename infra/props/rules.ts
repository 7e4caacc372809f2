import { Duration } from 'aws-cdk-lib';
import { type Fault, ruleFaults } from '../../lambda/input/faults.js';
import { SETTINGS_RULES, type Settings } from '../../lambda/input/settings.js';
import { alarmFaults } from '../alarms/faults.js';
import type { PageOverride } from '../alarms/overrides.js';
import { environmentFaults } from '../functions/environment.js';
import type { Naming } from './naming.js';
import { hostFaults } from './rds-endpoint.js';
import { callsCloudWatch, type ParsedProps, readsSecrets } from './resolved-props.js';

/** How long a sweep may take. */
export const DEFAULT_TIMEOUT = Duration.seconds(50);

/** The time between two sweeps, by what starts them. */
export const DEFAULT_INTERVAL = { schedule: Duration.minutes(1), alarm: Duration.minutes(5) } as const;

/** What is checked, and how it was written. */
export interface Judged {
  readonly value: ParsedProps;
  readonly broken: ReadonlySet<string>;
  /** The names of the props that were written down, and not filled in. */
  readonly written: ReadonlySet<string>;
  readonly name: Naming;
}

/** Whether none of these props is broken. A rule is left out while a prop that it is about is. */
type Sound = (...keys: readonly (keyof ParsedProps)[]) => boolean;

/** The faults of props or of an entry: of the values together, each rule as far as the values it is about are sound. */
export function faultsTogether(judged: Judged): readonly Fault[] {
  const { value, broken } = judged;
  const sound: Sound = (...keys) => !keys.some((key) => broken.has(key));
  const { databaseLabel, trigger, interval, instances = [] } = value;
  const rules = [loginFaults, roleFaults, sweepFaults, unusedPropFaults, topicFaults, databaseFaults];
  return [
    ...ruleFaults(SETTINGS_RULES, value as Settings, broken),
    ...rules.flatMap((rule) => rule(judged, sound)).filter((fault) => fault !== false),
    ...(sound('instances') ? hostFaults(instances) : []),
    ...(sound('trigger', 'interval', 'instances', 'databaseLabel')
      ? alarmFaults(value.alarms, broken, { databaseLabel, trigger, intervalMinutes: interval.toMinutes(), instances })
      : []),
    ...environmentFaults(value),
  ];
}

/** The fault of a prop that nothing uses. */
export function unused(path: string, reason: string, hint = 'Remove it'): Fault {
  return { path, problem: `has no effect${reason}`, hint };
}

/** The fault of a prop that is required. */
export function missing(path: string, hint?: string): Fault {
  return { path, problem: 'missing', ...(hint !== undefined && { hint }) };
}

function unsupported(path: string, reason: string, hint: string): Fault {
  return { path, problem: `not supported ${reason}`, hint };
}

/** The login exists already, by a secret or by IAM, or the deployment makes it. */
function loginFaults({ value, name }: Judged, sound: Sound) {
  const { secret, adminSecret, iamAuthentication, databaseResourceId, instances } = value;
  if (!sound('secret', 'adminSecret', 'iamAuthentication')) return [];
  return [
    (secret ?? adminSecret) === undefined &&
      !iamAuthentication &&
      missing(name('secret'), `Set ${name('secret')}, ${name('adminSecret')} or iamAuthentication: true`),
    secret !== undefined &&
      adminSecret !== undefined &&
      unused(name('adminSecret'), ` with ${name('secret')}, whose role is set up by hand`, 'Remove one of the two'),
    secret !== undefined &&
      iamAuthentication &&
      unsupported('iamAuthentication', `with ${name('secret')}, which holds a password`, 'Remove one of the two'),
    // With iamAuthentication the settings need instances themselves.
    sound('instances') &&
      adminSecret !== undefined &&
      (secret ?? instances) === undefined &&
      !iamAuthentication &&
      missing('instances', `With ${name('adminSecret')} no secret names the host of the reaper, so list the instances`),
    sound('databaseResourceId') &&
      iamAuthentication &&
      databaseResourceId === undefined &&
      missing(
        'databaseResourceId',
        'iamAuthentication is granted on it. aws rds describe-db-instances prints it as DbiResourceId, ' +
          'describe-db-clusters as DbClusterResourceId',
      ),
  ];
}

/** Synth does not know the role that a secret names. */
function roleFaults({ value, written, name }: Judged, sound: Sound) {
  const { secret, reaperRole, roleLimits } = value;
  return [
    sound('reaperRole', 'roleLimits', 'secret') &&
      secret === undefined &&
      Object.hasOwn(roleLimits, reaperRole) && {
        path: `roleLimits.${reaperRole}`,
        problem: 'limits the role of the reaper itself, which would lock it out',
        hint: 'Remove it',
      },
    sound('reaperRole', 'secret') &&
      secret !== undefined &&
      written.has('reaperRole') &&
      unused(
        'reaperRole',
        `, since ${written.has('secret') ? name('secret') : "the login of the replica's source"} names the role`,
      ),
  ];
}

function sweepFaults({ value: { trigger, interval, timeout } }: Judged, sound: Sound) {
  if (!sound('trigger', 'interval', 'timeout')) return [];
  return [
    trigger === 'alarm' &&
      interval.toMinutes() === 1 && {
        path: 'interval',
        problem:
          'expected 2 minutes or more with trigger: "alarm", since an alarm takes one minute to be in ALARM again',
        got: '1',
      },
    timeout.toSeconds() >= interval.toSeconds() && {
      path: 'timeout',
      problem: 'expected less than the interval, so that a sweep ends before the next one begins',
      got: `${timeout.toSeconds()} s`,
    },
  ];
}

function unusedPropFaults({ value, written }: Judged, sound: Sound) {
  return [
    sound('databasePort', 'instances') &&
      written.has('databasePort') &&
      value.instances !== undefined &&
      unused(
        'databasePort',
        ' with instances, which have ports of their own',
        'Remove it, or set the port of each instance',
      ),
    sound('databaseResourceId', 'iamAuthentication') &&
      written.has('databaseResourceId') &&
      !value.iamAuthentication &&
      unused('databaseResourceId', ' without iamAuthentication, which is granted on it'),
    sound('interfaceEndpoints', 'secret', 'adminSecret', 'breakGlassSecret', 'metricsVia') &&
      value.interfaceEndpoints === true &&
      !readsSecrets(value) &&
      !callsCloudWatch(value) &&
      unused('interfaceEndpoints', ', since the function calls neither Secrets Manager nor CloudWatch'),
  ];
}

function topicFaults({ value, name }: Judged, sound: Sound) {
  const { alarms, alarmTopic, pageTopic, topicEncryptionKey } = value;
  if (!sound('pageTopic', 'alarms')) return [];
  const page: (PageOverride & { readonly topicArn?: string }) | false | undefined = alarms?.ConnectionsCritical;
  const hasActions = page && (page.actions ?? page.topicArn) !== undefined;
  const makesTopic = alarmTopic === undefined || (page !== false && !hasActions && pageTopic === undefined);
  const actions = name('alarms.ConnectionsCritical.actions');
  return [
    pageTopic !== undefined &&
      page === false &&
      unused(name('pageTopic'), ' without the alarm ConnectionsCritical, since nothing else pages'),
    pageTopic !== undefined &&
      hasActions === true &&
      unused(name('pageTopic'), ` with ${actions}, which ConnectionsCritical does instead`),
    sound('topicEncryptionKey', 'alarmTopic') &&
      topicEncryptionKey !== undefined &&
      !makesTopic &&
      unused(
        name('topicEncryptionKey'),
        ` with ${name('alarmTopic')} and ${hasActions ? actions : name('pageTopic')}, since no topic is made`,
      ),
  ];
}

/** What the database does not tell, or does not support. */
function databaseFaults({ value }: Judged, sound: Sound) {
  const { facts, instances, adminSecret, roleLimits, iamAuthentication } = value;
  if (facts === undefined) return [];
  const { engineFamily = 'POSTGRESQL', isReplica } = facts;
  return [
    engineFamily !== 'POSTGRESQL' && {
      path: 'database',
      problem: 'expected PostgreSQL',
      got: `the engine family ${engineFamily}`,
    },
    sound('instances') &&
      instances === undefined &&
      missing(
        'instances',
        'The imported cluster does not tell its instances. Give instanceEndpointAddresses and port to ' +
          'fromDatabaseClusterAttributes, or set instances here',
      ),
    isReplica &&
      sound('adminSecret') &&
      adminSecret !== undefined &&
      unsupported('adminSecret', 'on a replica, where no role can be made', 'Set secret or iamAuthentication instead'),
    isReplica &&
      sound('roleLimits') &&
      Object.keys(roleLimits).length > 0 &&
      unsupported('roleLimits', 'on a replica, which takes its roles from its source', 'Limit the roles there'),
    sound('iamAuthentication') &&
      iamAuthentication &&
      facts.iamAuthentication === false && {
        path: 'iamAuthentication',
        problem: 'expected a database with iamAuthentication: true',
        got: 'one without',
      },
  ];
}
