import { Duration, Token } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import * as v from 'valibot';
import { LEAST_TIMEOUT_SECONDS } from '../lambda/contract.js';
import { check, exactObject, InputError, wholeNumber } from '../lambda/faults.js';
import { type Settings, settingsSchema } from '../lambda/settings.js';
import type { ConnectionReaperProps } from './connection-reaper-props.js';
import { loginFaults } from './login-faults.js';
import { reaperSettings, withStandIns } from './reaper-settings.js';

/** The props that concern the deployment alone, with their defaults. */
export type DeploymentProps = Required<
  Pick<
    ConnectionReaperProps,
    | 'interval'
    | 'timeout'
    | 'logRetention'
    | 'slotsNearlyFullPercent'
    | 'applicationHoggingPercent'
    | 'roleNearLimitPercent'
  >
>;

/** Fills in the defaults of the props that concern the deployment alone; the function knows those of the others. */
export function withDefaults(props: ConnectionReaperProps): DeploymentProps {
  return {
    interval: props.interval ?? Duration.minutes(1),
    timeout: props.timeout ?? Duration.seconds(50),
    logRetention: props.logRetention ?? RetentionDays.ONE_MONTH,
    slotsNearlyFullPercent: props.slotsNearlyFullPercent ?? 80,
    applicationHoggingPercent: props.applicationHoggingPercent ?? 50,
    roleNearLimitPercent: props.roleNearLimitPercent ?? 90,
  };
}

/** A threshold. */
export const percent = wholeNumber(1, 100);

/** A TCP port. */
export const portNumber = wholeNumber(1, 65_535);

/** `interval` in minutes, `timeout` in seconds. */
const deploymentSchema = v.pipe(
  exactObject({
    // Alarms on Metrics Insights queries look back 3 hours at most, and ours at three to five intervals.
    interval: wholeNumber(1, 30, 'whole minutes'),
    // 900 is Lambda's limit.
    timeout: wholeNumber(LEAST_TIMEOUT_SECONDS, 900, 'whole seconds'),
    slotsNearlyFullPercent: percent,
    applicationHoggingPercent: percent,
    roleNearLimitPercent: percent,
    databasePort: v.optional(portNumber),
  }),
  v.forward(
    v.partialCheck(
      [['interval'], ['timeout']],
      ({ interval, timeout }) => timeout < interval * 60,
      'less than the interval, so that a sweep ends before the next one begins',
    ),
    ['timeout'],
  ),
);

/**
 * Refuses props that the function or CloudWatch would refuse, at synth.
 *
 * @param path of the construct, for the message.
 * @returns the settings as the function will read them, save for what only the deployment knows.
 * @throws InputError with every fault.
 */
export function checkProps(props: ConnectionReaperProps, path: string): Settings {
  const { interval, timeout, logRetention, ...thresholds } = withDefaults(props);
  const settings = check(settingsSchema, withStandIns(reaperSettings(props)));
  const deployment = check(deploymentSchema, {
    ...thresholds,
    interval: interval.toMinutes({ integral: false }),
    timeout: timeout.toSeconds({ integral: false }),
    databasePort: Token.isUnresolved(props.databasePort) ? undefined : props.databasePort,
  });
  const faults = [
    ...(settings.faults ?? []).map(inPropNames),
    ...(deployment.faults ?? []),
    ...loginFaults({
      secret: { name: 'secret', given: props.secret !== undefined },
      adminSecret: { name: 'adminSecret', given: props.adminSecret !== undefined },
      instancesGiven: props.instances !== undefined,
    }),
    ...(props.databasePort !== undefined && props.instances !== undefined
      ? ['databasePort: expected nothing beside instances, which have ports of their own']
      : []),
  ];
  if (settings.faults || faults.length > 0) throw new InputError(`ConnectionReaper ${path}`, faults);
  return settings.value;
}

/** The one setting that the props call by another name. */
function inPropNames(fault: string): string {
  return fault.replace(/^database:/, 'databaseIdentifier:');
}
