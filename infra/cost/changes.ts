import type { Assumptions } from './assumptions.js';
import { costOf } from './cost.js';
import type { Deployed } from './deployed.js';

/** What a month would cost more, or less, if one thing were different. */
export interface CostChange {
  readonly change: string;
  readonly usd: number;
}

/** A thing that could be different; what is left out stays. */
interface Variation {
  readonly change: string;
  readonly deployed?: Partial<Deployed>;
  readonly assumptions?: Partial<Assumptions>;
}

/** What changes the bill, most of all first: each the difference of two bills. */
export function costChanges(deployed: Deployed, assumptions: Assumptions): readonly CostChange[] {
  const { usd: now } = costOf(deployed, assumptions);
  return variations(deployed, assumptions)
    .map(({ change, ...different }) => {
      const then = costOf({ ...deployed, ...different.deployed }, { ...assumptions, ...different.assumptions });
      return { change, usd: then.usd - now };
    })
    .filter(({ usd }) => usd !== 0)
    .sort((a, b) => Math.abs(b.usd) - Math.abs(a.usd));
}

function variations(deployed: Deployed, { applications, otherRoles, sweepSeconds }: Assumptions): readonly Variation[] {
  const { minutesBetweenSweeps } = deployed;
  return [
    { change: 'one application more', assumptions: { applications: applications + 1 } },
    { change: 'one instance more', deployed: oneInstanceMore(deployed) },
    { change: 'one role with a limit more', assumptions: { otherRoles: otherRoles + 1 } },
    ...(minutesBetweenSweeps === null ? [] : [otherInterval(minutesBetweenSweeps)]),
    { change: 'sweeps that take a second longer', assumptions: { sweepSeconds: sweepSeconds + 1 } },
    otherMetricsVia(deployed),
    otherEndpoints(deployed),
  ];
}

/** With the same alarms as each of the others has. */
function oneInstanceMore({ instances, alarms }: Deployed): Partial<Deployed> {
  const metrics = alarms.filter(({ ofInstance }) => ofInstance).reduce((sum, alarm) => sum + alarm.metrics, 0);
  return {
    instances: instances + 1,
    alarms: [...alarms, { metrics: metrics / instances, queries: [], ofInstance: true }],
  };
}

function otherInterval(minutes: number): Variation {
  return minutes === 1
    ? { change: 'a sweep every 5 minutes', deployed: { minutesBetweenSweeps: 5 } }
    : { change: 'a sweep every minute', deployed: { minutesBetweenSweeps: 1 } };
}

function otherMetricsVia(deployed: Deployed): Variation {
  const metricsVia = deployed.metricsVia === 'api' ? 'emf' : 'api';
  const endpointZones = deployed.endpointZones > 0 ? neededEndpointZones({ ...deployed, metricsVia }) : 0;
  return { change: `metricsVia: ${metricsVia}`, deployed: { metricsVia, endpointZones } };
}

function otherEndpoints(deployed: Deployed): Variation {
  const interfaceEndpoints = deployed.endpointZones === 0;
  const endpointZones = interfaceEndpoints ? neededEndpointZones(deployed) : 0;
  return { change: `interfaceEndpoints: ${interfaceEndpoints}`, deployed: { endpointZones } };
}

/** One endpoint for each service that the functions talk to, in every zone that they are in. */
function neededEndpointZones({ callsSecretsManager, metricsVia, zones }: Deployed): number {
  return zones * (Number(callsSecretsManager) + Number(metricsVia === 'api'));
}
