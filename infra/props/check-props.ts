import { Duration, Token } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { check, InputError } from '../../lambda/input/faults.js';
import { settingsSchema } from '../../lambda/input/settings.js';
import { alarmFaults } from '../alarms/overrides.js';
import type { ConnectionReaperProps } from '../connection-reaper-props.js';
import { subnetFaults } from '../placement/network.js';
import { DEFAULT_INTERVAL, DEFAULT_TIMEOUT, deploymentSchema } from './deployment-schema.js';
import { loginFaults } from './login-faults.js';
import { shapeFaults } from './prop-shapes.js';
import { hostFaults } from './rds-endpoint.js';
import { reaperSettings, SOME_SECRET_ARN, withStandIns } from './reaper-settings.js';
import { type CheckedProps, callsCloudWatch, type ResolvedProps, readsSecrets, resolveProps } from './resolve-props.js';
import { namedRole, ownLimitFaults } from './role-clashes.js';
import { vainFaults } from './vain-faults.js';

/** The props that concern the deployment alone, with their defaults. */
export type DeploymentProps = Required<
  Pick<ConnectionReaperProps, 'trigger' | 'interval' | 'timeout' | 'logRetention'>
>;

/** Fills in the defaults of the props that concern the deployment alone; the function knows those of the others. */
export function withDefaults(props: ResolvedProps): DeploymentProps {
  const { trigger = 'schedule' } = props;
  return {
    trigger,
    interval: props.interval ?? Duration.minutes(DEFAULT_INTERVAL[trigger]),
    timeout: props.timeout ?? Duration.seconds(DEFAULT_TIMEOUT),
    logRetention: props.logRetention ?? RetentionDays.ONE_MONTH,
  };
}

/**
 * Fills in what `database` tells, and refuses at synth what could not be deployed, or what the function or CloudWatch would
 * refuse.
 *
 * @param path of the construct, for the message.
 * @throws InputError with every fault.
 */
export function checkProps(given: ConnectionReaperProps, path: string): CheckedProps {
  const misshapen = shapeFaults(given);
  if (misshapen.length > 0) throw new InputError(`ConnectionReaper ${path}`, misshapen);
  const props = resolveProps(given);
  const { databaseLabel, vpc } = props;
  // The login's own faults are told below.
  const secretArn = props.iamAuthentication !== true ? (props.secret?.secretArn ?? SOME_SECRET_ARN) : undefined;
  const settings = check(settingsSchema, withStandIns(reaperSettings(props, secretArn)));
  const deployment = check(deploymentSchema, {
    trigger: props.trigger,
    interval: props.interval?.toMinutes({ integral: false }),
    timeout: props.timeout?.toSeconds({ integral: false }),
    databasePort: Token.isUnresolved(props.databasePort) ? undefined : props.databasePort,
    runbookUrl: props.runbookUrl,
  });
  const faults = [
    ...(settings.faults ?? []),
    ...(deployment.faults ?? []),
    ...loginFaults({
      secret: { name: 'secret', given: props.secret !== undefined },
      adminSecret: { name: 'adminSecret', given: props.adminSecret !== undefined },
      iamAuthentication: props.iamAuthentication === true,
      resourceIdGiven: props.databaseResourceId !== undefined,
      instancesGiven: props.instances !== undefined,
    }),
    ...databaseFaults(props),
    ...subnetFaults(props),
    ...ownLimitFaults(namedRole(props, props.secret?.secretArn, 'secret'), props.roleLimits),
    ...hostFaults(props.instances ?? []),
    ...vainFaults(
      {
        reaperRole: given.reaperRole !== undefined,
        roleNamedBy: roleNamedBy(given, props),
        databasePort: given.databasePort !== undefined,
        instances: props.instances !== undefined,
        databaseResourceId: given.databaseResourceId !== undefined,
        iamAuthentication: given.iamAuthentication === true,
        interfaceEndpoints: given.interfaceEndpoints === true,
        callsAws: readsSecrets(props) || callsCloudWatch(props),
        alarmTopic: given.alarmTopic !== undefined,
        pageTopic: given.pageTopic !== undefined,
        pages: given.alarms?.ConnectionsCritical !== false,
        pageActions: Object(given.alarms?.ConnectionsCritical).actions !== undefined,
        topicEncryptionKey: given.topicEncryptionKey !== undefined,
      },
      '',
    ),
    ...(deployment.value === undefined ? [] : alarmFaults(props.alarms, alarmContext(deployment.value, props))),
  ];
  if (faults.length > 0 || databaseLabel === undefined || vpc === undefined) {
    throw new InputError(`ConnectionReaper ${path}`, faults);
  }
  return { ...props, databaseLabel, vpc };
}

/** What names the role already, so that `reaperRole` doesn't. */
function roleNamedBy({ secret }: ConnectionReaperProps, props: ResolvedProps): string | undefined {
  if (props.secret === undefined) return undefined;
  return secret === undefined ? "the login of the replica's source" : 'secret';
}

/** What the alarms hang on. */
function alarmContext(
  { trigger, interval }: { readonly trigger: 'schedule' | 'alarm'; readonly interval: number },
  { databaseLabel, instances = [] }: ResolvedProps,
) {
  return {
    databaseLabel,
    trigger,
    intervalMinutes: interval,
    instances: instances.map(({ name, dbInstanceIdentifier }) => ({ name, dbInstanceIdentifier })),
  };
}

/** What lacks, or can't be, of the database. */
function databaseFaults({
  facts,
  vpc,
  instances,
  iamAuthentication,
  adminSecret,
  roleLimits = {},
}: ResolvedProps): readonly string[] {
  const faults: string[] = [];
  if (vpc === undefined) {
    faults.push(`vpc: missing${facts === undefined ? '' : ": an imported database doesn't tell its own"}`);
  }
  if (facts === undefined) return faults;
  if (facts.engineFamily !== undefined && facts.engineFamily !== 'POSTGRESQL') {
    faults.push(`database: expected PostgreSQL, got the engine family ${facts.engineFamily}`);
  }
  if (instances === undefined) {
    faults.push(
      "instances: missing: the imported cluster doesn't tell its own (give instanceEndpointAddresses and port to " +
        'fromDatabaseClusterAttributes, or instances here)',
    );
  }
  if (facts.isReplica && adminSecret !== undefined) {
    faults.push(
      'adminSecret: expected nothing on a replica, on which no role can be made: give secret or iamAuthentication',
    );
  }
  if (facts.isReplica && Object.keys(roleLimits).length > 0) {
    faults.push('roleLimits: expected nothing on a replica, which takes its roles from its source: limit them there');
  }
  if (iamAuthentication === true && facts.iamAuthentication === false) {
    faults.push('iamAuthentication: expected a database with iamAuthentication: true, got one without');
  }
  return faults;
}
