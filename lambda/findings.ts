import { noReservedSlot, serverFull, wayIn } from './findings/capacity.js';
import type { Finding } from './findings/finding.js';
import { leakSuspect } from './findings/leak.js';
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
} from './findings/outcomes.js';
import { blindness, unalterableRoles } from './findings/rights.js';
import type { Policy } from './policy.js';
import type { Visit } from './visit.js';

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
