/** The environment variables of the functions, the settings among them. */
import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { SETTINGS_VARIABLE } from '../../lambda/contract/names.js';
import { InputError } from '../../lambda/input/faults.js';
import { SOME_SECRET_ARN, type UncheckedSettings, withStandIns } from '../props/reaper-settings.js';

/**
 * What Lambda allows for all environment variables together.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
const MAX_ENVIRONMENT_BYTES = 4096;

/** Amazon's certificate authorities, which the runtime has loaded by default only up to Node.js 18. */
const RUNTIME_CA_FILE = '/var/runtime/ca-cert.pem';

/**
 * A function's environment variables: the settings as JSON, what TLS needs, and others.
 *
 * @throws InputError when they are too large for Lambda.
 */
export function reaperEnvironment(
  scope: Construct,
  settings: UncheckedSettings,
  others: Readonly<Record<string, string>> = {},
): Record<string, string> {
  // Node.js reads the file at its start, and warns where it is missing: only the runtime has it.
  const trust: Record<string, string> =
    settings.sslMode !== 'disable' && settings.sslRootCert === undefined
      ? { NODE_EXTRA_CA_CERTS: RUNTIME_CA_FILE }
      : {};
  // Names of secrets and endpoints, which may be tokens.
  const measured = Object.keys(others).map((name) => [name, SOME_SECRET_ARN]);
  demandRoom(scope, {
    ...trust,
    ...Object.fromEntries(measured),
    [SETTINGS_VARIABLE]: JSON.stringify(withStandIns(settings)),
  });
  return { ...trust, ...others, [SETTINGS_VARIABLE]: settingsJson(Stack.of(scope), settings) };
}

/** CDK loses a key `__proto__` where it resolves tokens. Only `roleLimits` can have it, for a role, and that has no tokens. */
function settingsJson(stack: Stack, settings: UncheckedSettings): string {
  const members = Object.entries(settings)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `"${key}":${key === 'roleLimits' ? JSON.stringify(value) : stack.toJsonString(value)}`);
  return `{${members.join(',')}}`;
}

function demandRoom(scope: Construct, environment: Readonly<Record<string, string>>): void {
  // Lambda measures the map as JSON ("String measured: {…}"), so each quote in the settings counts twice.
  const bytes = Buffer.byteLength(JSON.stringify(environment));
  if (bytes <= MAX_ENVIRONMENT_BYTES) return;
  throw new InputError(`ConnectionReaper ${scope.node.path}`, [
    {
      problem:
        `the settings make an environment of ${bytes} bytes, ${bytes - MAX_ENVIRONMENT_BYTES} more than the ` +
        `${MAX_ENVIRONMENT_BYTES} that Lambda allows`,
      hint: 'Shorten rules, roleLimits or applicationNames. Globs match many names at once',
    },
  ]);
}
