import { Duration } from 'aws-cdk-lib';
import { type Fault, ruleFaults } from '../../lambda/input/faults.js';
import { SETTINGS_RULES, type Settings } from '../../lambda/input/settings.js';
import { alarmFaults } from '../alarms/faults.js';
import type { PageOverride } from '../alarms/overrides.js';
import { ENDPOINT_VARIABLES, environmentFaults } from '../functions/environment.js';
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
  /** What names the role in place of `reaperRole`. */
  readonly roleNamedBy: string | undefined;
}

/** The faults of props or of an entry: of the values together, each rule as far as the values it is about are sound. */
export function faultsTogether(judged: Judged): readonly Fault[] {
  const { value, broken } = judged;
  const sound = (...keys: readonly (keyof ParsedProps)[]) => !keys.some((key) => broken.has(key));
  return [
    ...(sound('secret', 'adminSecret', 'iamAuthentication') ? loginFaults(judged) : []),
    ...ruleFaults(SETTINGS_RULES, value as Settings, broken),
    ...(sound('trigger', 'interval', 'timeout') ? timeFaults(value) : []),
    ...(sound('reaperRole', 'roleLimits', 'secret') ? ownLimitFaults(value) : []),
    ...(sound('instances') ? hostFaults(value.instances ?? []) : []),
    ...RULES.flatMap(([keys, judge]) => (sound(...keys) ? (judge(judged) ?? []) : [])),
    ...(sound('trigger', 'interval', 'instances', 'databaseLabel')
      ? alarmFaults(value.alarms, broken, context(value))
      : []),
    ...environmentFaults(value.settings, {
      ownSecret: value.secret === undefined && !value.iamAuthentication,
      adminSecret: value.adminSecret !== undefined,
      endpoints: endpointVariables(value),
    }),
  ];
}

/** What the alarms depend on. */
function context({ databaseLabel, trigger, interval, instances = [] }: ParsedProps) {
  return { databaseLabel, trigger, intervalMinutes: interval.toMinutes(), instances };
}

function endpointVariables(props: ParsedProps): readonly string[] {
  if (props.interfaceEndpoints !== true) return [];
  return [
    ...(readsSecrets(props) ? [ENDPOINT_VARIABLES.secretsManager] : []),
    ...(callsCloudWatch(props) ? [ENDPOINT_VARIABLES.cloudWatch] : []),
  ];
}

/** The login exists already, by a secret or by IAM, or the deployment makes it. */
function loginFaults({ value, broken, name }: Judged): readonly Fault[] {
  const { secret, adminSecret, iamAuthentication, databaseResourceId, instances } = value;
  const faults: Fault[] = [];
  if (secret === undefined && adminSecret === undefined && !iamAuthentication) {
    faults.push({
      path: name('secret'),
      problem: 'missing',
      hint: `Set ${name('secret')}, ${name('adminSecret')} or iamAuthentication: true`,
    });
  }
  if (secret !== undefined && adminSecret !== undefined) {
    faults.push({
      path: name('adminSecret'),
      problem: `has no effect with ${name('secret')}, whose role is set up by hand`,
      hint: 'Remove one of the two',
    });
  }
  if (secret !== undefined && iamAuthentication) {
    faults.push({
      path: 'iamAuthentication',
      problem: `not supported with ${name('secret')}, which holds a password`,
      hint: 'Remove one of the two',
    });
  }
  // With iamAuthentication the settings need instances themselves.
  if (
    adminSecret !== undefined &&
    secret === undefined &&
    !iamAuthentication &&
    instances === undefined &&
    !broken.has('instances')
  ) {
    faults.push({
      path: 'instances',
      problem: 'missing',
      hint: `With ${name('adminSecret')} no secret names the host of the reaper, so list the instances`,
    });
  }
  if (iamAuthentication && databaseResourceId === undefined && !broken.has('databaseResourceId')) {
    faults.push({
      path: 'databaseResourceId',
      problem: 'missing',
      hint:
        'iamAuthentication is granted on it. aws rds describe-db-instances prints it as DbiResourceId, ' +
        'describe-db-clusters as DbClusterResourceId',
    });
  }
  return faults;
}

function timeFaults({ trigger, interval, timeout }: ParsedProps): readonly Fault[] {
  const faults: Fault[] = [];
  if (trigger === 'alarm' && interval.toMinutes() === 1) {
    faults.push({
      path: 'interval',
      problem: 'expected 2 minutes or more with trigger: "alarm", since an alarm takes one minute to be in ALARM again',
      got: '1',
    });
  }
  if (timeout.toSeconds() >= interval.toSeconds()) {
    faults.push({
      path: 'timeout',
      problem: 'expected less than the interval, so that a sweep ends before the next one begins',
      got: `${timeout.toSeconds()} s`,
    });
  }
  return faults;
}

/** A limit on the reaper's own role would lock it out. Synth does not know the role that a secret names. */
function ownLimitFaults({ secret, reaperRole, roleLimits }: ParsedProps): readonly Fault[] {
  if (secret !== undefined || !Object.hasOwn(roleLimits, reaperRole)) return [];
  return [
    {
      path: `roleLimits.${reaperRole}`,
      problem: 'limits the role of the reaper itself, which would lock it out',
      hint: 'Remove it',
    },
  ];
}

function unused(path: string, reason: string): Fault {
  return { path, problem: `has no effect${reason}`, hint: 'Remove it' };
}

const critical = ({ value }: Judged) => value.alarms?.ConnectionsCritical;

/** Props that have no effect. Each rule is left out while one of the props it is about is broken. */
const RULES: readonly (readonly [readonly (keyof ParsedProps)[], (judged: Judged) => Fault | undefined])[] = [
  [
    ['reaperRole', 'secret'],
    ({ written, roleNamedBy }) =>
      written.has('reaperRole') && roleNamedBy !== undefined
        ? unused('reaperRole', `, since ${roleNamedBy} names the role`)
        : undefined,
  ],
  [
    ['databasePort', 'instances'],
    ({ written, value }) =>
      written.has('databasePort') && value.instances !== undefined
        ? {
            path: 'databasePort',
            problem: 'has no effect with instances, which have ports of their own',
            hint: 'Remove it, or set the port of each instance',
          }
        : undefined,
  ],
  [
    ['databaseResourceId', 'iamAuthentication'],
    ({ written, value }) =>
      written.has('databaseResourceId') && !value.iamAuthentication
        ? unused('databaseResourceId', ' without iamAuthentication, which is granted on it')
        : undefined,
  ],
  [
    ['interfaceEndpoints', 'secret', 'adminSecret', 'breakGlassSecret', 'metricsVia'],
    ({ value }) =>
      value.interfaceEndpoints === true && !readsSecrets(value) && !callsCloudWatch(value)
        ? unused('interfaceEndpoints', ', since the function calls neither Secrets Manager nor CloudWatch')
        : undefined,
  ],
  [
    ['pageTopic', 'alarms'],
    (judged) =>
      judged.value.pageTopic !== undefined && critical(judged) === false
        ? unused(judged.name('pageTopic'), ' without the alarm ConnectionsCritical, since nothing else pages')
        : undefined,
  ],
  [
    ['pageTopic', 'alarms'],
    (judged) =>
      judged.value.pageTopic !== undefined && hasPageActions(judged)
        ? unused(judged.name('pageTopic'), ` with ${judged.name(PAGE_ACTIONS)}, which ConnectionsCritical does instead`)
        : undefined,
  ],
  [
    ['topicEncryptionKey', 'alarmTopic', 'pageTopic', 'alarms'],
    (judged) =>
      judged.value.topicEncryptionKey !== undefined && !makesTopic(judged)
        ? unused(
            judged.name('topicEncryptionKey'),
            ` with ${judged.name('alarmTopic')} and ${judged.name(hasPageActions(judged) ? PAGE_ACTIONS : 'pageTopic')}, since no topic is made`,
          )
        : undefined,
  ],
];

const PAGE_ACTIONS = 'alarms.ConnectionsCritical.actions';

/** Whether the alarm that pages does something in place of notifying its topic. */
function hasPageActions(judged: Judged): boolean {
  const page: (PageOverride & { readonly topicArn?: string }) | undefined = critical(judged) || undefined;
  return (page?.actions ?? page?.topicArn) !== undefined;
}

function makesTopic(judged: Judged): boolean {
  const { alarmTopic, pageTopic } = judged.value;
  return alarmTopic === undefined || (critical(judged) !== false && !hasPageActions(judged) && pageTopic === undefined);
}
