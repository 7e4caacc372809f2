/** The environment variables of the functions, the settings among them. */
import { Stack, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { ADMIN_SECRET_VARIABLE, SETTINGS_VARIABLE } from '../../lambda/contract/names.js';
import type { Fault } from '../../lambda/input/faults.js';
import { callsCloudWatch, type EnvironmentSettings, type ParsedProps, readsSecrets } from '../props/resolved-props.js';

/** The variables that tell the SDK which endpoints to use. */
export const ENDPOINT_VARIABLES = {
  secretsManager: 'AWS_ENDPOINT_URL_SECRETS_MANAGER',
  cloudWatch: 'AWS_ENDPOINT_URL_CLOUDWATCH',
} as const;

/**
 * What Lambda allows for all environment variables together.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
const MAX_ENVIRONMENT_BYTES = 4096;

/** Amazon's certificate authorities, which the runtime has loaded by default only up to Node.js 18. */
const RUNTIME_CA_FILE = '/var/runtime/ca-cert.pem';

/** The settings that concern the role. Others may change while the bootstrap can't reach the database. */
const BOOTSTRAP_SETTINGS = [
  'databaseLabel',
  'secretArn',
  'iamAuthentication',
  'reaperRole',
  'instances',
  'databaseName',
  'sslMode',
  'sslRootCert',
  'roleLimits',
  'rescueLogin',
] as const satisfies readonly (keyof EnvironmentSettings)[];

/** The settings of the function that sets up the role. */
export function bootstrapSettings(settings: EnvironmentSettings): EnvironmentSettings {
  const chosen = Object.fromEntries(BOOTSTRAP_SETTINGS.map((key) => [key, settings[key]]));
  return { databaseLabel: settings.databaseLabel, ...chosen };
}

/** A function's environment variables: the settings as JSON, what TLS needs, and others. */
export function reaperEnvironment(
  scope: Construct,
  settings: EnvironmentSettings,
  others: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const stack = Stack.of(scope);
  // CDK loses a key `__proto__` where it resolves tokens. Only `roleLimits` can have it, for a role, and has no tokens.
  const members = Object.entries(settings)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `"${key}":${key === 'roleLimits' ? JSON.stringify(value) : stack.toJsonString(value)}`);
  return { ...trust(settings), ...others, [SETTINGS_VARIABLE]: `{${members.join(',')}}` };
}

/** Node.js reads the file at its start, and warns where it is missing: only the runtime has it. */
function trust({ sslMode, sslRootCert }: EnvironmentSettings): Record<string, string> {
  return sslMode !== 'disable' && sslRootCert === undefined ? { NODE_EXTRA_CA_CERTS: RUNTIME_CA_FILE } : {};
}

/** As long as the ARN of a secret with a long generated name. */
const SOME_SECRET_ARN = `arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:${'x'.repeat(100)}-AbCdEf`;

/** As long as the longest endpoint of an Aurora instance. */
const SOME_HOST = 'x'.repeat(120);

const SOME_PORT = 5432;

/** The fault of an environment that is too large for Lambda, measured with stand-ins for what only the deployment knows. */
export function environmentFaults(props: ParsedProps): readonly Fault[] {
  const { settings, secret, adminSecret, iamAuthentication } = props;
  const ownSecret = secret === undefined && !iamAuthentication;
  const endpoints = endpointVariables(props);
  const measured = {
    ...settings,
    secretArn: ownSecret ? SOME_SECRET_ARN : standIn(settings.secretArn, SOME_SECRET_ARN),
    breakGlassSecretArn: standIn(settings.breakGlassSecretArn, SOME_SECRET_ARN),
    instances: settings.instances?.map(({ host, port, ...instance }) => ({
      ...instance,
      host: standIn(host, SOME_HOST),
      port: standIn(port, SOME_PORT),
    })),
  };
  const environments = [
    { written: measured, others: endpoints },
    ...(adminSecret === undefined
      ? []
      : [{ written: bootstrapSettings(measured), others: [ADMIN_SECRET_VARIABLE, ...endpoints] }]),
  ].map(({ written, others }) => ({
    ...trust(settings),
    ...Object.fromEntries(others.map((name) => [name, SOME_SECRET_ARN])),
    [SETTINGS_VARIABLE]: JSON.stringify(written),
  }));
  // Lambda measures the map as JSON ("String measured: {…}"), so each quote in the settings counts twice.
  const bytes = Math.max(...environments.map((environment) => Buffer.byteLength(JSON.stringify(environment))));
  if (bytes <= MAX_ENVIRONMENT_BYTES) return [];
  return [
    {
      problem:
        `the settings make an environment of ${bytes} bytes, ${bytes - MAX_ENVIRONMENT_BYTES} more than the ` +
        `${MAX_ENVIRONMENT_BYTES} that Lambda allows`,
      hint: 'Shorten rules, roleLimits or applicationNames. Globs match many names at once',
    },
  ];
}

function standIn<Value>(value: Value, substitute: Value): Value {
  return Token.isUnresolved(value) ? substitute : value;
}

function endpointVariables(props: ParsedProps): readonly string[] {
  if (props.interfaceEndpoints !== true) return [];
  return [
    ...(readsSecrets(props) ? [ENDPOINT_VARIABLES.secretsManager] : []),
    ...(callsCloudWatch(props) ? [ENDPOINT_VARIABLES.cloudWatch] : []),
  ];
}
