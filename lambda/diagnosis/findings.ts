import type { Policy } from '../policy/policy.js';
import type { Visit } from '../visit.js';
import { noReservedSlot, serverFull, wayIn } from './capacity.js';
import type { Finding } from './finding.js';
import { leakSuspect } from './leak.js';
import {
  anotherRun,
  leftStanding,
  lockIntruders,
  lostRuns,
  oldPreparedTransactions,
  refusedTerminations,
  roleLimitTrouble,
  uncheckedTemporaryTables,
  unconfirmedTerminations,
} from './outcomes.js';
import { blindness, unalterableRoles } from './privileges.js';

/** What an instance's visit shows, the worst first. */
export function findingsOf(visit: Visit, policy: Policy): readonly Finding[] {
  const { snapshot } = visit;
  if (snapshot === null) return [];
  const findings = [
    serverFull(visit, snapshot),
    wayIn(visit),
    ...blindness(snapshot),
    leakSuspect(visit, snapshot, policy),
    refusedTerminations(visit, snapshot),
    ...unconfirmedTerminations(visit),
    leftStanding(visit),
    ...visit.roleLimits.map((limit) => roleLimitTrouble(limit, snapshot)),
    ...unalterableRoles(visit, snapshot, policy),
    noReservedSlot(snapshot),
    oldPreparedTransactions(snapshot),
    uncheckedTemporaryTables(visit),
    anotherRun(visit),
    lockIntruders(visit),
    lostRuns(visit),
  ].filter((finding) => finding !== null);
  const order = ['critical', 'warning', 'info'];
  return findings.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}
