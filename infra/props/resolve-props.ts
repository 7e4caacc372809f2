import type { Construct } from 'constructs';
import { check, InputError } from '../../lambda/input/faults.js';
import type { ConnectionReaperProps, ReaperInstance } from '../connection-reaper-props.js';
import { type DatabaseFacts, factsOf } from '../placement/database.js';
import { defaultLabel } from '../placement/database-label.js';
import { type PlacedProps, subnetFaults } from '../placement/network.js';
import { functionSettings } from './function-settings.js';
import { asProp } from './naming.js';
import { type PropValues, propsSchema, quoteProp } from './props-schema.js';
import { identifierIn } from './rds-endpoint.js';
import type { ResolvedProps } from './resolved-props.js';
import { clashFaults, noteRole } from './role-clashes.js';
import { DEFAULT_INTERVAL, DEFAULT_TIMEOUT, faultsTogether, missing } from './rules.js';

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
  const told = toldBy(scope, facts, given);
  const props: PlacedProps = {
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
    ...faultsTogether({ value: props, broken, written: new Set(Object.keys(given)), name: asProp }),
    ...(props.databaseLabel === undefined && areSound('databaseLabel') ? [missing('databaseLabel')] : []),
    ...(props.vpc === undefined && areSound('vpc')
      ? [missing('vpc', facts && 'An imported database does not tell its VPC, so set it')]
      : []),
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

/** What the props say, or else the database. The master user sets up the reaper's role, except on a replica. */
function toldBy(scope: Construct, facts: DatabaseFacts | undefined, given: Partial<PropValues>) {
  const { secret, adminSecret, iamAuthentication } = given;
  const login = secret || adminSecret || iamAuthentication ? given : facts;
  return {
    databaseLabel: given.databaseLabel ?? (facts && defaultLabel(scope, facts.database, facts.identifier)),
    vpc: given.vpc ?? facts?.vpc,
    instances: given.instances?.map(withIdentifier) ?? facts?.instances,
    databaseResourceId: given.databaseResourceId ?? facts?.resourceId,
    secret: login?.secret,
    adminSecret: login?.adminSecret,
  };
}

/** With what RDS calls it, as far as its endpoint says. */
export function withIdentifier(instance: ReaperInstance): ReaperInstance {
  const identifier = instance.dbInstanceIdentifier ?? identifierIn(instance.host);
  return identifier === undefined ? instance : { ...instance, dbInstanceIdentifier: identifier };
}
