/** Every setting of the function: its name, what is allowed, its default. A new setting is declared here. */
import * as v from 'valibot';
import { OTHER_APPLICATIONS } from '../contract/metrics.js';
import { DEFAULT_INSTANCE_NAME, REAPER_ROLE, SETTINGS_VARIABLE } from '../contract/names.js';
import { duration, type Seconds } from './duration.js';
import {
  decodeJson,
  demand,
  exactObject,
  InputError,
  type KeyRule,
  objectOf,
  textLike,
  wholeNumber,
} from './faults.js';
import { cidr, glob } from './match.js';

/** The most backends a PostgreSQL server can be built for (MAX_BACKENDS), hence the largest limit that means anything. */
export const MAX_BACKENDS = 262_143;

const secretId = v.pipe(v.string('the ARN or name of a secret'), v.minLength(1, 'the ARN or name of a secret'));

/** Goes into dimension values, alarm names and Metrics Insights queries as it is, so it is plain on purpose. */
export const label = textLike(
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
  'a name of 1 to 64 letters, digits, ".", "_" or "-"',
);

/** A CloudWatch dimension value. @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html */
const applicationName = v.pipe(
  textLike(/^(?=.*[!-~])[ -~]{1,255}$/, '1 to 255 printable ASCII characters, not all blank'),
  v.check((name) => name !== OTHER_APPLICATIONS, `a name other than ${OTHER_APPLICATIONS}, which sums the rest`),
);

/** PostgreSQL cuts names at 63 bytes (NAMEDATALEN - 1). */
const postgresName = v.pipe(
  v.string('a name of 1 to 63 bytes'),
  v.check((name) => name.length > 0 && Buffer.byteLength(name) <= 63, 'a name of 1 to 63 bytes'),
);

/**
 * The schema, function and run lock of the role are named after it, so it needs no quotes. Its twin, which rotation calls
 * `…_clone`, must fit into the 63 bytes of PostgreSQL's names.
 */
const reaperRole = textLike(
  /^(?!pg_|(?:public|none)$|.+_clone$)[a-z_][a-z0-9_]{0,56}$/,
  'a role name of 1 to 57 small letters, digits and "_", other than public, none, pg_… and …_clone',
);

export const host = textLike(/^\S{1,255}$/, 'a host name or address');

export const port = wholeNumber(1, 65_535);

export const instance = exactObject({ name: label, host, port: v.optional(port, 5432) });

const RULE_MATCHERS = ['application', 'role', 'database', 'address'] as const;

const RULE_EFFECTS = ['idleTimeout', 'keep', 'spare', 'terminateStateful'] as const;

const rule = <Duration>(duration: v.GenericSchema<Duration, Seconds>) =>
  v.pipe(
    exactObject({
      application: v.optional(glob),
      role: v.optional(glob),
      database: v.optional(glob),
      address: v.optional(cidr),
      idleTimeout: v.optional(duration),
      keep: v.optional(wholeNumber(0, MAX_BACKENDS)),
      spare: v.optional(v.literal(true, 'true, or nothing at all')),
      terminateStateful: v.optional(v.literal(true, 'true, or nothing at all')),
    }),
    v.check(
      (given) => RULE_MATCHERS.some((key) => given[key] !== undefined),
      `at least one of ${RULE_MATCHERS.join(', ')} (write application: "*" to mean every connection)`,
    ),
    v.check(
      (given) => RULE_EFFECTS.some((key) => given[key] !== undefined),
      `at least one of ${RULE_EFFECTS.join(', ')}`,
    ),
    v.check(
      (given) => given.spare !== true || RULE_EFFECTS.every((key) => key === 'spare' || given[key] === undefined),
      'spare: true alone, because no other key has an effect with it',
    ),
  );

/** Where the reaper logs in, and how. */
export function loginEntries<const Instance extends v.GenericSchema<unknown, { readonly name: string }>>(
  oneInstance: Instance,
) {
  return {
    /** Log in as `reaperRole` by IAM database authentication, with a token that the function signs; needs no secret. */
    iamAuthentication: v.optional(v.boolean('true or false'), false),
    /** The reaper's database role. A login by secret has the role that the secret names. */
    reaperRole: v.optional(reaperRole, REAPER_ROLE),
    /** `replication`: when every slot is taken, log in as a walsender, which `max_connections` does not count. */
    rescueLogin: v.optional(v.picklist(['off', 'replication'], '"off" or "replication"'), 'off'),
    /** The PostgreSQL servers; by default one, at the host and port that the secret names. */
    instances: v.optional(
      v.pipe(
        v.array(oneInstance, 'a list of instances'),
        v.minLength(1, 'at least one instance (leave it out to use the host in the secret)'),
        v.check(
          (list) => new Set(list.map(({ name }) => name)).size === list.length,
          'instances whose names differ, since metrics are told apart by them',
        ),
      ),
    ),
    /** The database to log in to; by default the one the secret names, else `postgres`. */
    databaseName: v.optional(postgresName),
    sslMode: v.optional(v.picklist(['verify-full', 'disable'], '"verify-full" or "disable"'), 'verify-full'),
    /** A PEM file with the certificate authorities to trust instead of the runtime's. */
    sslRootCert: v.optional(textLike(/^\S.{0,1023}$/, 'the path of a PEM file')),
  };
}

/** Which connections are terminated, and what is published. Durations come out in seconds. */
export function policyEntries<Duration>(
  duration: v.GenericSchema<Duration, Seconds>,
  fiveMinutes: NonNullable<Duration>,
) {
  return {
    mode: v.optional(v.picklist(['enforce', 'preview'], '"enforce" or "preview"'), 'enforce'),
    idleTimeout: v.optional(duration, fiveMinutes),
    /** `leaks`: while slots are free, only connections that the diagnosis calls leaked are terminated. */
    reap: v.optional(v.picklist(['idle', 'leaks'], '"idle" or "leaks"'), 'idle'),
    /** The same for both transaction states; ends their transactions. */
    idleInTransactionTimeout: v.optional(duration),
    /** From a share of the usable slots on, a shorter `idleTimeout`. */
    pressure: v.optional(
      v.array(
        exactObject({ usedPercent: wholeNumber(1, 100), idleTimeout: duration }),
        'a list of { usedPercent, idleTimeout }',
      ),
      [],
    ),
    keepPerApplication: v.optional(wholeNumber(0, MAX_BACKENDS), 0),
    maxTerminationsPerRun: v.optional(wholeNumber(1, MAX_BACKENDS)),
    rules: v.optional(v.array(rule(duration), 'a list of rules'), []),
    roleLimits: v.optional(
      objectOf(postgresName, wholeNumber(0, MAX_BACKENDS), 'an object of role names and their limits'),
      {},
    ),
    /** Also ends idle backends above their role's declared limit, after 30 s. */
    terminateAboveRoleLimit: v.optional(v.boolean('true or false'), false),
    /** 100 applications are already 400 series, 120 dollars a month. */
    maxApplications: v.optional(wholeNumber(1, 100), 20),
    applicationNames: v.optional(
      v.array(exactObject({ match: glob, name: applicationName }), 'a list of { match, name }'),
      [],
    ),
    /** `off`: the texts of statements stay in the server. Else those of suspects are read, without their literals. */
    statements: v.optional(v.picklist(['redacted', 'off'], '"redacted" or "off"'), 'redacted'),
    /** `emf`: as lines of the function's log, which take no route to CloudWatch and no permission there. */
    metricsVia: v.optional(v.picklist(['api', 'emf'], '"api" or "emf"'), 'api'),
  };
}

/**
 * The settings of one database: the one schema that checks them at synth and again in the function.
 *
 * Untrusted JSON goes in ({@link SettingsInput}, durations as `"5m"`), {@link Settings} come out (defaults filled in,
 * durations in seconds).
 */
export const settingsSchema = exactObject({
  /** What this database is called in metrics, alarms and reports. */
  databaseLabel: label,
  /** The Secrets Manager secret that holds the login; without it, `iamAuthentication`. */
  secretArn: v.optional(secretId),
  /** A second login, used only when the first is refused by a full server (53300). */
  breakGlassSecretArn: v.optional(secretId),
  ...loginEntries(instance),
  ...policyEntries(duration, '5m'),
});

/** Settings as people and `cdk.json` write them. Not trusted. */
export type SettingsInput = v.InferInput<typeof settingsSchema>;

/** Settings that hold: checked, with defaults filled in and durations in seconds. */
export type Settings = Readonly<v.InferOutput<typeof settingsSchema>>;

/** What the settings must be together, apart from the secret. */
export const SETTINGS_RULES: readonly KeyRule<Omit<Settings, 'secretArn' | 'breakGlassSecretArn' | 'databaseLabel'>>[] =
  [
    [
      ['instances', 'iamAuthentication'],
      ({ iamAuthentication, instances }) => !iamAuthentication || instances !== undefined,
      'instances with iamAuthentication, because no secret names the host',
    ],
    [
      ['sslMode', 'iamAuthentication'],
      ({ iamAuthentication, sslMode }) => !iamAuthentication || sslMode === 'verify-full',
      '"verify-full" with iamAuthentication, because RDS accepts tokens only over TLS',
    ],
    [
      ['sslRootCert', 'sslMode'],
      ({ sslMode, sslRootCert }) => sslMode === 'verify-full' || sslRootCert === undefined,
      'no sslRootCert with sslMode: "disable", since nothing would be verified against it',
    ],
    [
      ['pressure', 'idleTimeout'],
      ({ idleTimeout, pressure }) =>
        [...pressure]
          .sort((a, b) => a.usedPercent - b.usedPercent)
          .every((tier, index, tiers) => {
            const before = tiers[index - 1];
            return tier.idleTimeout < (before?.idleTimeout ?? idleTimeout) && tier.usedPercent !== before?.usedPercent;
          }),
      'tiers of different usedPercent, each fuller one with a shorter idleTimeout, all shorter than idleTimeout itself',
    ],
    [
      ['terminateAboveRoleLimit', 'roleLimits'],
      ({ terminateAboveRoleLimit, roleLimits }) => !terminateAboveRoleLimit || Object.keys(roleLimits).length > 0,
      'no terminateAboveRoleLimit without roleLimits, since there is nothing to exceed',
    ],
  ];

/** The rules of the function: its login is by a secret or by IAM. Synth says more of it, since it knows more ways to log in. */
const RULES: readonly KeyRule<Settings>[] = [
  [
    ['secretArn', 'iamAuthentication'],
    ({ secretArn, iamAuthentication }) => secretArn !== undefined || iamAuthentication,
    'the ARN or name of a secret, or iamAuthentication: true',
  ],
  [
    ['iamAuthentication', 'secretArn'],
    ({ secretArn, iamAuthentication }) => secretArn === undefined || !iamAuthentication,
    'false with secretArn, because a role logs in either by token or by password',
  ],
  ...SETTINGS_RULES,
];

/** One entry of `rules`: whom it means and what holds for them. */
export type Rule = Settings['rules'][number];

/** The names of the instances that these settings publish metrics for. */
export function instanceNames(settings: Pick<Settings, 'instances'>): readonly string[] {
  return settings.instances?.map(({ name }) => name) ?? [DEFAULT_INSTANCE_NAME];
}

/**
 * Reads the settings that the deployment put into the function's environment.
 *
 * @throws InputError with every fault.
 */
export function parseSettings(json: string | undefined): Settings {
  if (json === undefined || json === '') {
    throw new InputError(SETTINGS_VARIABLE, [
      { problem: 'missing', hint: 'The deployment sets this environment variable' },
    ]);
  }
  return demandSettings(SETTINGS_VARIABLE, decodeJson(SETTINGS_VARIABLE, json));
}

/**
 * Checks settings.
 *
 * @param source what they were read from.
 * @throws InputError with every fault.
 */
export function demandSettings(source: string, settings: unknown): Settings {
  return demand(source, settingsSchema, settings, RULES);
}
