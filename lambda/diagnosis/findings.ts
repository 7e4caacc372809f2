/** All findings of an instance in their order. A new finding goes here and into a file by its subject. */
import type { Policy } from '../policy/policy.js';
import { noReservedSlot, reserveTaken, serverFull, wayIn } from './capacity.js';
import type { Finding } from './finding.js';
import type { InstanceResult } from './instance-result.js';
import { oldPreparedTransactions } from './prepared-transactions.js';
import { blindness, unalterableRoles } from './privileges.js';
import { roleLimitTrouble } from './role-limits.js';
import { anotherRun, lockIntruders, lostRuns } from './run-lock.js';
import { settingFindings } from './server-settings.js';
import { uncheckedTemporaryTables } from './temporary-tables.js';
import { leftStanding, refusedTerminations, unconfirmedTerminations } from './terminations.js';
import { untrackedActivity } from './untracked-activity.js';

/** What is to be known of an instance, the worst first. */
export function findingsOf(result: InstanceResult, policy: Policy): readonly Finding[] {
  const { snapshot } = result;
  if (snapshot === null) return [];
  const findings = [
    serverFull(result, snapshot),
    wayIn(result, snapshot),
    ...blindness(snapshot),
    untrackedActivity(snapshot),
    refusedTerminations(result, snapshot),
    ...unconfirmedTerminations(result),
    leftStanding(result),
    ...result.roleLimits.map((limit) => roleLimitTrouble(limit, snapshot)),
    ...unalterableRoles(result, snapshot, policy),
    noReservedSlot(snapshot),
    reserveTaken(snapshot),
    oldPreparedTransactions(snapshot),
    uncheckedTemporaryTables(result),
    anotherRun(result),
    lockIntruders(result),
    lostRuns(result),
    ...settingFindings(result, snapshot),
  ].filter((finding) => finding !== null);
  const order = ['critical', 'warning', 'info'];
  return findings.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}
