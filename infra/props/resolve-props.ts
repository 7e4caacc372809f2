import type { IVpc } from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { check, type Fault, InputError } from '../../lambda/input/faults.js';
import type { ConnectionReaperProps, ReaperInstance } from '../connection-reaper-props.js';
import { type DatabaseFacts, factsOf } from '../placement/database.js';
import { subnetFaults } from '../placement/network.js';
import { functionSettings } from './function-settings.js';
import { asProp } from './naming.js';
import { type PropValues, propsSchema, quoteProp } from './props-schema.js';
import { identifierIn } from './rds-endpoint.js';
import type { ResolvedProps } from './resolved-props.js';
import { clashFaults, noteRole } from './role-clashes.js';
import { DEFAULT_INTERVAL, DEFAULT_TIMEOUT, faultsTogether } from './rules.js';

/** Resolved props, or what is left of them where they have faults. */
type Candidate = Omit<ResolvedProps, 'databaseLabel' | 'vpc'> & {
  readonly databaseLabel: string | undefined;
  readonly vpc: IVpc | undefined;
};

/** What `database` tells, unless the props say it themselves. */
const TOLD_BY_DATABASE = ['databaseLabel', 'vpc', 'instances', 'secret', 'adminSecret', 'databaseResourceId'] as const;

/**
 * Checks the props, and fills in their defaults, what `database` tells, and the settings of the function. Refuses at synth
 * what could not be deployed, or what the function or CloudWatch would refuse. A broken prop is left out of what is checked
 * of several props together.
 *
 * @param path of the construct, which is not made yet.
 * @throws InputError with every fault.
 */
export function resolveProps(scope: Construct, path: string, written: ConnectionReaperProps): ResolvedProps {
  const { value, broken: misshapen, faults: shapes } = check(propsSchema, written, [], quoteProp);
  // Each alarm is checked by itself.
  const holds = ([name]: [string, unknown]) => name === 'alarms' || !misshapen.has(name);
  const sound = Object.fromEntries(Object.entries(Object(value)).filter(holds)) as PropValues;
  const isGiven = ([name]: [string, unknown]) => written[name as keyof ConnectionReaperProps] !== undefined;
  const given: Partial<PropValues> = Object.fromEntries(Object.entries(sound).filter(isGiven));

  const facts = given.database && factsOf(given.database);
  const told = {
    databaseLabel: given.databaseLabel ?? facts?.label,
    vpc: given.vpc ?? facts?.vpc,
    instances: given.instances?.map(withIdentifier) ?? facts?.instances,
    databaseResourceId: given.databaseResourceId ?? facts?.resourceId,
    ...loginOf(given, facts),
  };
  const props: Candidate = {
    ...sound,
    ...told,
    interval: sound.interval ?? DEFAULT_INTERVAL[sound.trigger],
    timeout: sound.timeout ?? DEFAULT_TIMEOUT,
    facts,
    peer: given.databaseSecurityGroup ?? facts?.connectable,
    settings: functionSettings({ ...given, ...told }),
  };

  const unknown = misshapen.has('database') ? TOLD_BY_DATABASE.filter((name) => given[name] === undefined) : [];
  const broken = new Set([...misshapen, ...unknown]);
  const areSound = (...names: readonly (keyof ConnectionReaperProps)[]) => !names.some((name) => broken.has(name));
  const faults = [
    ...shapes,
    ...faultsTogether({
      value: props,
      broken,
      written: new Set(Object.keys(given)),
      name: asProp,
      roleNamedBy: roleNamedBy(given, props),
    }),
    ...missingFaults(props, broken),
    ...(facts === undefined ? [] : databaseFaults(facts, props, broken)),
    ...(areSound('secret', 'adminSecret', 'breakGlassSecret', 'metricsVia', 'interfaceEndpoints', 'vpc', 'vpcSubnets')
      ? subnetFaults(props)
      : []),
    ...(areSound('secret', 'adminSecret', 'reaperRole', 'instances') ? clashFaults(scope, path, props) : []),
  ];
  const { databaseLabel, vpc } = props;
  if (faults.length > 0 || databaseLabel === undefined || vpc === undefined) {
    throw new InputError(`ConnectionReaper ${path}`, faults);
  }
  noteRole(scope, path, props);
  return { ...props, databaseLabel, vpc };
}

/** The master user sets up a role of our own, except on a replica, which takes its roles from its source. */
function loginOf({ secret, adminSecret, iamAuthentication }: Partial<PropValues>, facts: DatabaseFacts | undefined) {
  if (facts === undefined || secret || adminSecret || iamAuthentication) return { secret, adminSecret };
  return { secret: facts.secret, adminSecret: facts.adminSecret };
}

/** With what RDS calls it, as far as its endpoint says. */
export function withIdentifier(instance: ReaperInstance): ReaperInstance {
  const identifier = instance.dbInstanceIdentifier ?? identifierIn(instance.host);
  return identifier === undefined ? instance : { ...instance, dbInstanceIdentifier: identifier };
}

/** What names the role already, so that `reaperRole` doesn't. */
function roleNamedBy({ secret }: Partial<PropValues>, props: Candidate): string | undefined {
  if (props.secret === undefined) return undefined;
  return secret === undefined ? "the login of the replica's source" : 'secret';
}

/** What neither the props nor the database tell. */
function missingFaults({ databaseLabel, vpc, facts }: Candidate, broken: ReadonlySet<string>): readonly Fault[] {
  const faults: Fault[] = [];
  if (databaseLabel === undefined && !broken.has('databaseLabel')) {
    faults.push({ path: 'databaseLabel', problem: 'missing' });
  }
  if (vpc === undefined && !broken.has('vpc')) {
    const hint = facts && { hint: 'An imported database does not tell its VPC, so set it' };
    faults.push({ path: 'vpc', problem: 'missing', ...hint });
  }
  return faults;
}

/** What the database does not support. */
function databaseFaults(
  facts: DatabaseFacts,
  { instances, iamAuthentication, adminSecret, roleLimits = {} }: Candidate,
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
  if (iamAuthentication && facts.iamAuthentication === false) {
    faults.push({
      path: 'iamAuthentication',
      problem: 'expected a database with iamAuthentication: true',
      got: 'one without',
    });
  }
  return faults;
}
