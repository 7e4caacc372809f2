/** Compiled, never run: what a compiler must refuse. A line that compiles is an error of its own. */
import { App, Stack } from 'aws-cdk-lib';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { ConnectionReaper, type ConnectionReaperProps, type ReaperRule } from 'connection-reaper';

const stack = new Stack(new App(), 'Shop');
declare const bucket: IBucket;
declare const reaper: ConnectionReaper;
declare const props: ConnectionReaperProps;

/** Wrong values, unknown keys. */
export const refused: readonly Partial<ConnectionReaperProps>[] = [
  // @ts-expect-error a Duration, no number of anything
  { idleTimeout: 300 },
  // @ts-expect-error the settings' notation is of cdk.json alone
  { idleTimeout: '5m' },
  // @ts-expect-error enforce or preview
  { mode: 'dry-run' },
  // @ts-expect-error what libpq calls it
  { sslMode: 'require' },
  // @ts-expect-error a secret, not its ARN
  { secret: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:orders-a1B2c3' },
  // @ts-expect-error limits are numbers
  { roleLimits: { checkout: '40' } },
  // @ts-expect-error a host without a name
  { instances: [{ host: 'orders.example.com' }] },
  // @ts-expect-error no such setting
  { idleTimeout: 300 },
  // @ts-expect-error an alarm of another name
  { alarms: { SlotsNearlyfull: { threshold: 80 } } },
  // @ts-expect-error an alarm is left out by false
  { alarms: { ReaperBlind: true } },
  // @ts-expect-error its metric is 0 or 1
  { alarms: { ServerFull: { threshold: 2 } } },
  // @ts-expect-error an alarm of no metric
  { alarms: { ConnectionsCritical: { of: ['ConnectionsCritical'] } } },
  // @ts-expect-error no database
  { database: bucket },
  // @ts-expect-error schedule or alarm
  { trigger: 'rate(1 minute)' },
];

// @ts-expect-error to spare is a decision, its opposite is the default
export const rule: ReaperRule = { role: 'etl', spare: false };

// @ts-expect-error props are needed
export const withoutProps = new ConnectionReaper(stack, 'Reaper');

export function assign(): void {
  // @ts-expect-error props are read once
  props.mode = 'preview';
  // @ts-expect-error what it made is its own
  reaper.databaseLabel = 'billing';
}

// @ts-expect-error which metric it is can't be changed
export const otherDimensions = reaper.metricConnections({ dimensionsMap: { Database: 'billing' } });

// @ts-expect-error what doesn't depend on the application has no application
export const fullByApplication = reaper.metricServerFull({ application: 'checkout' });

// @ts-expect-error of which role
export const ofNoRole = reaper.metricRoleLimitUsedPercent({});

// @ts-expect-error fleets have no instance
export const fleetOfInstance = reaper.metricConnectionsByApplication({ instance: 'writer' });
