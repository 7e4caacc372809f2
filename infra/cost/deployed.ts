import * as v from 'valibot';
import { SETTINGS_VARIABLE } from '../../lambda/contract/names.js';
import { instanceNames, type Settings } from '../../lambda/input/settings.js';
import { type BilledPart, FREE_PART, readResource, type Sweeper } from './billed-resource.js';
import type { DeployedAlarm } from './deployed-alarm.js';

/** A CloudFormation template, as in `cdk.out/*.template.json`. */
export interface Template {
  readonly Resources: Readonly<
    Record<string, { readonly Type: string; readonly Properties?: Readonly<Record<string, unknown>> }>
  >;
}

/** What the template of one reaper puts into an account, as far as it costs something each month. */
export interface Deployed extends Pick<Sweeper, 'memoryMb' | 'zones'> {
  readonly database: string;
  readonly instances: number;
  readonly maxApplications: number;
  /** Those with a declared limit that publish a metric: a role that is shut out by a limit of 0 has none. */
  readonly roles: number;
  readonly metricsVia: Settings['metricsVia'];
  /** Whether a sweep logs in by a secret. */
  readonly readsSecret: boolean;
  /** Whether anything talks to Secrets Manager, the bootstrap and the break-glass login included. */
  readonly callsSecretsManager: boolean;
  /** `null` where the log is kept for ever. */
  readonly logRetentionDays: number | null;
  /** `null` without a schedule. */
  readonly minutesBetweenSweeps: number | null;
  readonly alarms: readonly DeployedAlarm[];
  readonly compositeAlarms: number;
  readonly dashboards: number;
  readonly secrets: number;
  /** The availability zones of each interface endpoint, added up. */
  readonly endpointZones: number;
  /** What this knows no price of. It may cost something, and is in no sum. */
  readonly notPriced: readonly { readonly id: string; readonly type: string }[];
}

/**
 * Reads what a template deploys. What it has no price for is in `notPriced`, never left out.
 *
 * @throws Error when the template isn't that of one reaper.
 */
export function deployedBy(template: Template): Deployed {
  const onDeployment = customResourceHandlers(template);
  const parts = Object.entries(template.Resources).map(([id, { Type, Properties = {} }]) => ({
    id,
    type: Type,
    part: onDeployment.has(id) ? FREE_PART : readResource(Type, Properties),
  }));
  const all = <Kind extends BilledPart['kind']>(kind: Kind) =>
    parts.flatMap(({ id, part }) =>
      part?.kind === kind ? [{ id, ...(part as Extract<BilledPart, { kind: Kind }>) }] : [],
    );
  const [found, ...others] = all('sweeper');
  const [schedule, ...otherSchedules] = all('schedule');
  if (found === undefined || others.length > 0 || otherSchedules.length > 0) {
    throw new Error(
      `expected the template of one reaper, got one with ${all('sweeper').length} functions that have ` +
        `${SETTINGS_VARIABLE}, and ${all('schedule').length} schedules`,
    );
  }
  const { settings, logId, memoryMb, zones } = found.sweeper;
  const readsSecret = settings.secretArn !== undefined;
  return {
    database: settings.databaseLabel,
    instances: instanceNames(settings).length,
    maxApplications: settings.maxApplications,
    roles: Object.values(settings.roleLimits).filter((limit) => limit > 0).length,
    metricsVia: settings.metricsVia,
    readsSecret,
    callsSecretsManager: readsSecret || settings.breakGlassSecretArn !== undefined || all('bootstrap').length > 0,
    memoryMb,
    zones,
    logRetentionDays: all('log').find(({ id }) => id === logId)?.retentionDays ?? null,
    minutesBetweenSweeps: schedule?.minutes ?? null,
    alarms: all('alarm').map(({ alarm }) => alarm),
    compositeAlarms: all('compositeAlarm').length,
    dashboards: all('dashboard').length,
    secrets: all('secret').length,
    endpointZones: all('endpoint').reduce((sum, endpoint) => sum + endpoint.zones, 0),
    notPriced: parts.filter(({ part }) => part === null).map(({ id, type }) => ({ id, type })),
  };
}

/** The functions that CloudFormation invokes for a resource of ours, which is on deployment alone. */
function customResourceHandlers({ Resources }: Template): ReadonlySet<string> {
  const handler = v.object({ ServiceToken: v.object({ 'Fn::GetAtt': v.tuple([v.string(), v.literal('Arn')]) }) });
  return new Set(
    Object.values(Resources).flatMap(({ Type, Properties }) => {
      const checked = v.safeParse(handler, Properties);
      return Type.startsWith('Custom::') && checked.success ? [checked.output.ServiceToken['Fn::GetAtt'][0]] : [];
    }),
  );
}
