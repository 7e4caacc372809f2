import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import * as v from 'valibot';
import { check, demand, exactObject, InputError, textLike } from '../lambda/faults.js';
import { type Settings, type SettingsInput, settingsSchema } from '../lambda/settings.js';
import { percent, portNumber } from './check-props.js';
import { loginFaults } from './login-faults.js';

/** A partial ARN would have to be granted with a wildcard. */
const completeSecretArn = textLike(
  /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:.+-[A-Za-z0-9]{6}$/,
  'the complete ARN of a secret, with the six characters at its end (aws secretsmanager describe-secret prints it)',
);

const anything = v.optional(v.unknown());

/** The settings of the function that an entry may hold. Which values they take is up to the settings' own schema. */
const settingsEntries = {
  secretArn: v.optional(completeSecretArn),
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
  metricsVia: anything,
} as const satisfies Record<Exclude<keyof SettingsInput, 'database'>, v.GenericSchema>;

const vpc = v.pipe(
  exactObject({
    vpcId: textLike(/^vpc-[0-9a-f]+$/, 'the id of a VPC'),
    availabilityZones: atLeastOne(textLike(/^[a-z0-9-]+$/, 'the name of an availability zone')),
    privateSubnetIds: atLeastOne(textLike(/^subnet-[0-9a-f]+$/, 'the id of a subnet')),
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
  /** The login of the master user or of a superuser, in place of `secretArn`. */
  adminSecretArn: v.optional(completeSecretArn),
  /** The customer key that the secret is encrypted with, if any. */
  secretKeyArn: v.optional(textLike(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/.+$/, 'the ARN of a KMS key')),
  vpc,
  databaseSecurityGroupId: v.optional(textLike(/^sg-[0-9a-f]+$/, 'the id of a security group')),
  databasePort: v.optional(portNumber),
  alarmTopicArn: v.optional(textLike(/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]+$/, 'the ARN of an SNS topic')),
  logRetentionDays: v.optional(v.enum(RetentionDays, 'a number of days that CloudWatch Logs knows, such as 30 or 365')),
  slotsNearlyFullPercent: v.optional(percent),
  applicationHoggingPercent: v.optional(percent),
  roleNearLimitPercent: v.optional(percent),
});

type Entry = v.InferOutput<typeof entry>;

/** An entry that holds: what the app needs to know to make a stack. */
export interface DatabaseConfig extends Omit<Entry, keyof typeof settingsEntries> {
  /** Without `secretArn` where the login is made on deployment. */
  readonly settings: Omit<Settings, 'secretArn'> & { readonly secretArn?: string | undefined };
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
  const faults = [...(checked.faults ?? []), ...givenLoginFaults(given), ...(settings.faults ?? [])];
  if (checked.faults || settings.faults || faults.length > 0) {
    return { faults: faults.map((fault) => inFile(name, fault)) };
  }
  const { secretArn, ...rest } = checked.value;
  return { ...rest, settings: { ...settings.value, secretArn } };
}

/** Nothing of an entry that is no object: that is another fault. */
function givenLoginFaults(given: unknown): readonly string[] {
  if (typeof given !== 'object' || given === null) return [];
  return loginFaults({
    secret: { name: 'secretArn', given: 'secretArn' in given },
    adminSecret: { name: 'adminSecretArn', given: 'adminSecretArn' in given },
    instancesGiven: 'instances' in given,
  });
}

function settingsOf(given: unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given ?? {}).filter(([key]) => Object.hasOwn(settingsEntries, key)));
}

/** A fault with its place in the file. The settings call `database` what here is the key. */
function inFile(name: string, fault: string): string {
  const inEntry = fault.startsWith('expected ') ? `: ${fault}` : `.${fault}`;
  return `context.databases.${name}${inEntry.replace(/^\.database: expected/, ': expected')}`;
}

function atLeastOne(item: v.GenericSchema<string>) {
  return v.pipe(v.array(item, 'a list'), v.minLength(1, 'at least one'));
}
