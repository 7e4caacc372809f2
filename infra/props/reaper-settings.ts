/** Turns the construct's props into the settings of the function. */
import { type Duration, Token } from 'aws-cdk-lib';
import type { SettingsInput } from '../../lambda/input/settings.js';
import type { ResolvedProps } from './resolve-props.js';

/** Settings whose database may have no name yet, which is a fault to report among the others. */
export type UncheckedSettings = Omit<SettingsInput, 'databaseLabel'> & { readonly databaseLabel: string | undefined };

/** As long as the ARN of a secret with a long generated name. */
export const SOME_SECRET_ARN = `arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:${'x'.repeat(100)}-AbCdEf`;

/** As long as the longest endpoint of an Aurora instance. */
const SOME_HOST = 'x'.repeat(120);

const SOME_PORT = 5432;

/**
 * The function's settings, from the construct's props. What was not given stays out: the function knows the defaults.
 *
 * @param secretArn of the given secret, or of the construct's own.
 */
export function reaperSettings(props: ResolvedProps, secretArn: string | undefined): UncheckedSettings {
  return {
    databaseLabel: props.databaseLabel,
    secretArn,
    iamAuthentication: props.iamAuthentication,
    reaperRole: props.reaperRole,
    breakGlassSecretArn: props.breakGlassSecret?.secretArn,
    rescueLogin: props.rescueLogin,
    instances: props.instances?.map(({ name, host, port }) => ({ name, host, port })),
    databaseName: props.databaseName,
    sslMode: props.sslMode,
    sslRootCert: props.sslRootCert,
    mode: props.mode,
    idleTimeout: notation(props.idleTimeout),
    idleInTransactionTimeout: notation(props.idleInTransactionTimeout),
    pressure: props.pressure?.map((tier) => ({ ...tier, idleTimeout: inSeconds(tier.idleTimeout) })),
    keepPerApplication: props.keepPerApplication,
    maxTerminationsPerRun: props.maxTerminationsPerRun,
    rules: props.rules?.map((rule) => ({ ...rule, idleTimeout: notation(rule.idleTimeout) })),
    roleLimits: props.roleLimits,
    terminateAboveRoleLimit: props.terminateAboveRoleLimit,
    maxApplications: props.maxApplications,
    applicationNames: props.applicationNames && [...props.applicationNames],
    metricsVia: props.metricsVia,
  };
}

/**
 * The same settings with stand-ins for what only the deployment knows (the ARN of a secret, the endpoint of a database of
 * the same app), so that they can be checked and measured before.
 */
export function withStandIns(settings: UncheckedSettings): UncheckedSettings {
  return {
    ...settings,
    secretArn: standIn(settings.secretArn, SOME_SECRET_ARN),
    breakGlassSecretArn: standIn(settings.breakGlassSecretArn, SOME_SECRET_ARN),
    instances: settings.instances?.map((instance) => ({
      ...instance,
      host: standIn(instance.host, SOME_HOST),
      port: standIn(instance.port, SOME_PORT),
    })),
  };
}

function standIn<Value>(value: Value, substitute: Value): Value {
  return Token.isUnresolved(value) ? substitute : value;
}

function notation(duration: Duration | undefined): string | undefined {
  return duration && inSeconds(duration);
}

/** `90s`: how settings write a duration. Fractions stay, so that the schema refuses them by name. */
function inSeconds(duration: Duration): string {
  return `${duration.toSeconds({ integral: false })}s`;
}
