import type { EnvironmentSettings, ParsedProps } from './resolved-props.js';

/**
 * The settings of the function. A prop that is left out stays out, since the function knows the defaults.
 *
 * @param props those to write down.
 */
export function functionSettings(props: Partial<Omit<ParsedProps, 'interval' | 'timeout'>>): EnvironmentSettings {
  const { idleTimeout, idleInTransactionTimeout } = props;
  return {
    databaseLabel: props.databaseLabel,
    secretArn: props.secret?.secretArn,
    iamAuthentication: props.iamAuthentication,
    reaperRole: props.reaperRole,
    breakGlassSecretArn: props.breakGlassSecret?.secretArn,
    rescueLogin: props.rescueLogin,
    instances: props.instances?.map(({ name, host, port }) => ({ name, host, port })),
    databaseName: props.databaseName,
    sslMode: props.sslMode,
    sslRootCert: props.sslRootCert,
    mode: props.mode,
    reap: props.reap,
    idleTimeout: idleTimeout === undefined ? undefined : `${idleTimeout}s`,
    idleInTransactionTimeout: idleInTransactionTimeout === undefined ? undefined : `${idleInTransactionTimeout}s`,
    pressure: props.pressure?.map((tier) => ({ ...tier, idleTimeout: `${tier.idleTimeout}s` })),
    keepPerApplication: props.keepPerApplication,
    maxTerminationsPerRun: props.maxTerminationsPerRun,
    rules: props.rules?.map(({ idleTimeout, ...rule }) =>
      idleTimeout === undefined ? rule : { ...rule, idleTimeout: `${idleTimeout}s` },
    ),
    roleLimits: props.roleLimits,
    terminateAboveRoleLimit: props.terminateAboveRoleLimit,
    maxApplications: props.maxApplications,
    applicationNames: props.applicationNames,
    statements: props.statements,
    metricsVia: props.metricsVia,
  };
}
