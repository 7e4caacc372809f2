import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import * as v from 'valibot';
import { check, demand, exactObject, InputError } from '../lambda/faults.js';
import { type Settings, type SettingsInput, settingsSchema } from '../lambda/settings.js';
import { percent, portNumber } from './check-props.js';

/** A partial ARN would have to be granted with a wildcard. */
const completeSecretArn = text(
  'the complete ARN of a secret, with the six characters at its end (aws secretsmanager describe-secret prints it)',
  /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:.+-[A-Za-z0-9]{6}$/,
);

const anything = v.optional(v.unknown());

/** The settings of the function that an entry may hold. Which values they take is up to the settings' own schema. */
const settingsEntries = {
  secretArn: completeSecretArn,
  breakGlassSecretArn: v.optional(completeSecretArn),
  rescueLogin: anything,
  instances: anything,
  dbname: anything,
  tls: anything,
  caFile: anything,
  mode: anything,
  idleAfter: anything,
  idleInTransactionAfter: anything,
  pressure: anything,
  keepPerApplication: anything,
  maxTerminationsPerRun: anything,
  rules: anything,
  roleLimits: anything,
  trimExcess: anything,
  maxApplications: anything,
  applicationNames: anything,
} as const satisfies Record<Exclude<keyof SettingsInput, 'database'>, v.GenericSchema>;

const vpc = v.pipe(
  exactObject({
    vpcId: text('the id of a VPC', /^vpc-[0-9a-f]+$/),
    availabilityZones: atLeastOne(text('the name of an availability zone', /^[a-z0-9-]+$/)),
    privateSubnetIds: atLeastOne(text('the id of a subnet', /^subnet-[0-9a-f]+$/)),
  }),
  v.forward(
    v.partialCheck(
      [['availabilityZones'], ['privateSubnetIds']],
      ({ availabilityZones, privateSubnetIds }) => privateSubnetIds.length === availabilityZones.length,
      'one subnet for each availability zone, in the same order',
    ),
    ['privateSubnetIds'],
  ),
);

const entry = exactObject({
  ...settingsEntries,
  /** The customer key that the secret is encrypted with, if any. */
  secretKeyArn: v.optional(text('the ARN of a KMS key', /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/.+$/)),
  vpc,
  databaseSecurityGroupId: v.optional(text('the id of a security group', /^sg-[0-9a-f]+$/)),
  databasePort: v.optional(portNumber),
  alarmTopicArn: v.optional(text('the ARN of an SNS topic', /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]+$/)),
  logRetentionDays: v.optional(v.enum(RetentionDays, 'a number of days that CloudWatch Logs knows, such as 30 or 365')),
  slotsNearlyFullPercent: v.optional(percent),
  applicationHoggingPercent: v.optional(percent),
  roleNearLimitPercent: v.optional(percent),
});

type Entry = v.InferOutput<typeof entry>;

/** An entry that holds: what the app needs to know to make a stack. */
export interface DatabaseConfig extends Omit<Entry, keyof typeof settingsEntries> {
  readonly settings: Settings;
}

const entries = 'an object that holds an entry for each database, under its name';

const file = v.object({
  context: v.object({
    databases: v.pipe(
      v.record(v.string(), v.unknown(), entries),
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
  const faults = read.flatMap((result) => ('faults' in result ? result.faults : []));
  if (faults.length > 0) throw new InputError('cdk.json', faults);
  return read.flatMap((result) => ('faults' in result ? [] : result));
}

/** Checks an entry as such and the settings in it, so that both kinds of faults come out at once. */
function readEntry(name: string, given: unknown): DatabaseConfig | { readonly faults: readonly string[] } {
  const checked = check(entry, given);
  // The entry's schema alone judges the ARN.
  const settings = check(settingsSchema, { ...settingsOf(given), database: name, secretArn: 'checked' });
  if (checked.faults || settings.faults) {
    return { faults: [...(checked.faults ?? []), ...(settings.faults ?? [])].map((fault) => inFile(name, fault)) };
  }
  const { secretArn, ...rest } = checked.value;
  return { ...rest, settings: { ...settings.value, secretArn } };
}

function settingsOf(given: unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given ?? {}).filter(([key]) => Object.hasOwn(settingsEntries, key)));
}

/** A fault with its place in the file. The settings call `database` what here is the key. */
function inFile(name: string, fault: string): string {
  const inEntry = fault.startsWith('expected ') ? `: ${fault}` : `.${fault}`;
  return `context.databases.${name}${inEntry.replace(/^\.database: expected/, ': expected')}`;
}

function text(expected: string, pattern: RegExp): v.GenericSchema<string> {
  return v.pipe(v.string(expected), v.regex(pattern, expected));
}

function atLeastOne(item: v.GenericSchema<string>) {
  return v.pipe(v.array(item, 'a list'), v.minLength(1, 'at least one'));
}
