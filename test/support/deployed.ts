import type { DeployedFunction } from '../../demo/deployment.js';
import { FunctionError } from '../../demo/lambda-process.js';
import { SETTINGS_VARIABLE } from '../../lambda/contract/names.js';
import type { SettingsInput } from '../../lambda/input/settings.js';

/** The secret of the reaper in the tests that run the deployed function. */
export const SECRET_ARN = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:orders-AbCdEf';

/** A VPC as an entry of `context.databases` in cdk.json names it. */
export const VPC = {
  vpcId: 'vpc-0123456789abcdef0',
  availabilityZones: ['us-east-1a'],
  privateSubnetIds: ['subnet-0123456789abcdef0'],
};

/** An entry of `context.databases` for a server without TLS. */
export const ENTRY = { secretArn: SECRET_ARN, vpc: VPC, sslMode: 'disable' } as const;

/** The environment of a deployed function, with other settings than the synthesized ones. */
export function environmentWith({ environment }: DeployedFunction, settings: Partial<SettingsInput>) {
  const synthesized = JSON.parse(environment[SETTINGS_VARIABLE] ?? '{}');
  return { ...environment, [SETTINGS_VARIABLE]: JSON.stringify({ ...synthesized, ...settings }) };
}

/** The error that an invocation fails with. */
export async function failureOf(invocation: Promise<unknown>): Promise<FunctionError> {
  const outcome = await invocation.catch((error: unknown) => error);
  if (!(outcome instanceof FunctionError)) throw new Error('expected the invocation to fail', { cause: outcome });
  return outcome;
}
