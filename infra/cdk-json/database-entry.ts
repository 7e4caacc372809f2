import * as v from 'valibot';
import { check, demand, excerptOfName, InputError, objectOf } from '../../lambda/input/faults.js';
import { type Settings, settingsSchema } from '../../lambda/input/settings.js';
import { deploymentSchema } from '../props/deployment-schema.js';
import { loginFaults } from '../props/login-faults.js';
import { hostFaults } from '../props/rds-endpoint.js';
import { withIdentifier } from '../props/resolve-props.js';
import { namedRole, ownLimitFaults, type RoleUse, roleClash, serverAt } from '../props/role-clashes.js';
import { vainFaults } from '../props/vain-faults.js';
import { alarmsInFileFaults } from './alarms.js';
import { type Entry, entrySchema, settingsEntries } from './entry-schema.js';
import { regionFaults, regionsOf } from './region.js';

/** An entry that holds: what the app needs to know to make a stack. */
export interface DatabaseConfig
  extends Omit<Entry, keyof typeof settingsEntries | keyof v.InferOutput<typeof deploymentSchema>>,
    v.InferOutput<typeof deploymentSchema> {
  /** Without `secretArn` where the login is made on deployment, or by IAM. */
  readonly settings: Settings;
  /** Where all that the entry names is. */
  readonly region: string | undefined;
}

const entries = 'an object that holds an entry for each database, under its name';

const file = v.object({
  context: v.object({
    databases: v.pipe(
      objectOf(v.string(), v.unknown(), entries),
      v.check((databases) => Object.keys(databases).length > 0, entries),
    ),
  }),
});

/**
 * Reads `context.databases` of `cdk.json`: one entry a database, under its name.
 *
 * @throws InputError with every fault of every entry.
 */
export function parseDatabases(databases: unknown): readonly DatabaseConfig[] {
  const named = demand('cdk.json', file, { context: { databases } }).context.databases;
  const read = Object.entries(named).map(([name, given]) => readEntry(name, given));
  const configs = read.flatMap((result) => ('faults' in result ? [] : result));
  const faults = [
    ...read.flatMap((result) => ('faults' in result ? result.faults : [])),
    ...clashes(Object.keys(named)),
    ...roleClashes(configs.map(roleUse)),
  ];
  if (faults.length > 0) throw new InputError('cdk.json', faults);
  return configs;
}

/** The name of a database's stack, in which there can be neither dots nor underscores. */
export function stackName(database: string): string {
  return `ConnectionReaper-${database.replaceAll(/[._]/g, '-')}`;
}

function clashes(names: readonly string[]): readonly string[] {
  return names.flatMap((name, index) => {
    const other = names.slice(0, index).find((before) => stackName(before) === stackName(name));
    return other === undefined
      ? []
      : [
          `context.databases.${excerptOfName(name)}: expected a name whose stack is its own, got that of ` +
            `${excerptOfName(other)}: ${excerptOfName(stackName(name))}`,
        ];
  });
}

function roleUse({ settings, adminSecretArn }: DatabaseConfig): RoleUse {
  const { databaseLabel, reaperRole, secretArn, instances = [] } = settings;
  return {
    reaper: databaseLabel,
    ...namedRole({ reaperRole }, secretArn, 'secretArn'),
    servers: [...(adminSecretArn === undefined ? [] : [adminSecretArn]), ...instances.map(serverAt)],
  };
}

function roleClashes(uses: readonly RoleUse[]): readonly string[] {
  return uses.flatMap((use, index) => {
    const clash = roleClash(use, uses.slice(0, index));
    return clash === undefined ? [] : [inFile(use.reaper, clash)];
  });
}

/** Checks an entry as such, the settings in it and what concerns the deployment, so that all faults come out at once. */
function readEntry(name: string, given: unknown): DatabaseConfig | { readonly faults: readonly string[] } {
  const checked = check(entrySchema, given);
  const settings = check(settingsSchema, { ...settingsOf(given), databaseLabel: name });
  const deployment = check(deploymentSchema, deploymentOf(given, checked.value));
  const faults = [
    ...(checked.faults ?? []),
    ...givenTogetherFaults(given),
    ...(settings.faults ?? []),
    ...(deployment.faults ?? []),
    ...(settings.value === undefined
      ? []
      : ownLimitFaults(namedRole(settings.value, checked.value?.secretArn, 'secretArn'), settings.value.roleLimits)),
    ...hostFaults(settings.value?.instances ?? []),
    ...(checked.value === undefined ? [] : regionFaults(checked.value)),
    ...(deployment.value === undefined ? [] : givenAlarmFaults(name, given, deployment.value, settings.value)),
  ];
  if (checked.faults || settings.faults || deployment.faults || faults.length > 0) {
    return { faults: faults.map((fault) => inFile(name, fault)) };
  }
  const { databasePort, runbookUrl } = deployment.value;
  return {
    ...checked.value,
    ...deployment.value,
    databasePort,
    runbookUrl,
    region: regionsOf(checked.value)[0]?.region,
    settings: { ...settings.value, secretArn: checked.value.secretArn },
  };
}

/** What the keys of an entry say about each other. Nothing of an entry that is no object: that is another fault. */
function givenTogetherFaults(given: unknown): readonly string[] {
  if (typeof given !== 'object' || given === null) return [];
  const says = (key: keyof Entry) => key in given;
  const {
    metricsVia,
    interfaceEndpoints,
    alarms,
    iamAuthentication: byToken,
  } = given as Partial<Record<keyof Entry, unknown>>;
  const iamAuthentication = byToken === true;
  return [
    ...loginFaults({
      secret: { name: 'secretArn', given: says('secretArn') },
      adminSecret: { name: 'adminSecretArn', given: says('adminSecretArn') },
      iamAuthentication,
      resourceIdGiven: says('databaseResourceId'),
      instancesGiven: says('instances'),
    }),
    ...vainFaults(
      {
        reaperRole: says('reaperRole'),
        roleNamedBy: ['secretArn' as const].find(says),
        databasePort: says('databasePort'),
        instances: says('instances'),
        databaseResourceId: says('databaseResourceId'),
        iamAuthentication,
        interfaceEndpoints: interfaceEndpoints === true,
        callsAws: metricsVia !== 'emf' || says('secretArn') || says('adminSecretArn') || says('breakGlassSecretArn'),
        alarmTopic: says('alarmTopicArn'),
        pageTopic: says('pageTopicArn'),
        pages: Object(alarms).ConnectionsCritical !== false,
        pageActions: Object(Object(alarms).ConnectionsCritical).topicArn !== undefined,
        topicEncryptionKey: says('topicEncryptionKeyArn'),
      },
      'Arn',
    ),
    ...(says('breakGlassSecretKeyArn') && !says('breakGlassSecretArn')
      ? ['breakGlassSecretKeyArn: expected nothing without breakGlassSecretArn, since it is its key']
      : []),
    ...(says('secretKeyArn') && !says('secretArn') && !says('adminSecretArn')
      ? ['secretKeyArn: expected nothing without secretArn or adminSecretArn, since it is their key']
      : []),
  ];
}

/** What the alarms of an entry say against each other and the rest of it. */
function givenAlarmFaults(
  databaseLabel: string,
  given: unknown,
  { trigger, interval }: v.InferOutput<typeof deploymentSchema>,
  settings: Settings | undefined,
): readonly string[] {
  // What is wrong with the instances is told already.
  if (settings === undefined) return [];
  const instances = (settings.instances ?? []).map(withIdentifier);
  const context = { databaseLabel, trigger, intervalMinutes: interval, instances };
  return alarmsInFileFaults(Object(given).alarms, context);
}

/** The part of an entry that the schema of the deployment knows. Durations that are none are the entry's own fault. */
function deploymentOf(given: unknown, checked: Entry | undefined): object {
  const { trigger, databasePort, runbookUrl } = (given ?? {}) as Partial<Record<string, unknown>>;
  const interval = checked?.interval && checked.interval / 60;
  return { trigger, databasePort, runbookUrl, interval, timeout: checked?.timeout };
}

/** The entry's schema alone judges the ARN; the settings only need to know that the login is by a password. */
function settingsOf(given: unknown): Record<string, unknown> {
  const settings = Object.entries(given ?? {}).filter(([key]) => Object.hasOwn(settingsEntries, key));
  const { secretArn: _, ...others } = Object.fromEntries(settings);
  return others['iamAuthentication'] !== true ? { ...others, secretArn: 'checked' } : others;
}

/** A fault with its place in the file. The settings call `databaseLabel` what here is the key. */
function inFile(name: string, fault: string): string {
  const inEntry = /^(expected|and) /.test(fault) ? `: ${fault}` : `.${fault}`;
  return `context.databases.${excerptOfName(name)}${inEntry.replace(/^\.databaseLabel: expected/, ': expected')}`;
}
