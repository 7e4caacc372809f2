import { Duration } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IConstruct } from 'constructs';
import { check, type Fault, InputError } from '../../lambda/input/faults.js';
import type { ConnectionReaperProps } from '../connection-reaper-props.js';
import type { DatabaseFacts } from '../placement/database.js';
import { subnetFaults } from '../placement/network.js';
import { asProp } from './naming.js';
import { propsSchema, quoteProp } from './props-schema.js';
import { type CheckedProps, type ResolvedProps, resolveProps } from './resolve-props.js';
import { clashFaults, noteRole } from './role-clashes.js';
import { DEFAULT_INTERVAL, DEFAULT_TIMEOUT, faultsTogether } from './rules.js';

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

/** What `database` tells, unless the props say it themselves. */
const TOLD_BY_DATABASE = ['databaseLabel', 'vpc', 'instances', 'secret', 'adminSecret', 'databaseResourceId'] as const;

/**
 * Fills in what `database` tells, and refuses at synth what could not be deployed, or what the function or CloudWatch would
 * refuse. A prop that is broken is left out of what is checked of several props together.
 *
 * @param scope the construct.
 * @throws InputError with every fault.
 */
export function checkProps(written: ConnectionReaperProps, scope: IConstruct): CheckedProps {
  const { value, broken: misshapen, faults: shapes } = check(propsSchema, written, [], quoteProp);
  const isSound = ([name, prop]: [string, unknown]) => prop !== undefined && !misshapen.has(name);
  const sound: ConnectionReaperProps = Object.fromEntries(Object.entries(written).filter(isSound));
  const props = resolveProps(sound);
  const broken = new Set(misshapen);
  if (broken.has('database')) for (const name of TOLD_BY_DATABASE) if (sound[name] === undefined) broken.add(name);
  const { databaseLabel, vpc, instances, databaseResourceId, secret, adminSecret } = props;
  const faults = [
    ...shapes,
    ...faultsTogether({
      // The database tells of instances and of logins that are there.
      value: {
        ...value,
        databaseLabel,
        instances: instances && [...instances],
        databaseResourceId,
        secret,
        adminSecret,
      },
      broken,
      written: new Set(Object.keys(sound)),
      name: asProp,
      roleNamedBy: roleNamedBy(sound, props),
    }),
    ...missingFaults(props, broken),
    ...(props.facts === undefined ? [] : databaseFaults(props.facts, props, broken)),
    ...(['secret', 'adminSecret', 'breakGlassSecret', 'metricsVia', 'interfaceEndpoints', 'vpc', 'vpcSubnets'].some(
      (name) => broken.has(name),
    )
      ? []
      : subnetFaults(props)),
    ...(['secret', 'adminSecret', 'reaperRole', 'instances'].some((name) => broken.has(name))
      ? []
      : clashFaults(scope, props)),
  ];
  if (faults.length > 0 || databaseLabel === undefined || vpc === undefined) {
    throw new InputError(`ConnectionReaper ${scope.node.path}`, faults);
  }
  const checked = { ...props, databaseLabel, vpc };
  noteRole(scope, checked);
  return checked;
}

/** What names the role already, so that `reaperRole` doesn't. */
function roleNamedBy({ secret }: ConnectionReaperProps, props: ResolvedProps): string | undefined {
  if (props.secret === undefined) return undefined;
  return secret === undefined ? "the login of the replica's source" : 'secret';
}

/** What neither the props nor the database tell. */
function missingFaults({ databaseLabel, vpc, facts }: ResolvedProps, broken: ReadonlySet<string>): readonly Fault[] {
  const faults: Fault[] = [];
  if (databaseLabel === undefined && !broken.has('databaseLabel')) {
    faults.push({ path: 'databaseLabel', problem: 'missing' });
  }
  if (vpc === undefined && !broken.has('vpc')) {
    faults.push({
      path: 'vpc',
      problem: 'missing',
      ...(facts !== undefined && { hint: 'An imported database does not tell its VPC, so set it' }),
    });
  }
  return faults;
}

/** What can't be of the database. */
function databaseFaults(
  facts: DatabaseFacts,
  { instances, iamAuthentication, adminSecret, roleLimits = {} }: ResolvedProps,
  broken: ReadonlySet<string>,
): readonly Fault[] {
  const faults: Fault[] = [];
  if (facts.engineFamily !== undefined && facts.engineFamily !== 'POSTGRESQL') {
    faults.push({ path: 'database', problem: 'expected PostgreSQL', got: `the engine family ${facts.engineFamily}` });
  }
  if (instances === undefined && !broken.has('instances')) {
    faults.push({
      path: 'instances',
      problem: 'missing',
      hint:
        'The imported cluster does not tell its instances. Give instanceEndpointAddresses and port to ' +
        'fromDatabaseClusterAttributes, or set instances here',
    });
  }
  if (facts.isReplica && adminSecret !== undefined) {
    faults.push({
      path: 'adminSecret',
      problem: 'not supported on a replica, where no role can be made',
      hint: 'Set secret or iamAuthentication instead',
    });
  }
  if (facts.isReplica && Object.keys(roleLimits).length > 0) {
    faults.push({
      path: 'roleLimits',
      problem: 'not supported on a replica, which takes its roles from its source',
      hint: 'Limit the roles there',
    });
  }
  if (iamAuthentication === true && facts.iamAuthentication === false) {
    faults.push({
      path: 'iamAuthentication',
      problem: 'expected a database with iamAuthentication: true',
      got: 'one without',
    });
  }
  return faults;
}
